from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway.config.settings import Settings
from gateway.http1.field_names import LISTED_TOLD_BY_US
from gateway.identity.foreign_names import ForeignNames
from gateway.identity.foreign_table import FAMILIES
from gateway.model.errors import GatewayError
from gateway.proxy_configs.kubernetes_policies import (
    envoy_gateway_policies,
    gateway_api_route,
    istio_policy,
    istio_provider,
    traefik_resources,
)
from gateway.proxy_configs.plan import FrontPlan, plan_for
from tests.support.builders.configs import SECRET

pytestmark = pytest.mark.slow

SIGNS = "!#$%&'*+.^_`|~-"
CARRIED = {b"traceparent", b"tracestate", b"x-request-id"}


def plan(*upstreams: str, gateway: str = "gateway.edge:80", **sections: Any) -> FrontPlan:
    routes = [
        {"name": f"r{place}", "match": {"path": f"/{place}/"}, "access": "public", "upstream": f"http://{each}"}
        for place, each in enumerate(upstreams or ("orders.shop:8000",))
    ]
    settings = Settings.model_validate({"secret": SECRET, "routes": routes, **sections})
    return plan_for("envoy", settings, gateway)


def documents(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe", pure=True).load_all(text))


def removed(**sections: Any) -> list[str]:
    policy, _ = documents(envoy_gateway_policies(plan(**sections)))
    return [each["value"] for each in policy["spec"]["headers"]["earlyRequestHeaders"]["removeOnMatch"]]


def test_what_no_client_may_tell_is_removed_with_any_sign() -> None:
    expressions = removed()
    assert max(map(len, expressions)) <= 1024
    whole = re.compile("|".join(expressions))
    names = {*ForeignNames().listed, *LISTED_TOLD_BY_US, *(family + b"made-up" for family in FAMILIES)} - CARRIED
    for name in sorted(each.decode() for each in names):
        ours = name in {"x-forwarded-for", "x-forwarded-proto", "x-real-ip"}  # Envoy sets these, spelled so alone
        for sign in SIGNS:
            spelled = name.replace("-", sign)
            assert (whole.fullmatch(spelled) is not None) != (ours and sign == "-"), spelled


@pytest.mark.parametrize(
    "name",
    ["accept", "authorization", "cookie", "x-api-key", "x-user-id", "x-hasura-admin-secret", "x-custom", "traceparent"],
)
def test_what_applications_are_to_get_is_left(name: str) -> None:
    assert not re.fullmatch("|".join(removed()), name)


@pytest.mark.parametrize(("name", "is_removed"), [("x-user.id", True), ("x_user-id", True), ("x-who", False)])
def test_other_spellings_of_an_identity_header_are_removed(name: str, is_removed: bool) -> None:
    headers = {"user_id": "X-User-Id", "user_name": "X-Who"}
    assert bool(re.fullmatch("|".join(removed(identity={"headers": headers})), name)) == is_removed


@pytest.mark.parametrize("prefix", ["x-forwarded-", "x-hasura-"])
def test_whatever_begins_like_a_name_that_passes_is_removed(prefix: str) -> None:
    whole = re.compile("|".join(removed()))
    for name in ("x-forwarded-for", "x-forwarded-proto", "x-hasura-admin-secret"):
        if name.startswith(prefix):
            for length in range(len(prefix) + 1, len(name)):
                assert whole.fullmatch(name[:length]), name[:length]
                assert whole.fullmatch(f"{name[:length]}0"), f"{name[:length]}0"
            assert whole.fullmatch(f"{name}s")
            assert not whole.fullmatch(name)


def test_the_gateway_is_asked_with_the_credentials_of_the_config() -> None:
    key = {"key": {"kind": "api_key", "header": "X-Team-Key", "type": "user", "authority": "a"}}
    _, policy = documents(envoy_gateway_policies(plan(credentials=key)))
    assert "x-team-key" in policy["spec"]["extAuth"]["headersToExtAuth"]
    (values,) = documents(istio_provider(plan()))
    asked = values["meshConfig"]["extensionProviders"][0]["envoyExtAuthzHttp"]["includeRequestHeadersInCheck"]
    assert {f"{sign}*" for sign in SIGNS if sign != "*"} < set(asked)


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("gw.edge:80", "gw.edge.svc.cluster.local"),
        ("gw.edge.svc:80", "gw.edge.svc.cluster.local"),
        ("gw.edge.svc.cluster.local:80", "gw.edge.svc.cluster.local"),
        ("gw:80", "gw.default.svc.cluster.local"),
    ],
)
def test_a_service_is_named_as_within_a_cluster(address: str, service: str) -> None:
    (values,) = documents(istio_provider(plan(gateway=address)))
    assert values["meshConfig"]["extensionProviders"][0]["envoyExtAuthzHttp"]["service"] == service


@pytest.mark.parametrize("printed", [istio_policy, gateway_api_route, traefik_resources])
@pytest.mark.parametrize("upstream", ["10.0.0.1:8000", "api.example.com:443"])
def test_what_is_no_service_is_refused(printed: Any, upstream: str) -> None:
    with pytest.raises(GatewayError, match=rf"{re.escape(upstream)} is no Service of a cluster: NAME.NAMESPACE:PORT"):
        printed(plan(upstream))


@pytest.mark.parametrize("printed", [istio_policy, gateway_api_route])
def test_a_route_by_the_most_specific_path_is_for_one_application(printed: Any) -> None:
    with pytest.raises(GatewayError, match="a route is written for one upstream"):
        printed(plan("orders.shop:8000", "bills.shop:8000"))


def test_traefik_reaches_into_one_namespace() -> None:
    route, *_ = documents(traefik_resources(plan("orders.shop:8000", "bills.shop:8000")))
    assert {each["services"][0]["name"] for each in route["spec"]["routes"]} == {"orders", "bills"}
    with pytest.raises(GatewayError, match="the upstreams are in bills and shop"):
        traefik_resources(plan("orders.shop:8000", "all.bills:8000"))
