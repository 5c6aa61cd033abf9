from datetime import UTC, datetime

import msgspec

from gateway.model.session import Login, Member, RevocationKind, Session, User


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


def test_what_can_be_ended_is_spelled_as_the_admin_port_knows_it() -> None:
    assert {kind.value for kind in RevocationKind} == {"session", "user", "api_key", "organization", "credential"}
