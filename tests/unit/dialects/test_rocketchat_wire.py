from __future__ import annotations

import msgspec
import pytest

from gateway.dialects.rocketchat_wire import RocketChatSession, session_document, session_of_document
from gateway.model.session import Device, Login, Session, User
from tests.support.builders.example_sessions import COMPOSIO, ROCKETCHAT, ROCKETCHAT_JSON, at


def encoded(session: Session) -> dict[str, object]:
    document = session_document(session)
    assert document is not None
    fields: dict[str, object] = msgspec.json.decode(msgspec.json.encode(document))
    return fields


def test_the_document_s_example_comes_through_byte_for_byte() -> None:
    text = msgspec.json.encode(ROCKETCHAT_JSON)
    assert msgspec.json.encode(msgspec.json.decode(text, type=RocketChatSession)) == text


def test_what_is_unknown_is_absent_and_never_null() -> None:
    bare = encoded(Session(subject="u", id="s", user=User(id="u")))
    assert bare == {
        "type": "session",
        "sessionId": "s",
        "userId": "u",
        "roles": [],
        "searchTerm": "su",
        "success": True,
    }


def test_the_search_term_is_made_of_what_people_search_for() -> None:
    device = Device(type="browser", name="Firefox", os_name="Linux")
    assert (
        encoded(Session(subject="u", id="s", user=User(id="u"), device=device))["searchTerm"] == "FirefoxbrowserLinuxsu"
    )


def test_day_month_and_year_are_the_login_s_in_utc() -> None:
    login = Login(at=at("2024-01-01T01:30:00+02:00"))
    fields = encoded(msgspec.structs.replace(ROCKETCHAT, login=login))
    assert (fields["day"], fields["month"], fields["year"]) == (31, 12, 2023)


def test_a_session_without_an_id_or_a_user_is_no_document() -> None:
    assert session_document(COMPOSIO) is None
    assert session_document(Session(subject="u", user=User(id="u"))) is None


@pytest.mark.parametrize(("closed", "state"), [("2023-05-23T17:56:31.599Z", "closed"), (None, "active")])
def test_a_logged_out_session_is_known_as_such(closed: str | None, state: str) -> None:
    document = {**ROCKETCHAT_JSON, "closedAt": closed}
    if closed is None:
        del document["closedAt"]
    decoded = msgspec.json.decode(msgspec.json.encode(document), type=RocketChatSession)
    assert session_of_document(decoded).state == state


def test_an_instant_that_is_none_is_refused() -> None:
    decoded = msgspec.json.decode(msgspec.json.encode({**ROCKETCHAT_JSON, "loginAt": "now"}), type=RocketChatSession)
    with pytest.raises(msgspec.ValidationError):
        session_of_document(decoded)
