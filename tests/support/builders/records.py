"""RequestRecords as the endpoints leave them."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.model.answers import Found, Rejected, Resolution, Tier, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import Decision
from gateway.model.refusal import Refusal
from gateway.model.route import Match, Route
from gateway.model.session import Session
from gateway.telemetry.record import RequestRecord
from tests.support.builders.requests import access_request

NOON = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC).timestamp()
API_KEY = "sk_live_abc123xyz456"
ROUTE = Route(name="orders", match=Match("/orders/"))
CREDENTIAL = Credential("project_key", CredentialKind.API_KEY, "project", (API_KEY,), bytes(range(0xA0, 0xC0)))
FOUND = Found(Session(subject="user_1"))


def decision(
    refusal: Refusal | None = None,
    answer: Found | Rejected | Unavailable | None = FOUND,
    *,
    stale: bool = False,
    rule: str = "access",
) -> Decision:
    return Decision(
        access=access_request(target="/orders/1?api_key=" + API_KEY),
        route=ROUTE,
        credential=CREDENTIAL,
        resolution=Resolution(answer, Tier.MEMORY, age=2.56, stale=stale, authority="accounts"),
        refusal=refusal,
        rule=rule,
    )


def finished(judged: Decision | None = None, status: int = 200) -> RequestRecord:
    record = RequestRecord("req-1", 10.0)
    record.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    record.method = "GET"
    record.host = "api.example.com"
    record.path = "/orders/1"
    record.client = "192.0.2.1"
    record.decision = judged
    record.decided = 10.0005
    record.upstream = "http://orders:8000"
    record.upstream_status = status
    record.upstream_began = 10.001
    record.upstream_first_byte = 10.003
    record.finished = 10.004
    record.status = status
    record.bytes_in = 5
    record.bytes_out = 1234
    return record
