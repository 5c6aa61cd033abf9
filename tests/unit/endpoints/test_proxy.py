import json

from gateway.credentials.api_key import ApiKeySettings
from gateway.credentials.kinds import build_reader
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.proxy import Proxy
from gateway.gate import Gate
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Found, Reason, Rejected, Resolution
from gateway.model.credential import Credential
from gateway.model.decision import Decision, HeaderPairs, Response
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.route import CorsRules, Match, Route
from gateway.model.session import Session
from gateway.policy.limits import LocalLimits
from gateway.policy.routes import RouteTable
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forwarded import EndpointAnswer, Forwarded
from tests.support.builders.carriages import client_request
from tests.support.builders.requests import access_request


class Carrier:
    """A forwarder that notes what it was asked to carry."""

    def __init__(self, answer: Forwarded | Refusal) -> None:
        self.answer = answer
        self.carried: list[tuple[Decision, HeaderPairs]] = []

    async def forward(
        self, _request: DownstreamRequest, decision: Decision, added: HeaderPairs, _record: RequestRecord
    ) -> Forwarded | Refusal:
        self.carried.append((decision, added))
        return self.answer

    async def close(self) -> None:
        pass


async def who(credential: Credential) -> Resolution:
    if credential.parts == ("good",):
        return Resolution(Found(Session(subject="u1", id="s1")))
    return Resolution(Rejected(Reason.UNKNOWN))


KEY = build_reader(
    "key",
    ApiKeySettings(kind="api_key", header="x-api-key", type="project", authority=["a"]),
    lambda parts: repr(parts).encode(),
)
ROUTE = Route(name="r", match=Match("/"), credentials=("key",))


async def through(carrier: Carrier, key: bytes) -> tuple[EndpointAnswer, RequestRecord]:
    gate = Gate(RouteTable([ROUTE]), {"key": KEY}, who, IdentityHeaders(), LocalLimits(lambda: 0.0))
    proxy = Proxy(gate, carrier, AccessReader((), 8192, lambda: 0.0), now=lambda: 7.0)
    record = RequestRecord("req-1", 1.0)
    record.traceparent = b"00-trace"
    access = access_request(headers=((b"X-Api-Key", key),))
    return await proxy.answer(client_request(), access, record), record


async def test_an_allowed_request_is_carried_with_what_the_upstream_is_told() -> None:
    upstreams = Forwarded(418, keep_alive=True)
    carrier = Carrier(upstreams)
    response, record = await through(carrier, b"good")
    assert response is upstreams
    ((decision, added),) = carrier.carried
    assert (b"X-Session-Id", b"s1") in decision.identity
    assert dict(added)[b"traceparent"] == b"00-trace"
    assert dict(added)[b"X-Request-Id"] == b"req-1"
    assert (record.decision, record.decided) == (decision, 7.0)


async def test_a_refused_request_is_not_carried_and_is_written_down() -> None:
    carrier = Carrier(Forwarded(200, keep_alive=True))
    response, record = await through(carrier, b"bad")
    assert response.status == 401
    assert carrier.carried == []
    assert record.decision is not None
    assert record.decision.refusal is not None


async def test_what_the_forwarder_could_not_do_is_answered_in_our_words() -> None:
    response, _ = await through(Carrier(Refusal(RefusalCode.UPSTREAM_TIMEOUT, "10.0.0.1 said nothing")), b"good")
    assert response.status == 504
    assert isinstance(response, Response)
    assert json.loads(response.body)["error"]["code"] == "upstream_timeout"
    assert b"10.0.0.1" not in response.body


async def test_a_preflight_is_answered_and_not_carried() -> None:
    cors = CorsRules(frozenset({"https://app.example"}))
    route = Route(name="r", match=Match("/"), credentials=("key",), cors=cors)
    gate = Gate(RouteTable([route]), {"key": KEY}, who, IdentityHeaders(), LocalLimits(lambda: 0.0))
    carrier = Carrier(Forwarded(200, keep_alive=True))
    proxy = Proxy(gate, carrier, AccessReader((), 8192, lambda: 0.0), now=lambda: 7.0)
    asks = ((b"Origin", b"https://app.example"), (b"Access-Control-Request-Method", b"PUT"))
    response = await proxy.answer(
        client_request("OPTIONS"), access_request("OPTIONS", headers=asks), RequestRecord("req-1", 1.0)
    )
    assert isinstance(response, Response)
    fields = dict(response.fields)
    assert response.status == 204
    assert fields[b"Access-Control-Allow-Origin"] == b"https://app.example"
    assert b"PUT" in fields[b"Access-Control-Allow-Methods"]
    assert fields[b"Cache-Control"] == b"no-store"
    assert carrier.carried == []
