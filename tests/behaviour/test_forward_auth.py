"""The four endpoints, asked as their proxies ask: one decision, and never an allow for what was not plainly asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.builders.forward_auth import PROXIES, Asked, Lines, endpoints
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import (
    IDENTITY,
    MEMBER_KEY,
    PROJECT_KEY,
    Examples,
    Gateway,
    config,
    serving,
    serving_examples,
)
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

KEY = ("X-Api-Key", PROJECT_KEY)
JOHN = b"550e8400-e29b-41d4-a716-446655440002"


@pytest.fixture
async def both(examples: Examples, tmp_path: Path) -> AsyncIterator[tuple[Gateway, RecordingUpstream]]:
    async with serving_examples(examples, tmp_path, forward_auth=endpoints()) as running:
        yield running
        assert running[1].requests == [], "a decision is asked of nobody else"


@pytest.fixture
def gateway(both: tuple[Gateway, RecordingUpstream]) -> Gateway:
    return both[0]


async def ask(gateway: Gateway, proxy: str, asked: Asked, told: Lines | None = None) -> RawResponse:
    return await exchange(gateway.port, asked.raw(proxy, told), head=asked.method == "HEAD" and proxy == "envoy")


def lines(gateway: Gateway) -> list[dict[str, object]]:
    return [line for raw in gateway.log().splitlines() if (line := json.loads(raw)).get("log") == "access"]


@pytest.mark.parametrize("proxy", PROXIES)
async def test_an_allow_tells_every_identity_header_empty_where_nothing_is_known(gateway: Gateway, proxy: str) -> None:
    response = await ask(gateway, proxy, Asked().showing(KEY))
    assert (response.status, response.body) == (200, b"")
    assert {name: len(response.all(name)) for name in IDENTITY} == dict.fromkeys(IDENTITY, 1)
    assert response.one(b"X-User-Id") == JOHN
    assert response.one(b"X-Session-Id") == response.one(b"X-Workspace-Id") == b""
    assert response.one(b"Cache-Control") == b"no-store"
    (line,) = lines(gateway)
    assert (line["endpoint"], line["path"], line["host"]) == (f"forward_auth.{proxy}", "/echo/a", "app.test")
    assert (line["client"], line["route"], line["decision"]) == ("192.0.2.7", "echo", "allowed")


@pytest.mark.parametrize("proxy", PROXIES)
async def test_an_anonymous_allow_says_that_nobody_is_known(gateway: Gateway, proxy: str) -> None:
    for target in ("/public/a", "/optional/a"):
        response = await ask(gateway, proxy, Asked(target=target).showing(("X-Session-Id", "forged")))
        assert response.status == 200
        assert {response.one(name) for name in IDENTITY} == {b""}


REFUSED: list[tuple[str, Asked, int, int]] = [
    # what is asked, then the status at nginx's endpoint and at every other
    ("nobody", Asked(), 401, 401),
    ("a bad key", Asked().showing(("X-Api-Key", "nobody's")), 401, 401),
    ("two keys", Asked().showing(KEY, KEY), 401, 401),
    ("a key and a cookie", Asked().showing(KEY, ("Cookie", "__session=x")), 401, 401),
    ("a bad key on an optional route", Asked(target="/optional/").showing(("X-Api-Key", "x")), 401, 401),
    ("a role that is not there", Asked(target="/admin/").showing(("X-Api-Key", MEMBER_KEY)), 403, 403),
    ("no route", Asked(target="/nowhere").showing(KEY), 403, 404),
    ("a cookie of a foreign page", Asked("POST").showing(("Cookie", "__session=x")), 403, 403),
    ("a parameter in the path", Asked(target="/public/;a").showing(KEY), 403, 400),
    ("dot segments", Asked(target="/public/../admin/").showing(KEY), 403, 400),
    ("encoded dot segments", Asked(target="/public/%2e%2e/admin/").showing(KEY), 403, 400),
    ("an encoded slash behind dots", Asked(target="/public/..%2fadmin/").showing(KEY), 403, 400),
    ("an encoded slash", Asked(target="/public%2f..%2fadmin").showing(KEY), 403, 400),
    ("an encoded backslash", Asked(target="/public/%5c../admin/").showing(KEY), 403, 400),
    ("two slashes", Asked(target="/public//admin/").showing(KEY), 403, 400),
    ("a broken escape", Asked(target="/public/%zz").showing(KEY), 403, 400),
    ("an overlong target", Asked(target="/public/" + "a" * 8300), 403, 414),
    ("another spelling of an identity header", Asked(target="/public/").showing(("X_User_Id", "root")), 403, 400),
    ("dots in an identity header", Asked(target="/public/").showing(("x.user.id", "root")), 403, 400),
]


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
async def test_a_refusal_has_the_status_that_the_proxy_understands(
    gateway: Gateway, case: tuple[str, Asked, int, int], proxy: str
) -> None:
    _, asked, at_nginx, elsewhere = case
    response = await ask(gateway, proxy, asked)
    assert response.status == (at_nginx if proxy == "nginx" else elsewhere)
    assert response.one(b"Cache-Control") == b"no-store"
    assert [name for name in IDENTITY if response.all(name)] == []
    if response.status == 401:
        assert response.one(b"WWW-Authenticate") is not None


@pytest.mark.parametrize("proxy", PROXIES)
async def test_methods_are_judged_as_the_client_sent_them(gateway: Gateway, proxy: str) -> None:
    for method in ("TRACE", "CONNECT", "propfind", "get", "GE T", ""):
        response = await ask(gateway, proxy, Asked(method, "/public/"))
        assert response.status >= 400, method
    for method in ("HEAD", "POST", "OPTIONS", "DELETE", "PROPFIND", "FOO"):
        assert (await ask(gateway, proxy, Asked(method, "/public/"))).status == 200, method


def broken(proxy: str) -> dict[str, Lines]:
    """Return everything that can be wrong with what a proxy overwrites, field by field, on a route that is public."""
    told = Asked(target="/public/").told(proxy)
    cases: dict[str, Lines] = {"none of it": ()}
    for place, (name, value) in enumerate(told):
        rest = (*told[:place], *told[place + 1 :])
        cases[f"no {name}"] = rest
        cases[f"empty {name}"] = (*rest, (name, ""))
        cases[f"{name} twice"] = (*told, (name, value))
        if name not in {
            "X-Forwarded-For",
            "X-Real-IP",
        }:  # addresses that cannot be read are not believed, and name nobody
            for bad in ("\xff", "a b", "/\ta", ", ", f"{value}, {value}", f"{value}\x7f"):
                cases[f"{name} is {bad!r}"] = (*rest, (name, bad))
    return cases


@pytest.mark.parametrize("proxy", PROXIES)
async def test_what_the_proxy_cannot_have_said_is_never_an_allow(gateway: Gateway, proxy: str) -> None:
    for name, told in broken(proxy).items():
        status = (await ask(gateway, proxy, Asked(target="/public/"), told)).status
        assert status in ({400, 403} if proxy == "nginx" else {400, 501}), name


FOREIGN = {
    "x-original-url": "http://app.test/public/",
    "x-original-uri": "/public/",
    "X-Original-Method": "GET",
    "x-forwarded-uri": "/public/",
    "X-Forwarded-Method": "GET",
    "X-Envoy-Original-Path": "/public/",
    "X-Rewrite-Url": "/public/",
}


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("target", ["/echo/", "/public/"])
async def test_another_proxys_way_of_telling_is_refused(gateway: Gateway, proxy: str, target: str) -> None:
    own = {name.lower() for name, _ in Asked().told(proxy)}
    for name, value in FOREIGN.items():
        if name.lower() not in own:
            asked = Asked(target=target).showing(KEY, (name, value))
            assert (await ask(gateway, proxy, asked)).status == (403 if proxy == "nginx" else 400), name


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("endpoint", PROXIES)
async def test_an_endpoint_is_not_opened_by_what_another_proxy_sends(
    gateway: Gateway, proxy: str, endpoint: str
) -> None:
    if {proxy, endpoint} <= {"traefik", "caddy"} or proxy == endpoint:
        return  # these two overwrite the same five fields
    asked = Asked(target="/public/")
    start = asked.start(proxy).replace(f"/auth/{proxy}", f"/auth/{endpoint}")
    raw = (
        start + "".join(f"{name}: {value}\r\n" for name, value in asked.told(proxy)) + "Connection: close\r\n\r\n"
    ).encode()
    assert (await exchange(gateway.port, raw)).status in {400, 403, 404}


@pytest.mark.parametrize("proxy", PROXIES)
async def test_a_websocket_with_a_foreign_pages_cookie_is_refused_though_the_proxy_dropped_the_upgrade(
    gateway: Gateway, proxy: str
) -> None:
    handshake = (("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"))
    asked = Asked(target="/echo/ws").showing(("Cookie", f"__session={gateway.cookie}"), *handshake)
    assert (await ask(gateway, proxy, asked.showing(("Origin", "https://evil.example")))).status == 403
    assert (await ask(gateway, proxy, asked.showing(("Origin", "http://app.test")))).status == 200
    offered = asked.showing(("Upgrade", "h2c"))  # beside a handshake's fields: no way around the check
    assert (await ask(gateway, proxy, offered.showing(("Origin", "https://evil.example")))).status == 403
    cookie = Asked(target="/echo/").showing(("Cookie", f"__session={gateway.cookie}"))
    assert (await ask(gateway, proxy, cookie.showing(("Upgrade", "h2c"), ("Connection", "Upgrade")))).status == 200


FROM_CLIENTS = (
    *("Remote-User", "X-Auth-Request-User", "X-Forwarded-User", "X-WebAuth-User", "X-Hasura-Made-Up", "Script-Name"),
    *("X-HTTP-Method-Override", "X-Middleware-Subrequest", "X-Accel-Mapping", "Proxy", "X-Forwarded-Prefix"),
    *("X-Scope-OrgID", "Impersonate-User", "X-Amzn-Request-Context", "X-IIS-Made-Up", "X-MSISDN", "Forwarded"),
)
MISSPELT = ("X!User!Id", "X_Forwarded_For", "REMOTE_USER", "Transfer_Encoding", "Content.Length", "X_Api_Key", "$WSRU")


@pytest.mark.parametrize("proxy", PROXIES)
async def test_what_the_proxied_path_removes_is_refused_where_the_proxy_would_send_it_on(
    gateway: Gateway, proxy: str
) -> None:
    refused = 403 if proxy == "nginx" else 400
    for name in (*FROM_CLIENTS, *MISSPELT):
        for asked in (Asked(target="/public/"), Asked().showing(KEY)):
            response = await ask(gateway, proxy, asked.showing((name, "forged")))
            if proxy == "envoy" and name in FROM_CLIENTS:  # which removes what it is told to
                assert response.status == 200, name
                told = (response.one(b"X-Envoy-Auth-Headers-To-Remove") or b"").split(b",")
                assert name.lower().encode() in told
            else:
                assert response.status == refused, name


SET_BY_THE_PROXY: dict[str, Lines] = {
    "nginx": (),
    "traefik": (("X-Forwarded-Port", "80"), ("X-Forwarded-Server", "edge"), ("X-Real-Ip", "192.0.2.7")),
    "caddy": (("Via", "1.1 Caddy"),),
    "envoy": (
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Envoy-Internal", "true"),
        ("X-Envoy-Expected-Rq-Timeout-Ms", "5000"),
        ("X-Request-Id", "0af76519-16cd-43dd-8448-eb211c80319c"),
    ),
}


@pytest.mark.parametrize("proxy", PROXIES)
async def test_what_the_proxy_says_itself_refuses_nobody(gateway: Gateway, proxy: str) -> None:
    for asked in (Asked(target="/public/"), Asked().showing(KEY)):
        everybodys = (("TE", "trailers"), ("traceparent", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"), ("X-Other", "1"))
        assert (await ask(gateway, proxy, asked.showing(*SET_BY_THE_PROXY[proxy], *everybodys))).status == 200


async def test_envoy_is_told_to_remove_the_credentials_of_the_route(examples: Examples, tmp_path: Path) -> None:
    at = {"access": "public", "upstream": "http://127.0.0.1:1"}
    routes = [
        {"name": "kept", "match": {"path": "/kept/"}, "forward_credentials": True, **at},
        {"name": "all", "match": {"path": "/"}, **at},
    ]
    async with serving_examples(examples, tmp_path, forward_auth=endpoints(), routes=routes) as (gateway, _):
        shown = (KEY, ("Authorization", "Bearer x"), ("X-User-Id", "u"), ("Remote-User", "forged"))
        for target, expected in (("/a", b"authorization,remote-user,x-api-key"), ("/kept/a", b"remote-user")):
            response = await ask(gateway, "envoy", Asked(target=target).showing(*shown))
            assert (response.status, response.one(b"X-Envoy-Auth-Headers-To-Remove")) == (200, expected)
            assert response.one(b"X-User-Id") == b"", "overwritten, and not removed"
        response = await ask(gateway, "envoy", Asked(target="/a"))
        assert response.all(b"X-Envoy-Auth-Headers-To-Remove") == []
        for proxy in ("traefik", "caddy"):
            response = await ask(gateway, proxy, Asked(target="/a").showing(KEY))
            assert response.all(b"X-Envoy-Auth-Headers-To-Remove") == []


async def test_a_listed_pages_preflight_goes_on_to_the_application_as_nobodys(
    examples: Examples, tmp_path: Path
) -> None:
    page = "https://app.example.com"
    match = {"path": "/", "methods": ["GET", "PUT"]}
    routes = [{"name": "a", "match": match, "upstream": "http://127.0.0.1:1", "cors": {"origins": [page]}}]
    async with serving_examples(examples, tmp_path, forward_auth=endpoints(), routes=routes) as (gateway, _):
        for proxy in PROXIES:
            for origin, method, status in (
                (page, "PUT", 200),
                (page, "DELETE", 404),
                ("https://evil.example", "PUT", 404),
            ):
                asked = Asked("OPTIONS", "/a").showing(("Origin", origin), ("Access-Control-Request-Method", method))
                response = await ask(gateway, proxy, asked)
                assert response.status == (403 if (proxy, status) == ("nginx", 404) else status)
                assert {value for name in IDENTITY for value in response.all(name)} <= {b""}


async def test_nobody_is_a_peer_by_default(examples: Examples, tmp_path: Path) -> None:
    closed = {name: {} for name in PROXIES}
    async with serving_examples(examples, tmp_path, forward_auth=closed, trusted_proxies=["127.0.0.0/8"]) as (
        gateway,
        _,
    ):
        for proxy in PROXIES:
            assert (await ask(gateway, proxy, Asked(target="/public/").showing(KEY))).status == 403
        assert {line["detail"] for line in lines(gateway)} == {"not one of the endpoint's peers"}


async def test_a_peer_is_known_by_its_socket_and_not_by_what_it_says(examples: Examples, tmp_path: Path) -> None:
    elsewhere = {name: {"peers": ["192.0.2.7/32"]} for name in PROXIES}
    async with serving_examples(examples, tmp_path, forward_auth=elsewhere, trusted_proxies=["127.0.0.0/8"]) as (
        gateway,
        _,
    ):
        for proxy in PROXIES:
            assert (await ask(gateway, proxy, Asked(target="/public/").showing(KEY))).status == 403


async def test_an_endpoint_that_is_not_configured_is_404_and_never_an_upstreams_200(
    examples: Examples, tmp_path: Path
) -> None:
    async with recording_upstream() as upstream:
        everything = {"name": "all", "match": {"path": "/"}, "access": "public"}
        routes = [everything | {"upstream": f"http://127.0.0.1:{upstream.port}"}]
        envoy_alone = {"envoy": {"peers": ["127.0.0.1/32"]}}
        settings = config(upstream.port, examples.settings(tmp_path), forward_auth=envoy_alone, routes=routes)
        async with serving(settings, tmp_path) as gateway:
            for proxy in ("nginx", "traefik", "caddy"):
                assert (await ask(gateway, proxy, Asked(target="/public/").showing(KEY))).status == 404
            for path in ("/_gateway/auth/", "/_gateway/auth/envoy", "/_gateway/auth/envoy*", "/_gateway/auth/envoy2/a"):
                raw = f"GET {path} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n".encode()
                assert (await exchange(gateway.port, raw)).status in {400, 404}
            assert (await ask(gateway, "envoy", Asked())).status == 200
        assert upstream.requests == []


async def test_an_allow_may_be_kept_only_as_long_as_was_opted_for_and_by_what_it_depends_on(
    examples: Examples, tmp_path: Path
) -> None:
    async with serving_examples(examples, tmp_path, forward_auth=endpoints(max_age="30s")) as (gateway, _):
        for proxy in PROXIES:
            response = await ask(gateway, proxy, Asked().showing(KEY))
            assert response.one(b"Cache-Control") == b"private, max-age=30"
            varies = set((response.one(b"Vary") or b"").split(b", "))
            shown = {b"x-api-key", b"x-user-api-key", b"x-org-api-key", b"authorization", b"cookie", b"x-auth-token"}
            told = {name.lower().encode() for name, _ in Asked().told(proxy)}
            assert varies >= shown | told | {b"origin", b"x-user-id"}
            assert (await ask(gateway, proxy, Asked())).one(b"Cache-Control") == b"no-store"


async def test_the_client_that_a_limit_counts_is_the_proxys_client(examples: Examples, tmp_path: Path) -> None:
    limited = {
        "name": "limited",
        "match": {"path": "/limited/"},
        "access": "public",
        "upstream": "http://127.0.0.1:1",
        "rate_limit": {"per": "address", "rate": "1/h", "burst": 1},
    }
    async with serving_examples(examples, tmp_path, forward_auth=endpoints(max_age="30s"), routes=[limited]) as (
        gateway,
        _,
    ):
        for place, proxy in enumerate(PROXIES):
            asked = Asked(target="/limited/", client=f"192.0.2.{place}")
            first, second = await ask(gateway, proxy, asked), await ask(gateway, proxy, asked)
            assert (first.status, second.status) == (200, 403 if proxy == "nginx" else 429)
            assert first.one(b"Cache-Control") == b"no-store", "an allow that is counted is not kept"
            forged = Asked(target="/limited/", client=f"198.51.100.9, 192.0.2.{place}")
            assert (await ask(gateway, proxy, forged)).status != 200
