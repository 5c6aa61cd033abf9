from __future__ import annotations

import pytest

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.decision import Decision
from gateway.upstream.forward_context import ForwardContext
from tests.support.builders.carriages import answer_refused, downstream_request, forward_context, request_body
from tests.support.builders.requests import access_request
from tests.support.fakes.fake_transport import FakeClient


def test_a_plain_request_leaves_the_connection_open() -> None:
    assert not forward_context().must_close


@pytest.mark.parametrize("reason", ["caller", "draining", "body", "upgrade"])
def test_the_connection_ends_with_the_answer(reason: str) -> None:
    client = FakeClient()
    client.draining = reason == "draining"
    request = downstream_request(
        keep_alive=reason != "caller",
        upgrade=reason == "upgrade",
        body=request_body(client) if reason == "body" else None,
        connection=client,
    )
    assert forward_context(request).must_close


def test_a_body_that_has_come_keeps_no_connection_from_staying() -> None:
    client = FakeClient()
    body = request_body(client)
    context = forward_context(downstream_request("POST", body=body, connection=client))
    assert context.must_close
    body.body(b"abc")
    body.body_end()
    assert not context.must_close


@pytest.mark.parametrize(("version", "old"), [((1, 0), True), ((1, 1), False)])
def test_it_tells_an_old_caller(version: tuple[int, int], old: bool) -> None:
    assert forward_context(downstream_request(version=version)).http_1_0 == old


def test_a_body_that_is_announced_as_too_large_is_not_carried() -> None:
    client = FakeClient()
    request = downstream_request("POST", body=request_body(client, length=4), connection=client)
    with pytest.raises(ExchangeError) as failed:
        forward_context(request, body_bytes=3)
    assert failed.value.fault is Fault.BODY_TOO_LARGE


def test_a_refused_request_is_not_carried() -> None:
    job = forward_context()
    with pytest.raises(ValueError, match="allowed"):
        ForwardContext(job.request, Decision(access=access_request()), b"", job.record, job.streams, answer_refused)
