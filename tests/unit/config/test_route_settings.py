from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.route_settings import RouteSettings
from gateway.model.credential import CredentialKind
from gateway.model.field_changes import FieldChanges
from gateway.model.route import (
    Access,
    CorsRules,
    LimitBy,
    Match,
    OnMany,
    RateLimit,
    Require,
    Route,
    Timeouts,
    UpstreamAddress,
)

LEAST = {"name": "orders", "match": {}, "upstream": "http://orders:8000"}
ORDERS = UpstreamAddress("http", "orders", 8000)


def route(**keys: Any) -> Route:
    return RouteSettings.model_validate(LEAST | keys).to_route(("key", "token"), 7)


def refused(**keys: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        RouteSettings.model_validate(LEAST | keys)
    return caught.value.errors()[0]["msg"]


def test_the_shortest_route_requires_a_session_on_every_path() -> None:
    assert route() == Route(
        name="orders",
        match=Match(path="/"),
        access=Access.REQUIRED,
        credentials=("key", "token"),
        upstream=(ORDERS,),
        body_bytes=7,
    )


def test_every_key_of_a_route_reaches_the_model() -> None:
    assert route(
        match={"host": "*.Example.com", "path": "/orders/", "methods": ["get", "POST"]},
        access="optional",
        credentials=["token"],
        on_many="first",
        require={
            "roles": "admin",
            "all_roles": ["a", "b"],
            "organizations": ["org_1"],
            "projects": ["p"],
            "workspaces": ["w"],
            "scopes": ["orders:write"],
            "kinds": "bearer",
            "email_domains": ["example.com"],
        },
        origins=["https://App.example.com:443", "http://localhost:3000"],
        upstream=["http://orders:8000", "https://[::1]"],
        strip_prefix="/orders/",
        preserve_host=False,
        forward_credentials=True,
        path_parameters=True,
        audience="orders",
        body_bytes=0,
        timeouts={"connect": "1s", "response": "2s", "idle": "3s", "total": "1m"},
        rate_limit={"per": "session", "rate": "60/m", "burst": 5},
    ) == Route(
        name="orders",
        match=Match(path="/orders/", host="*.example.com", methods=frozenset({"GET", "POST"})),
        access=Access.OPTIONAL,
        credentials=("token",),
        on_many=OnMany.FIRST,
        require=Require(
            roles=frozenset({"admin"}),
            all_roles=frozenset({"a", "b"}),
            organizations=frozenset({"org_1"}),
            projects=frozenset({"p"}),
            workspaces=frozenset({"w"}),
            scopes=frozenset({"orders:write"}),
            kinds=frozenset({CredentialKind.BEARER}),
            email_domains=frozenset({"example.com"}),
        ),
        origins=frozenset({"https://app.example.com", "http://localhost:3000"}),
        upstream=(ORDERS, UpstreamAddress("https", "::1", 443)),
        strip_prefix="/orders",
        preserve_host=False,
        forward_credentials=True,
        path_parameters=True,
        audience="orders",
        body_bytes=0,
        timeouts=Timeouts(connect=1.0, response=2.0, idle=3.0, total=60.0),
        rate_limit=RateLimit(per=LimitBy.SESSION, rate=1.0, burst=5),
    )


def test_the_model_has_no_field_that_a_config_cannot_set() -> None:
    assert set(RouteSettings.model_fields) == set(Route.__struct_fields__)
    assert set(RouteSettings.model_fields["require"].annotation.model_fields) == set(Require.__struct_fields__)
    assert set(RouteSettings.model_fields["timeouts"].annotation.model_fields) == set(Timeouts.__struct_fields__)
    assert set(RouteSettings.model_fields["match"].annotation.model_fields) == set(Match.__struct_fields__)


def test_a_public_route_reads_no_credential() -> None:
    assert route(access="public").credentials == ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("orders", "origin-form"),
        ("/a/../b", "dot segment"),
        ("/a//b", "empty segment"),
        ("/a?b=c", "a query takes no part"),
        ("/%41", "canonical form: /A"),
        ("/a%2fb", "canonical form: /a%2Fb"),
        ("/caf\u00e9", "non-ASCII"),
        ("", "origin-form"),
    ],
)
def test_a_path_that_no_request_can_have_is_refused(path: str, text: str) -> None:
    assert text in refused(match={"path": path})
    assert not path or text in refused(strip_prefix=path)


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("example.com:8080", "leave the port out"),
        ("*", "a host is a name"),
        ("a*.example.com", "a host is a name"),
        ("*.*.example.com", "a host is a name"),
        ("https://example.com", "a host is a name"),
        ("exa mple", "a host is a name"),
    ],
)
def test_a_host_that_no_request_can_have_is_refused(host: str, text: str) -> None:
    assert text in refused(match={"host": host})


@pytest.mark.parametrize("host", ["Example.COM", "example.com."])
def test_a_host_is_spelled_as_requests_are_matched(host: str) -> None:
    assert route(match={"host": host}).match.host == "example.com"


@pytest.mark.parametrize(
    "origin", ["*", "null", "app.example.com", "https://app.example.com/", "ftp://a", "https://u@a", "https://"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    assert "an origin is scheme, host and port alone" in refused(origins=[origin])


@pytest.mark.parametrize(
    "keys",
    [
        {"name": "has space"},
        {"name": ""},
        {"name": "x" * 65},
        {"upstream": []},
        {"upstream": "http://orders/path?q"},
        {"match": {"methods": ["TRACE"]}},
        {"match": {"methods": ["connect"]}},
        {"match": {"methods": ["A B"]}},
        {"match": {"methods": [""]}},
        {"match": {"methods": [7]}},
        {"retry": "always"},
        {"match": {"paths": "/"}},
        {"access": "maybe"},
        {"body_bytes": -1},
        {"timeouts": {"connect": 0}},
        {"rate_limit": {"per": "session", "rate": "1/s", "burst": 0}},
        {"rate_limit": {"per": "user", "rate": "1/s", "burst": 1}},
        {"require": {"kinds": ["passport"]}},
        {"cors": {}},
        {"cors": {"origins": ["*"]}},
        {"cors": {"origins": ["https://a.example"], "exposed": ["two words"]}},
    ],
)
def test_what_makes_no_sense_is_refused(keys: dict[str, Any]) -> None:
    assert refused(**keys)


def test_a_page_that_may_read_answers_may_also_use_cookies() -> None:
    keys = {"origins": ["https://B.example:443"], "max_age": "5m", "request_headers": "X-Trace", "exposed": ["X-Total"]}
    found = route(origins=["https://a.example"], cors=keys)
    assert found.origins == {"https://a.example", "https://b.example"}
    assert found.cors == CorsRules(frozenset({"https://b.example"}), ("X-Trace",), ("X-Total",), 300)
    assert route().cors is None


@pytest.mark.parametrize(("written", "shared"), [({}, True), ({"shared": False}, False)])
def test_replicas_count_together_by_default(written: dict[str, bool], shared: bool) -> None:
    limit = route(rate_limit={"per": "address", "rate": "1/s", "burst": 1, **written}).rate_limit
    assert limit is not None
    assert limit.shared is shared


def test_fields_that_a_route_fixes_may_be_in_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Basic s3cr3t\n")
    fixed = {"set": {"Authorization_file": str(tmp_path / "token"), "X-Tenant": "t"}, "remove": "X-Debug"}
    made = route(request_headers=fixed, response_headers={"remove": ["Server"]})
    assert made.request_headers == FieldChanges(
        ((b"X-Tenant", b"t"), (b"Authorization", b"Basic s3cr3t")), (b"X-Debug",)
    )
    assert made.response_headers == FieldChanges((), (b"Server",))
    assert "s3cr3t" not in repr(made)


@pytest.mark.parametrize(
    "fixed",
    [
        {"A": "s3cr3t\r\nB: b"},
        {"A": " s3cr3t"},
        {"A": "s3cr3t\xe9"},
        {"A": ""},
        {"A b": "s3cr3t"},
        {"Host": "s3cr3t"},
        {"A_file": "/nowhere"},
        {"A": "s3cr3t", "A_file": "/nowhere"},
    ],
)
def test_a_field_that_is_none_is_refused_without_its_value(fixed: dict[str, str]) -> None:
    assert "s3cr3t" not in refused(request_headers={"set": fixed})
