from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.case_writer import case_of, malformed_case
from gateway.commands.cases import CaseCaller, read_cases
from gateway.model.answers import Found, Reason, Rejected, Resolution, Unavailable
from gateway.model.credential import CredentialKind
from gateway.model.decision import Decision
from gateway.model.session import Session
from gateway.wiring.explanation import read_request
from tests.support.builders.credentials import credential
from tests.support.builders.dialects import CREDENTIALS
from tests.support.builders.example_sessions import FOUND


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
    path = tmp_path / "cases.yaml"
    path.write_text(text, encoding="utf-8")
    cases = read_cases(path)[0].cases
    assert cases[0].fields() == fields
    assert (cases[0].caller, cases[0].expect.allowed, cases[0].expect.route) == (None, True, None)
    assert (cases[1].request, cases[1].expect.status) == ("GET /../a", 400)
