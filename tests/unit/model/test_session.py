from datetime import UTC, datetime

import msgspec

from gateway.model.session import Login, Member, Session, User


def test_a_session_survives_its_cache_form() -> None:
    session = Session(
        subject="u",
        user=User(id="u", email="a@example.com"),
        member=Member(id="m", role="admin", metadata={"a": [1]}),
        login=Login(at=datetime(2024, 1, 1, tzinfo=UTC)),
        roles=("a", "b"),
        expires_at=datetime(2030, 1, 1, 0, 0, 0, 202000, tzinfo=UTC),
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(session), type=Session) == session


def test_what_a_session_lacks_takes_no_room_in_its_cache_form() -> None:
    assert len(msgspec.msgpack.encode(Session(subject="u"))) < 16
