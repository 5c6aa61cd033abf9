from __future__ import annotations

import msgspec
import pytest

from gateway.dialects.wacht_wire import WachtRemoteAnswer, anonymous_answer, answer, session_of_answer
from gateway.model.session import Session, User
from tests.support.builders.example_sessions import WACHT, WACHT_JSON
from tests.support.gateways.who_am_i import NOW


def decoded(body: object) -> WachtRemoteAnswer:
    return msgspec.json.decode(msgspec.json.encode(body), type=WachtRemoteAnswer)


def test_a_session_comes_back_as_it_was_said() -> None:
    assert session_of_answer(decoded(answer(WACHT, []))) == WACHT


def test_what_there_is_none_of_is_null_and_not_absent() -> None:
    data = msgspec.to_builtins(answer(Session(subject="u", user=User(id="u")), None))["data"]
    assert (data["organization"], data["workspace"], data["user"]["email"]) == (None, None, None)


def test_a_full_name_is_made_of_its_halves() -> None:
    for first, last, name in (("John", "Doe", "John Doe"), ("John", None, "John"), (None, None, None)):
        user = {**WACHT_JSON["data"]["user"], "first_name": first, "last_name": last}
        session = session_of_answer(decoded({**WACHT_JSON, "data": {**WACHT_JSON["data"], "user": user}}))
        assert session is not None
        assert session.user is not None
        assert session.user.name == name


def test_nobody_is_no_session() -> None:
    assert session_of_answer(decoded(anonymous_answer("v1", NOW))) is None


@pytest.mark.parametrize("envelope", ["status", "data", "errors"])
def test_the_envelope_must_be_there(envelope: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded({key: value for key, value in WACHT_JSON.items() if key != envelope})
