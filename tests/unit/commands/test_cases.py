from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.commands.cases import Case, CaseCaller, Cases, case_of, malformed_case, read_cases
from gateway.model.answers import Found, Reason, Rejected, Resolution, Unavailable
from gateway.model.credential import CredentialKind
from gateway.model.decision import Decision
from gateway.model.errors import SettingsError
from gateway.model.session import Session
from gateway.wiring.explanation import read_request
from tests.support.builders.credentials import credential
from tests.support.builders.dialects import CREDENTIALS
from tests.support.builders.example_sessions import FOUND


def read(tmp_path: Path, text: str) -> Cases:
    path = tmp_path / "cases.yaml"
    path.write_text(text, encoding="utf-8")
    return read_cases(path)[0]


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, text)
    return [str(problem).removeprefix(f"{tmp_path}/cases.yaml") for problem in raised.value.problems]


def test_a_case_may_name_its_caller_or_describe_it(tmp_path: Path) -> None:
    cases = read(
        tmp_path,
        """\
callers: {jane: {subject: u1, roles: admin, email: a@b.c, email_verified: false, claims: {level: three}}}
cases:
  - {request: /a, caller: jane, expect: {allowed: true}}
  - {request: POST /b, caller: {answer: expired}, expect: {status: 401}}
  - {request: /c, expect: {route: null}}
""",
    )
    jane, expired, nobody = (cases.caller(case) for case in cases.cases)
    assert jane is not None
    assert isinstance(jane.verdict, Found)
    assert jane.verdict.session.roles == ("admin",)
    assert jane.verdict.session.claims == {"level": ("three",)}
    assert jane.verdict.session.user is not None
    assert jane.verdict.session.user.email_verified is False
    assert expired is not None
    assert expired.verdict == Rejected(Reason.EXPIRED)
    assert nobody is None
    assert [case.method_and_url for case in cases.cases] == [("GET", "/a"), ("POST", "/b"), ("GET", "/c")]


def test_each_mistake_is_told_at_its_line(tmp_path: Path) -> None:
    text = """\
cases:
  - {request: /a, caller: {by: key}, expect: {allowed: true}}
  - {request: /a, expect: {}}
  - request: /a
    expected: {allowed: true}
"""
    assert problems(tmp_path, text) == [
        ":2:19: cases[0].caller: needs a subject, or else the answer of the look-up",
        ":3:19: cases[1].expect: must expect something: allowed, status, route, rule, headers, own",
        ":4:5: cases[2].expect: is required",
        ":5:5: cases[2].expected: is not a key that is known here",
    ]


def test_a_file_without_cases_tests_nothing(tmp_path: Path) -> None:
    assert problems(tmp_path, "cases: []\n") == [":1:1: cases: must not be empty"]
    assert problems(tmp_path, "") == [":1:1: cases: is required"]


def test_a_caller_is_a_session_or_an_answer_and_not_both() -> None:
    with pytest.raises(ValidationError):
        CaseCaller(subject="u1", answer="expired")
    assert isinstance(CaseCaller(answer="unavailable").verdict, Unavailable)


def test_a_header_may_be_there_twice() -> None:
    case = Case.model_validate({"request": "/", "headers": {"A": ["1", "2"], "B": "3"}, "expect": {"own": True}})
    assert case.fields() == ((b"A", b"1"), (b"A", b"2"), (b"B", b"3"))


@pytest.mark.parametrize("example", FOUND)
def test_a_session_that_was_described_is_the_same_to_rules_and_headers(example: str) -> None:
    session, kind = FOUND[example].session, CREDENTIALS[example].kind
    described = {name: value for name, value in caller_of(Found(session), kind).items() if name != "by"}
    again = CaseCaller.model_validate(described).verdict
    assert isinstance(again, Found)
    assert caller_of(again, kind) == caller_of(Found(session), kind)
    assert again.session.subject == session.subject


def caller_of(answer: Found | Rejected | Unavailable, kind: CredentialKind = CredentialKind.COOKIE) -> dict[str, Any]:
    decision = Decision(
        access=read_request("GET", "/a", ()), credential=credential(kind), resolution=Resolution(answer=answer)
    )
    line = next(line for line in case_of("/a", decision, (), own=False).splitlines() if "caller:" in line)
    caller: dict[str, Any] = json.loads(line.partition(": ")[2])
    return caller


def test_what_was_not_found_is_described_by_the_answer() -> None:
    assert caller_of(Rejected(Reason.GONE)) == {"by": "reader", "answer": "gone"}
    assert caller_of(Unavailable("away")) == {"by": "reader", "answer": "unavailable"}
    assert caller_of(Found(Session(subject="u1"))) == {"by": "reader", "subject": "u1", "user": None}


def test_a_case_is_one_item_of_a_list(tmp_path: Path) -> None:
    decision = Decision(access=read_request("GET", "/a", ()), rule="match")
    fields = ((b"A", b"1"), (b"A", b"2"), (b"B", b"a: 'b' #"))
    text = f"cases:\n{case_of('/a', decision, fields, own=False)}\n{malformed_case('GET', '/../a', 400)}\n"
    cases = read(tmp_path, text).cases
    assert cases[0].fields() == fields
    assert (cases[0].caller, cases[0].expect.allowed, cases[0].expect.route) == (None, True, None)
    assert (cases[1].request, cases[1].expect.status) == ("GET /../a", 400)
