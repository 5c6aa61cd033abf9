"""The endpoint itself: whom it answers, what it writes down, how long its allows may be cached."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from gateway.credentials.api_key import ApiKeySettings
from gateway.credentials.kinds import build_reader
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.forward_auth.client_fields import ClientFields
from gateway.endpoints.forward_auth.envoy import EnvoyReader
from gateway.endpoints.forward_auth.forward_auth import AllowCaching, AskingProxy, ForwardAuthEndpoint, allow_caching
from gateway.endpoints.forward_auth.nginx import NginxReader
from gateway.endpoints.forward_auth.original import OriginalReader
from gateway.endpoints.networks import Networks
from gateway.gate import Gate
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Found, Resolution, Sessions
from gateway.model.credential import Credential
from gateway.model.decision import Response
from gateway.model.route import Access, Match, Route
from gateway.model.session import Session, User
from gateway.policy.limits import LocalLimits
from gateway.policy.routes import RouteTable
from gateway.telemetry.record import RequestRecord
from gateway.upstream.request_head import RequestHeads, Stripped
from tests.support.builders.carriages import downstream_request
from tests.support.builders.forward_auth import Asked
from tests.support.builders.requests import access_request

KEY = build_reader(
    "key",
    ApiKeySettings(kind="api_key", header="x-api-key", type="user", authority=["a"]),
    lambda parts: repr(parts).encode(),
)
ROUTES = (
    Route(name="open", match=Match("/open/"), access=Access.PUBLIC),
    Route(name="closed", match=Match("/"), credentials=("key",)),
)


def endpoint(reader: OriginalReader | None = None, ends: float | None = None, max_age: int = 0) -> ForwardAuthEndpoint:
    async def who(_: Credential, _client: str) -> Resolution:
        expires = None if ends is None else datetime.fromtimestamp(ends, UTC)
        return Resolution(Found(Session(subject="u1", user=User(id="u1")), None, expires))

    identity = IdentityHeaders()
    gate = Gate(RouteTable(ROUTES), {"key": KEY}, Sessions(who), identity, LocalLimits(lambda: 0.0))
    accesses = AccessReader((), 8192, lambda: 0.0)
    peers = Networks([ip_network("192.0.2.1/32")])
    proxy = AskingProxy(reader or NginxReader(), peers, "/auth", AllowCaching(max_age, b"x-api-key"))
    fields = ClientFields(proxy.reader, RequestHeads(Stripped()), identity.names)
    return ForwardAuthEndpoint(proxy, gate, identity, fields, accesses, lambda: 7.0)


async def ask(
    of: ForwardAuthEndpoint, asked: Asked, peer: str = "192.0.2.1"
) -> tuple[int, dict[str, str], RequestRecord]:
    raw = tuple((name.encode(), value.encode()) for name, value in (*asked.told("nginx"), *asked.lines))
    record = RequestRecord("req-1", 1.0)
    served = of.answer(downstream_request(), access_request("GET", "/auth", raw, client=peer), record)
    answer = served if isinstance(served, Response) else await served  # type: ignore[misc]
    return answer.status, {name.decode(): value.decode() for name, value in answer.fields}, record


async def test_what_was_really_decided_is_written_down_though_the_proxy_is_told_less() -> None:
    status, _, record = await ask(endpoint(), Asked("POST", "/open/;a?secret"))
    assert status == 403
    assert record.decision is not None
    assert record.decision.refusal is not None
    assert (record.decision.refusal.status, record.decision.rule) == (400, "path_parameters")
    assert (record.method, record.path, record.host, record.client) == ("POST", "/open/;a", "app.test", "192.0.2.7")
    assert record.decided == 7.0


async def test_a_stranger_is_told_nothing_whatever_is_asked() -> None:
    status, _, record = await ask(endpoint(), Asked("GET", "/open/"), peer="192.0.2.2")
    assert status == 403
    assert record.decision is not None
    assert record.decision.rule == "peer"


@pytest.mark.parametrize(
    ("max_age", "ends", "expected"),
    [
        (0, None, "no-store"),
        (30, None, "private, max-age=30"),
        (30, 1000.0, "private, max-age=30"),
        (30, 10.9, "private, max-age=10"),
        (30, 0.5, "no-store"),
        (30, -5.0, "no-store"),
    ],
)
async def test_an_allow_is_never_kept_past_the_end_of_its_session(
    max_age: int, ends: float | None, expected: str
) -> None:
    asked = Asked(target="/a").showing(("X-Api-Key", "good"))
    status, headers, _ = await ask(endpoint(ends=ends, max_age=max_age), asked)
    assert (status, headers["Cache-Control"]) == (200, expected)
    assert ("Vary" in headers) is (expected != "no-store")


def test_an_endpoint_of_every_path_is_known_by_how_its_paths_begin() -> None:
    assert (endpoint().paths, endpoint().beneath) == (("/auth",), "")
    envoy = endpoint(EnvoyReader("/auth"))
    assert (envoy.paths, envoy.beneath, envoy.name) == ((), "/auth", "forward_auth.envoy")


def test_what_an_allow_depends_on_is_everything_that_was_read() -> None:
    caching = allow_caching(30.0, NginxReader(), [b"x-api-key", b"authorization"])
    assert caching.max_age == 30
    assert set(caching.vary.split(b", ")) >= {
        b"x-original-url",
        b"x-original-method",
        b"x-api-key",
        b"authorization",
        b"cookie",
    }
    assert b"access-control-request-method" in caching.vary.split(b", ")  # a preflight is allowed without a credential
