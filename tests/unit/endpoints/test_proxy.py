import json
from collections.abc import Coroutine
from typing import Any

import pytest

from gateway.credentials.api_key import ApiKeySettings
from gateway.credentials.kinds import build_reader
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.proxy import Proxy
from gateway.gate import Gate
from gateway.http1.downstream import DownstreamAnswer, DownstreamRequest, Forwarded
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Found, Reason, Rejected, Remembered, Resolution, Sessions, nothing
from gateway.model.credential import Credential
from gateway.model.decision import AccessRequest, Decision, Response
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.route import CorsRules, Match, Route
from gateway.model.session import Session
from gateway.policy.limits import LocalLimits
from gateway.policy.routes import RouteTable
from gateway.telemetry.record import RequestRecord
from gateway.upstream.forwarder import Refused
from tests.support.builders.carriages import downstream_request
from tests.support.builders.requests import access_request
from tests.support.fakes.fake_transport import FakeClient


class Carrier:
    """A forwarder that notes what it was asked to carry, and answers at once, by its callback or after a wait."""

    def __init__(self, answer: Forwarded | Refusal, how: str = "at once") -> None:
        self.answer = answer
        self.carried: list[tuple[Decision, bytes]] = []
        self._how = how

    def forward(
        self,
        request: DownstreamRequest,
        decision: Decision,
        added: bytes,
        _record: RequestRecord,
        refused: Refused,
    ) -> Refusal | Coroutine[Any, Any, Refusal | None] | None:
        self.carried.append((decision, added))
        if self._how == "after a wait":
            return self._wait(request)
        if isinstance(self.answer, Forwarded):
            request.complete(self.answer)
        elif self._how == "by its callback":
            refused(request, decision, self.answer)
        else:
            return self.answer
        return None

    async def _wait(self, request: DownstreamRequest) -> Refusal | None:
        if isinstance(self.answer, Refusal):
            return self.answer
        request.complete(self.answer)
        return None

    async def close(self) -> None:
        pass


async def who(credential: Credential, _client: str) -> Resolution:
    if credential.parts == ("good",):
        return Resolution(Found(Session(subject="u1", id="s1")))
    return Resolution(Rejected(Reason.UNKNOWN))


KEY = build_reader(
    "key",
    ApiKeySettings(kind="api_key", header="x-api-key", type="project", authority=["a"]),
    lambda parts: repr(parts).encode(),
)
ROUTE = Route(name="r", match=Match("/"), credentials=("key",))


def remember(credential: Credential) -> Resolution | None:
    return Resolution(Found(Session(subject="u1", id="s1"))) if credential.parts == ("good",) else None


def proxy_of(carrier: Carrier, remembered: Remembered = nothing, route: Route = ROUTE) -> Proxy:
    limits = LocalLimits(lambda: 0.0)
    gate = Gate(RouteTable([route]), {"key": KEY}, Sessions(who, remembered), IdentityHeaders(), limits)
    return Proxy(gate, carrier, AccessReader((), 8192, lambda: 0.0), now=lambda: 7.0)


async def answered(proxy: Proxy, access: AccessRequest, record: RequestRecord) -> DownstreamAnswer:
    """Return what the request came to, however it came about."""
    client = FakeClient()
    reply = proxy.answer(downstream_request(access.method, connection=client), access, record)
    answer = reply if reply is None or isinstance(reply, Response) else await reply
    answers = [*client.answers, *([] if answer is None else [answer])]
    assert len(answers) == 1
    found = answers[0]
    assert isinstance(found, Forwarded | Response)
    return found


async def through(carrier: Carrier, key: bytes) -> tuple[DownstreamAnswer, RequestRecord]:
    record = RequestRecord("req-1", 1.0)
    record.traceparent = b"00-trace"
    return await answered(proxy_of(carrier), access_request(headers=((b"X-Api-Key", key),)), record), record


async def test_an_allowed_request_is_carried_with_what_the_upstream_is_told() -> None:
    upstreams = Forwarded(418, keep_alive=True)
    carrier = Carrier(upstreams)
    response, record = await through(carrier, b"good")
    assert response is upstreams
    ((decision, added),) = carrier.carried
    assert (b"X-Session-Id", b"s1") in decision.identity
    assert b"X-Forwarded-Proto: http\r\n" in added
    assert (record.decision, record.decided) == (decision, 7.0)


async def test_a_refused_request_is_not_carried_and_is_written_down() -> None:
    carrier = Carrier(Forwarded(200, keep_alive=True))
    response, record = await through(carrier, b"bad")
    assert response.status == 401
    assert carrier.carried == []
    assert record.decision is not None
    assert record.decision.refusal is not None


def test_a_session_that_is_remembered_is_carried_in_the_same_call() -> None:
    carrier, client = Carrier(Forwarded(200, keep_alive=True)), FakeClient()
    access = access_request(headers=((b"X-Api-Key", b"good"),))
    proxy = proxy_of(carrier, remember)
    assert proxy.answer(downstream_request(connection=client), access, RequestRecord("req-1", 1.0)) is None
    assert client.answers == [carrier.answer]


@pytest.mark.parametrize("how", ["at once", "by its callback", "after a wait"])
async def test_what_the_forwarder_could_not_do_is_answered_in_our_words(how: str) -> None:
    refusal = Refusal(RefusalCode.UPSTREAM_TIMEOUT, "10.0.0.1 said nothing")
    response, _ = await through(Carrier(refusal, how), b"good")
    assert response.status == 504
    assert isinstance(response, Response)
    assert json.loads(response.body)["error"]["code"] == "upstream_timeout"
    assert b"10.0.0.1" not in response.body


async def test_a_preflight_is_answered_and_not_carried() -> None:
    cors = CorsRules(frozenset({"https://app.example"}))
    route = Route(name="r", match=Match("/"), credentials=("key",), cors=cors)
    carrier = Carrier(Forwarded(200, keep_alive=True))
    asks = ((b"Origin", b"https://app.example"), (b"Access-Control-Request-Method", b"PUT"))
    access = access_request("OPTIONS", headers=asks)
    response = await answered(proxy_of(carrier, route=route), access, RequestRecord("req-1", 1.0))
    assert isinstance(response, Response)
    fields = dict(response.fields)
    assert response.status == 204
    assert fields[b"Access-Control-Allow-Origin"] == b"https://app.example"
    assert b"PUT" in fields[b"Access-Control-Allow-Methods"]
    assert fields[b"Cache-Control"] == b"no-store"
    assert carrier.carried == []
