from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.dialects.action import ActionCall
from gateway.dialects.dialect import InfoRequest
from gateway.dialects.own_sessions import ROWS, named_session, own_session, own_session_list
from gateway.model.answers import Found
from gateway.model.errors import MissingRecordError
from gateway.model.session import Device, Login, Session

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CURRENT = Session(subject="u", id="s1")


class Operations:
    """A person with so many sessions."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def own(self, limit: int) -> tuple[Session, ...]:
        return tuple(Session(subject="u", id=f"s{number}") for number in range(min(limit, self._count)))


def test_what_a_row_holds_is_shown_in_utc() -> None:
    login = Login(at=NOON, ip="192.0.2.7", token_hash="secret")
    east = NOON.astimezone(timezone(timedelta(hours=2)))
    shown = own_session(
        Session(subject="u", id="s1", login=login, device=Device(name="Firefox"), last_activity_at=east), CURRENT
    )
    assert (shown.id, shown.current, shown.address, shown.since) == ("s1", True, "192.0.2.7", NOON)
    assert shown.last_active is not None
    assert shown.last_active.tzinfo is UTC
    assert shown.device == Device(name="Firefox")


def test_what_it_does_not_hold_is_null() -> None:
    shown = own_session(Session(subject="u", id="s2"), CURRENT)
    assert (shown.current, shown.device, shown.address, shown.since) == (False, None, None, None)
    assert (shown.last_active, shown.expires_at) == (None, None)


@pytest.mark.parametrize(("count", "shown", "more"), [(1, 1, False), (ROWS, ROWS, False), (ROWS + 1, ROWS, True)])
async def test_a_list_is_bounded_and_says_so(count: int, shown: int, more: bool) -> None:
    call = ActionCall(info=InfoRequest(path="/p", now=NOON), method="GET", found=Found(CURRENT))
    listed = await own_session_list(call, Operations(count))  # type: ignore[arg-type]
    assert (len(listed.sessions), listed.more) == (shown, more)


def test_the_last_segment_names_a_session() -> None:
    assert named_session("a%2Fb%20c") == "a/b c"
    for nothing in ("", "a/b"):
        with pytest.raises(MissingRecordError):
            named_session(nothing)
