from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.dialects.dialect import InfoRequest, InfoResponse
from gateway.dialects.dialect_kind import CookieIssue, DialectKind
from gateway.dialects.kinds import DialectSettings, serve, served_settings, spoken_settings
from gateway.model.answers import Reason, Rejected
from tests.support.builders.dialects import SERVED, SPOKEN, client, server
from tests.support.builders.example_sessions import COOKIE, FOUND, PAIR
from tests.support.gateways.who_am_i import NOW

SETTINGS: TypeAdapter[DialectSettings] = TypeAdapter(DialectSettings)


def settings(dialect: str, **more: Any) -> DialectSettings:
    return SETTINGS.validate_python({"dialect": dialect, "credentials": ["a"], **more})


@pytest.mark.parametrize("name", SERVED)
def test_a_name_in_the_config_makes_what_answers_in_that_dialect(name: str) -> None:
    assert serve(settings(name)).name == name


@pytest.mark.parametrize("name", SPOKEN)
def test_a_name_in_the_config_makes_what_asks_in_that_dialect(name: str) -> None:
    assert client(name).name == name


def test_a_dialect_of_one_way_alone_is_no_other_way() -> None:
    kind = DialectKind("mute")
    assert (served_settings(kind), spoken_settings(kind)) == (None, None)


def test_no_two_dialects_answer_at_one_path() -> None:
    paths = [path for name in SERVED for path in server(name).paths]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize(("profile", "status"), [("documented", 400), ("product", 404)])
def test_the_profile_of_the_config_is_the_dialect_s(profile: str, status: int) -> None:
    dialect = serve(settings("rocketchat", profile=profile))
    info_request = InfoRequest(path=dialect.paths[0], query="sessionId=x", now=NOW, credential=PAIR, session_id="x")
    reply = dialect.reply(Rejected(Reason.GONE), info_request)
    assert isinstance(reply, InfoResponse)
    assert reply.status == status


def test_the_cookie_and_its_signer_are_the_reader_s_and_the_directory_s() -> None:
    dialect = serve(settings("wacht"), CookieIssue("sid", lambda *_: "next"))
    reply = dialect.reply(FOUND["wacht"], InfoRequest(path="/session", now=NOW, credential=COOKIE))
    assert isinstance(reply, InfoResponse)
    assert dict(reply.headers)[b"Set-Cookie"].startswith(b"sid=next;")


@pytest.mark.parametrize("written", [{"dialect": "klingon", "credentials": ["a"]}, {"credentials": ["a"]}])
def test_an_unknown_dialect_is_a_problem(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SETTINGS.validate_python(written)


def test_development_is_wacht_s_alone() -> None:
    with pytest.raises(ValidationError):
        settings("memghost", development=True)
