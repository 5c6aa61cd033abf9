from __future__ import annotations

import pytest

from gateway.model.decision import AccessRequest, Decision, Response, json_fields
from gateway.model.headers import Headers
from gateway.model.host import Host
from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.target import parse_target


@pytest.mark.parametrize(
    ("raw", "upgrade"), [((), False), (((b"UPGRADE", b"WebSocket"),), True), (((b"Upgrade", b"h2c"),), False)]
)
def test_a_websocket_is_seen_whatever_its_spelling_and_another_offer_is_none(
    raw: tuple[tuple[bytes, bytes], ...], upgrade: bool
) -> None:
    access = AccessRequest("GET", "http", Host("a", 80), parse_target("/"), Headers(raw), "p", "c", 0.0, "r")
    assert access.is_upgrade is upgrade


ACCESS = AccessRequest("GET", "http", Host("a", 80), parse_target("/"), Headers(()), "p", "c", 0.0, "r")


def test_a_refusal_is_all_that_stands_between_a_request_and_its_upstream() -> None:
    assert Decision(access=ACCESS).allowed
    assert not Decision(access=ACCESS, refusal=Refusal(RefusalCode.FORBIDDEN)).allowed


def test_json_may_not_be_kept_unless_that_is_said() -> None:
    assert dict(json_fields())[b"Cache-Control"] == b"no-store"
    assert dict(json_fields(b"no-cache")) == {b"Content-Type": b"application/json", b"Cache-Control": b"no-cache"}


def test_an_answer_leaves_the_connection_open_unless_it_says_so() -> None:
    assert not Response(200).closes
