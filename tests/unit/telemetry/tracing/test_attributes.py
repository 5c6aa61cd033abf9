from __future__ import annotations

import pytest

from gateway.model.answers import Reason, Rejected, Resolution, Tier, Unavailable, Verdict
from gateway.model.decision import Decision
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.route import Match, Route, UpstreamAddress
from gateway.telemetry.record import RequestRecord
from gateway.telemetry.tracing.attributes import of_request, of_resolution, of_upstream
from tests.support.builders.requests import access_request
from tests.support.fakes.sessions import found

ORDERS, SPARE = UpstreamAddress("http", "orders", 8000), UpstreamAddress("https", "::1", 443)


def record(decision: Decision | None = None, path: str = "/orders/1?key=secret") -> RequestRecord:
    made = RequestRecord("req-1", 1.0)
    made.method, made.host, made.path, made.client = "GET", "app.test", path, "192.0.2.1"
    made.status, made.decision = 200, decision
    return made


def decided(*upstream: UpstreamAddress, prefix: str = "", refusal: Refusal | None = None) -> Decision:
    route = Route(name="orders", match=Match(path="/orders/"), upstream=upstream, strip_prefix=prefix)
    access = access_request(target="/orders/1?key=secret", host=b"app.test:81")
    return Decision(access=access, route=route, rule="access", refusal=refusal)


def test_a_request_is_told_with_its_route_and_without_its_query() -> None:
    attributes = of_request(record(decided()))
    assert (attributes["http.route"], attributes["url.path"], attributes["gateway.route"]) == (
        "/orders/",
        "/orders/1",
        "orders",
    )
    assert (attributes["server.address"], attributes["server.port"], attributes["url.scheme"]) == (
        "app.test",
        81,
        "http",
    )
    assert "secret" not in str(attributes)


def test_a_request_that_was_never_read_tells_what_there_is() -> None:
    unread = RequestRecord("req-1", 1.0)
    unread.endpoint, unread.status = "front", 400
    assert of_request(unread) == {
        "http.request.method": "_OTHER",
        "http.response.status_code": 400,
        "gateway.request_id": "req-1",
        "gateway.endpoint": "front",
        "gateway.decision": "refused",
    }


def test_a_refusal_tells_its_code() -> None:
    refusal = Refusal(RefusalCode.RATE_LIMITED, "per session", None, 1)
    attributes = of_request(record(decided(refusal=refusal)))
    assert (attributes["gateway.decision"], attributes["gateway.reason"]) == ("refused", "rate_limited")


@pytest.mark.parametrize(
    ("path", "url_path"),
    [
        ("http://user:password@app.test/a?b", "app.test/a"),
        ("/\udcff", "/\\udcff"),
        ("/é", "/é"),
        ("/" + "a" * 5000, "/" + "a" * 1023),
    ],
)
def test_a_path_is_shown_as_the_log_shows_it_and_can_be_encoded(path: str, url_path: str) -> None:
    attributes = of_request(record(path=path))["url.path"]
    assert attributes == url_path
    assert str(attributes).encode()


@pytest.mark.parametrize(("endpoint", "route"), [("wacht", "/orders/1"), ("proxy", None), ("forward_auth.nginx", None)])
def test_an_own_path_is_a_route_of_its_own(endpoint: str, route: str | None) -> None:
    request_record = record(Decision(access=access_request(target="/orders/1?key=secret")))
    request_record.endpoint = endpoint
    assert of_request(request_record).get("http.route") == route


@pytest.mark.parametrize(
    ("answer", "attributes"),
    [
        (found(), {"gateway.answer": "found"}),
        (Rejected(Reason.EXPIRED), {"gateway.answer": "rejected", "gateway.rejected": "expired"}),
        (Unavailable("it is away"), {"gateway.answer": "unavailable"}),
    ],
)
def test_a_resolution_tells_its_answer_and_where_it_came_from(answer: Verdict, attributes: dict[str, object]) -> None:
    resolution = Resolution(answer=answer, tier=Tier.REDIS, age=1.5, stale=True, authority="accounts")
    where = {"gateway.tier": "redis", "gateway.age": 1.5, "gateway.stale": True, "gateway.authority": "accounts"}
    assert of_resolution(resolution, None) == where | attributes
    assert of_resolution(Resolution(answer=answer, tier=Tier.MEMORY), None) == {"gateway.tier": "memory"} | attributes


def test_an_upstream_is_told_by_its_address_and_what_it_was_sent() -> None:
    request_record = record(decided(ORDERS, SPARE, prefix="/orders"))
    request_record.upstream, request_record.upstream_status, request_record.retried = str(ORDERS), 201, True
    assert of_upstream(request_record) == {
        "http.request.method": "GET",
        "http.response.status_code": 201,
        "http.request.resend_count": 1,
        "network.protocol.version": "1.1",
        "server.address": "orders",
        "server.port": 8000,
        "url.full": "http://orders:8000/1",
    }


def test_an_upstream_that_was_never_reached_is_told_where_there_is_but_one() -> None:
    attributes = of_upstream(record(decided(SPARE)))
    assert (attributes["server.address"], attributes["server.port"], attributes["url.full"]) == (
        "::1",
        443,
        "https://[::1]:443/orders/1",
    )
    assert "server.address" not in of_upstream(record(decided(ORDERS, SPARE)))
