from datetime import UTC, datetime

import msgspec
import pytest

from gateway.dialects.action import LoginPage, WantedLogins
from gateway.dialects.rocketchat_logins import login_document, logins_document
from gateway.model.errors import MissingRecordError
from gateway.model.session import Login, Session, User

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SESSION = Session(
    subject="u", id="s", user=User(id="u", username="jane", name="Jane"), login=Login(at=AT, token_hash="secret")
)


def test_a_row_has_what_is_known_and_no_hash() -> None:
    row = msgspec.json.decode(msgspec.json.encode(login_document(SESSION, with_person=False)))
    assert row == {"sessionId": "s", "userId": "u", "loginAt": "2026-01-02T03:04:05.000Z", "_id": "s"}


def test_managers_see_whose_it_is() -> None:
    page = logins_document(LoginPage((SESSION,), 7), WantedLogins(everybody=True, count=5, offset=2))
    body = msgspec.json.decode(msgspec.json.encode(page))
    assert body["sessions"][0]["_user"] == {"username": "jane", "name": "Jane"}
    assert (body["total"], body["count"], body["offset"], body["success"]) == (7, 5, 2, True)


def test_a_session_of_nobodys_is_no_row() -> None:
    with pytest.raises(MissingRecordError):
        login_document(Session(subject="s", id="s"), with_person=True)
