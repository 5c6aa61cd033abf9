from __future__ import annotations

import pytest

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.errors import GatewayError


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        (Fault.CONNECT, 502, None),
        (Fault.BAD_RESPONSE, 502, None),
        (Fault.LOST, 502, None),
        (Fault.TLS, 502, None),
        (Fault.CONNECT_TIMEOUT, 504, None),
        (Fault.RESPONSE_TIMEOUT, 504, None),
        (Fault.TOTAL_TIMEOUT, 504, None),
        (Fault.QUEUE_FULL, 503, 1),
        (Fault.QUEUE_TIMEOUT, 503, 1),
    ],
)
def test_a_fault_knows_its_answer(fault: Fault, status: int, retry_after: int | None) -> None:
    refusal = ExchangeError(fault, "orders:8000").refusal
    assert (refusal.status, refusal.retry_after) == (status, retry_after)
    assert refusal.detail == f"{fault.value}: orders:8000"
    assert "orders" not in refusal.message


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault.BODY_TOO_LARGE, 413, "the body is larger than body_bytes"),
        (Fault.BODY_BROKEN, 400, "the body cannot be read"),
        (Fault.CLIENT_STALLED, 408, "nothing of the body came for limits.body_stall"),
        (Fault.GAVE_WAY, 408, "the body came slowly, and others needed its place"),
    ],
)
def test_a_callers_own_fault_is_told_the_caller(fault: Fault, status: int, kind: str) -> None:
    refusal = ExchangeError(fault).refusal
    assert (refusal.status, refusal.detail) == (status, kind)
    assert refusal.message.endswith(f": {kind}.")
    assert ExchangeError(fault, "a chunk is broken").refusal.message.endswith(": a chunk is broken.")


def test_it_is_the_gateways_own_error() -> None:
    assert issubclass(ExchangeError, GatewayError)
