import pytest

from gateway.config.check_own_paths import OwnPath, own_paths
from tests.support.builders.configs import LEAST, READERS, partial, route_problems

SERVED = (
    "session_info:\n"
    "  - {dialect: composio, credentials: [key], hosts: [api.example.com]}\n"
    "  - {dialect: memghost, credentials: [token]}\n"
    "forward_auth: {envoy: {path: /ask/, peers: [10.0.0.0/8]}}\n"
    "identity: {token: {issuer: i, keys_file: k, jwks_path: /keys}}\n"
    "sign_in: {reader: r, providers: {people: {kind: password, logins: [rocketchat, memghost]}}}\n"
)


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        ("match: {path: /_gateway/session}, access: public", True),
        ("match: {path: /_gateway/session/}, access: public", True),
        ("match: {path: /auth/session}, access: public", True),
        ("match: {path: /auth/session, host: api.example.com}, access: public", True),
        ("match: {path: /auth/session, host: www.example.com}, access: public", False),
        ("match: {path: /auth/}, access: public", False),
        ("match: {}, access: public", False),
    ],
)
def test_a_route_for_an_own_path_is_warned_of(keys: str, taken: bool) -> None:
    endpoint = "session_info: [{dialect: memghost, credentials: [token], hosts: [api.example.com]}]\n"
    problems = route_problems(keys, more=READERS + endpoint)
    assert [line.startswith("warning: routes[0].match.path: the gateway answers /") for line in problems] == [
        True
    ] * taken


def test_a_route_beneath_the_gateways_own_path_is_warned_of_once() -> None:
    alone = "is beneath /_gateway/, where the gateway alone answers: this route gets nothing"
    assert route_problems("match: {path: /_gateway/a}, access: public") == [f"warning: routes[0].match.path: {alone}"]
    assert len(route_problems("match: {path: /_gateway/session}, access: public")) == 1


def test_every_own_path_says_whose_it_is() -> None:
    config = partial(LEAST + SERVED)
    owners = {own.path: (own.owner, own.key) for own in own_paths(config.sections, config.session_info)}
    assert owners == {
        "/_gateway/session": ("the session in its normal form", ()),
        "/_gateway/openapi.json": ("the OpenAPI document", ()),
        "/keys": ("the identity token's keys", ("identity", "token", "jwks_path")),
        "/ask": ("forward-auth, envoy", ("forward_auth", "envoy", "path")),
        "/api/v3/auth/session/info": ("session_info, composio", ("session_info", 0)),
        "/api/v3.1/auth/session/info": ("session_info, composio", ("session_info", 0)),
        "/auth/session": ("session_info, memghost", ("session_info", 1)),
        "/api/v1/auth/session": ("session_info, memghost", ("session_info", 1)),
        "/api/v1/login": ("sign-in, rocketchat", ("sign_in", "providers", "people", "logins")),
        "/auth/login": ("sign-in, memghost", ("sign_in", "providers", "people", "logins")),
        "/api/v1/auth/login": ("sign-in, memghost", ("sign_in", "providers", "people", "logins")),
    }


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        (OwnPath("/a", "x"), OwnPath("/a", "y"), True),
        (OwnPath("/a", "x"), OwnPath("/b", "y"), False),
        (OwnPath("/a", "x", (), frozenset({"h"})), OwnPath("/a", "y"), True),
        (OwnPath("/a", "x", (), frozenset({"h", "i"})), OwnPath("/a", "y", (), frozenset({"i"})), True),
        (OwnPath("/a", "x", (), frozenset({"h"})), OwnPath("/a", "y", (), frozenset({"i"})), False),
    ],
)
def test_two_meet_where_one_request_is_for_both(one: OwnPath, other: OwnPath, answer: bool) -> None:
    assert one.meets(other) is answer
    assert other.meets(one) is answer
