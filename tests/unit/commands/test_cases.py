from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.commands.cases import Case, CaseCaller, Cases, read_cases
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.errors import SettingsError


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
