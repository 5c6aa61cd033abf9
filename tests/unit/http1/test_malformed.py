from __future__ import annotations

from gateway.http1.malformed import malformed


def test_it_is_a_400_whose_detail_is_for_the_log() -> None:
    refusal = malformed("the request line").refusal
    assert (refusal.status, refusal.detail) == (400, "the request line")
