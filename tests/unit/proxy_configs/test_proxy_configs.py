"""The four configs: the same plan, in each proxy's words; tests/e2e starts the proxies with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway.config.settings import Settings
from gateway.model.errors import GatewayError
from gateway.proxy_configs.caddy_config import caddy_config
from gateway.proxy_configs.envoy_config import envoy_config
from gateway.proxy_configs.nginx_config import PAGE, nginx_config
from gateway.proxy_configs.plan import FrontPlan, left_undone, plan_for
from gateway.proxy_configs.template import fill
from gateway.proxy_configs.traefik_config import traefik_config, traefik_static_config
from tests.support.builders.configs import SECRET

pytestmark = pytest.mark.slow

CONFIGS: Mapping[str, Callable[[FrontPlan], str]] = {
    "nginx": nginx_config,
    "traefik": traefik_config,
    "caddy": caddy_config,
    "envoy": envoy_config,
}
SET_BY_EACH = {*(f"x-forwarded-{name}" for name in ("for", "host", "port", "proto", "server")), "x-real-ip"}
ANY = {"caddy": "*", "envoy": ".*"}
"""How those that can remove by prefix write it."""

ROUTE = {"name": "all", "match": {"path": "/"}, "access": "public", "upstream": "http://app:8000"}
KEY = {"key": {"kind": "api_key", "header": "X-Team-Key", "type": "user", "authority": "a"}}
SEVERAL = (
    {"name": "orders", "match": {"host": "api.example.com", "path": "/orders/", "methods": ["GET", "POST"]}},
    {
        "name": "exact",
        "match": {"host": "*.example.com", "path": "/caf%C3%A9"},
        "upstream": ["http://b:1", "http://c:2"],
    },
    {"name": "rest", "match": {"path": "/"}, "upstream": "http://rest:3"},
)


def plan(proxy: str = "nginx", routes: Any = (ROUTE,), **sections: Any) -> FrontPlan:
    return plan_for(proxy, settings(routes, **sections), "10.0.0.9:8080")


def settings(routes: Any = (ROUTE,), **sections: Any) -> Settings:
    return Settings.model_validate({"secret": SECRET, "routes": [*routes], **sections})


def several() -> Any:
    return [{"access": "public", "upstream": "http://orders:8000", **route} for route in SEVERAL]


def test_the_plan_names_what_the_config_does() -> None:
    made = plan(
        credentials=KEY,
        identity={"headers": {"user_id": "X-Who", "user_email": "Remote-Email"}, "from_clients": ["X-Hasura-Role"]},
        forward_auth={"nginx": {"path": "/ask"}},
        limits={"body_bytes": 7},
    )
    assert (made.gateway, made.path, made.body_bytes) == ("10.0.0.9:8080", "/ask", 7)
    assert made.identity == ("X-Who", "Remote-Email", "X-Identity-Token")
    assert made.credentials == ("x-team-key",)
    assert {"remote-user", "x-forwarded-user", "script-name", "proxy"} <= set(made.removed)
    assert not {"remote-email", "x-hasura-role", "traceparent", "x-request-id"} & set(made.removed)
    assert "x-hasura-" not in made.families
    assert "x-trino-" in made.families
    assert [each.name for each in made.applications] == ["app"]
    assert made.destinations == ()


@pytest.mark.parametrize("proxy", CONFIGS)
def test_an_endpoint_that_is_not_in_the_config_has_its_default_path(proxy: str) -> None:
    assert plan(proxy).path == f"/_gateway/auth/{proxy}"


@pytest.mark.parametrize("proxy", CONFIGS)
def test_every_config_asks_copies_and_removes(proxy: str) -> None:
    made = plan(proxy, credentials=KEY)
    text = CONFIGS[proxy](made).lower()
    assert "10.0.0.9" in text
    assert made.path in text
    for name in {*made.identity, *made.credentials, *made.removed} - SET_BY_EACH:
        by_family = [prefix + ANY[proxy] for prefix in made.families if proxy in ANY and name.startswith(prefix)]
        written = [re.escape(each.lower()) for each in (name, *by_family)]
        assert re.search(rf"(?<![\w])({'|'.join(written)})(?![\w-])", text), name
    assert not re.search(r"#=|<[a-z_]+>", text.replace(PAGE.lower(), ""))


@pytest.mark.parametrize("proxy", CONFIGS)
def test_several_applications_are_told_apart_by_the_routes_in_their_order(proxy: str) -> None:
    text = CONFIGS[proxy](plan(proxy, several()))
    assert text.index("orders") < text.rindex("rest")
    if proxy in {"traefik", "envoy"}:
        YAML(typ="safe", pure=True).load(text)


def test_nginx_maps_method_host_and_path() -> None:
    text = nginx_config(plan("nginx", several()))
    patterns = [re.compile(each) for each in re.findall(r'"~\^([^"]*/[^"]*)" app-', text)]
    asked = [
        ("GET api.example.com/orders", 0),
        ("POST api.example.com/orders/1", 0),
        ("DELETE api.example.com/orders/1", 2),
        ("GET api.example.com/orders2", 2),
        ("GET apixexample.com/orders/", 2),
        ("GET a.example.com/café", 1),
        ("GET a.b.example.com/café", 2),
        ("GET a.example.com/café/", 2),
        ("GET API.example.com:8080/orders/", 0),
        ("GET api.example.com./orders/", 0),
        ("GET api.example.com.evil/orders/", 2),
    ]
    for key, expected in asked:
        assert [bool(each.match(key)) for each in patterns].index(True) == expected, key


def test_envoy_knows_a_path_in_every_encoding() -> None:
    text = envoy_config(plan("envoy", several()))
    orders, cafe = (re.compile(each) for each in re.findall(r"safe_regex: \{regex: '([^']*)'\}", text)[::2])
    for path in ("/orders", "/orders/", "/orders/1", "/%6Frders/1", "/%6frder%73"):
        assert orders.fullmatch(path), path
    for path in ("/ordersx", "/Orders", "/x/orders"):
        assert not orders.fullmatch(path), path
    assert cafe.fullmatch("/caf%C3%A9")
    assert cafe.fullmatch("/caf%c3%a9")


def test_traefik_has_a_router_for_handshakes_beside_each() -> None:
    made = YAML(typ="safe", pure=True).load(traefik_config(plan("traefik", several())))
    routers = made["http"]["routers"]
    assert [each["priority"] for each in routers.values()] == [7, 6, 5, 4, 3, 2]
    assert {name.endswith("-websocket"): each["middlewares"][0] for name, each in routers.items()} == {
        True: "websocket",
        False: "plain",
    }
    assert {each["service"] for each in routers.values()} == set(made["http"]["services"])
    assert YAML(typ="safe", pure=True).load(traefik_static_config())["entryPoints"]["web"]


def test_caddy_refuses_a_connection_field_that_names_what_is_copied() -> None:
    assert "Connection (?i)x[-_.]" in caddy_config(plan("caddy"))
    renamed = caddy_config(plan("caddy", identity={"headers": {"user_id": "Remote-User"}}))
    assert "Connection (?i)(remote[-_.]user|x[-_.]identity[-_.]token)" in renamed


@pytest.mark.parametrize("proxy", ["nginx", "envoy"])
def test_what_cannot_be_written_safely_is_not_written(proxy: str) -> None:
    with pytest.raises(GatewayError):
        CONFIGS[proxy](plan(proxy, [ROUTE | {"upstream": "https://app"}]))


def test_upstreams_of_two_schemes_and_no_routes_have_no_plan() -> None:
    for routes in ([ROUTE | {"upstream": ["https://app", "http://app"]}], []):
        with pytest.raises(GatewayError):
            plan("nginx", routes)


def test_an_upstream_at_a_socket_file_has_no_plan() -> None:
    with pytest.raises(GatewayError, match="socket file"):
        plan(routes=[{**ROUTE, "upstream": "unix:/run/app.sock"}])


def test_what_a_proxy_is_left_to_do_is_told() -> None:
    route = ROUTE | {"forward_credentials": True, "timeouts": {"response": "5s"}, "case_sensitive": True}
    assert list(left_undone("nginx", settings())) == []
    told = [each.partition(" ")[0] for each in left_undone("nginx", settings([route]))]
    assert told == ["forward_credentials", "timeouts"]
    limited = settings(limits={"body_bytes": 7})
    assert list(left_undone("nginx", limited)) == []
    assert [each.partition(":")[0] for each in left_undone("envoy", limited)] == ["limits.body_bytes"]


def test_a_template_is_filled_whole_or_not_at_all() -> None:
    with pytest.raises(KeyError):
        fill("nginx.conf", {}, {})
