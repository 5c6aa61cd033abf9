"""What is memghost's own beside what every dialect does (tests/contracts, tests/behaviour)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gateway.dialects.dialect import InfoRequest, InfoResponse, RemoteResponse
from gateway.dialects.memghost import Memghost
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.session import Session, User
from tests.support.builders.example_sessions import BEARER, COMPOSIO, MEMGHOST, MEMGHOST_JSON
from tests.support.gateways.who_am_i import NOW

DIALECT = Memghost()


def say(found: Found) -> tuple[int, Any]:
    reply = DIALECT.reply(found, InfoRequest(path=DIALECT.paths[0], now=NOW, credential=BEARER))
    assert isinstance(reply, InfoResponse)
    return reply.status, msgspec.json.decode(reply.body)


def test_the_expiry_is_the_token_s_and_else_the_session_s() -> None:
    token, session = datetime(2024, 12, 19, 16, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    lasting = msgspec.structs.replace(MEMGHOST, expires_at=session)
    assert say(Found(lasting, expires_at=token))[1]["expires_at"] == "2024-12-19T16:00:00Z"
    assert say(Found(lasting))[1]["expires_at"] == "2025-01-01T00:00:00Z"


def test_a_fraction_is_there_only_when_it_is_not_zero() -> None:
    active = MEMGHOST.last_activity_at
    assert active is not None
    session = msgspec.structs.replace(MEMGHOST, last_activity_at=active.replace(microsecond=250_000))
    assert say(Found(session, expires_at=NOW))[1]["last_activity_at"] == "2024-12-19T15:00:00.250000Z"


def test_what_another_authority_does_not_know_is_what_is_certain_now() -> None:
    bare = Session(subject="u", id="s", user=User(id="u"))
    status, body = say(Found(bare))
    now = "2024-12-19T15:00:00Z"
    assert (status, body["expires_at"], body["created_at"], body["last_activity_at"]) == (200, now, now, now)


def test_a_credential_that_opens_no_session_is_not_found() -> None:
    assert say(Found(COMPOSIO)) == (404, {"error": "not_found", "message": "Session not found"})


def decode(answer: Any, status: int = 200) -> Found | Rejected | Unavailable:
    return DIALECT.decode(RemoteResponse(status, "application/json", msgspec.json.encode(answer)), BEARER)


@pytest.mark.parametrize("missing", sorted(MEMGHOST_JSON))
def test_each_of_the_six_must_be_there(missing: str) -> None:
    assert isinstance(decode({key: value for key, value in MEMGHOST_JSON.items() if key != missing}), Unavailable)


def test_an_instant_without_an_offset_would_be_a_guess() -> None:
    assert isinstance(decode({**MEMGHOST_JSON, "expires_at": "2024-12-19T15:30:00"}), Unavailable)


def test_not_found_counts_in_the_product_s_words_alone() -> None:
    assert decode({"error": "not_found", "message": "Session not found"}, 404) == Rejected(Reason.GONE)
    assert isinstance(decode({"error": "no_such_route", "message": "?"}, 404), Unavailable)
