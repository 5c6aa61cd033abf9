"""What a session endpoint's answer would become, told without asking anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.explain_answer import explain_answer
from gateway.model.errors import GatewayError
from tests.support.builders.configs import SECRET, written

CONFIG = f"""\
secret: {SECRET}
authorities:
  tokens: {{kind: jwt, issuer: "https://id.example.com", audience: a}}
  app:
    kind: remote
    dialect: custom
    url: https://app.example.com/api/me
    send: {{cookie: connect.sid}}
    found: {{status: 200, when: ok}}
    nobody: [401, {{status: 200, null: true}}, {{when: "user", is: null}}]
    claims:
      {{subject: user.id, email: user.mail, roles: "user.roles[].name", expires_at: exp, free: {{team: user.team}}}}
  memory: {{kind: remote, dialect: memghost, url: "https://m.example.com/auth/session"}}
identity: {{headers: {{preset: default, claims.team: X-Team}}}}
credentials:
  sid: {{kind: cookie, name: connect.sid, authority: app}}
routes:
  - {{name: orders, match: {{path: /}}, upstream: "http://127.0.0.1:8000"}}
"""


async def explained(tmp_path: Path, answer: Any, status: int = 200, authority: str = "app") -> list[str]:
    file = tmp_path / "answer.json"
    file.write_text(answer if isinstance(answer, str) else json.dumps(answer))
    result = await explain_answer(written(tmp_path, CONFIG), authority, file, status)
    assert result.succeeded
    return result.output.splitlines()


async def test_a_session_is_shown_with_its_places_and_what_an_upstream_is_told(tmp_path: Path) -> None:
    session = {
        "subject": "42",
        "user": {"id": "42", "email": "a@example.com"},
        "roles": ["admin"],
        "claims": {"team": ["Süd"]},
        "expires_at": "2096-10-02T07:06:40Z",
    }
    user = {"id": 42, "mail": "a@example.com", "roles": [{"name": "admin"}], "team": "Süd"}
    assert await explained(tmp_path, {"ok": True, "user": user, "exp": 4_000_000_000_000}) == [
        "subject:           user.id is 42",
        'email:             user.mail is "a@example.com"',
        'roles:             user.roles[].name is ["admin"]',
        "expires_at:        exp is 4000000000000",
        'free.team:         user.team is "Süd"',
        "becomes:           a session of 42",
        f"session:           {json.dumps(session, ensure_ascii=False, separators=(',', ':'))}",
        "an upstream is told:",
        "  X-User-Id: 42",
        "  X-User-Email: a@example.com",
        "  X-User-Roles: admin",
        "  X-Team: S%C3%BCd",
    ]


@pytest.mark.parametrize(
    ("answer", "status", "expected"),
    [
        ({"ok": True, "user": None}, 200, "rejected, unknown: its caller gets 401"),
        ("null", 200, "rejected, unknown: its caller gets 401"),
        ({}, 401, "rejected, unknown: its caller gets 401"),
        ({"ok": False, "user": {"id": 1}}, 200, "cannot tell: its caller gets 503"),
        ({"ok": True, "user": {"id": ""}}, 200, "has no id at user.id"),
        ({"ok": True, "user": {"id": 1}, "exp": "soon"}, 200, "has no time at exp"),
        ({"ok": True, "user": {"id": 1}, "exp": 1}, 200, "a session of 1, which has expired"),
        ("<html>", 200, "something else than JSON"),
        ({}, 503, "cannot tell"),
    ],
)
async def test_what_becomes_of_other_answers(tmp_path: Path, answer: Any, status: int, expected: str) -> None:
    (line,) = [line for line in await explained(tmp_path, answer, status) if line.startswith("becomes:")]
    assert expected in line


async def test_a_place_that_holds_nothing_is_told(tmp_path: Path) -> None:
    lines = await explained(tmp_path, {"ok": True, "user": {"id": 1}})
    assert "email:             user.mail is absent, or null" in lines


async def test_other_dialects_are_explained_too(tmp_path: Path) -> None:
    times = dict.fromkeys(("expires_at", "created_at", "last_activity_at"), "2096-10-02T07:06:40Z")
    answer = {"session_id": "s1", "user_id": "u1", "state": "active", **times}
    assert (await explained(tmp_path, answer, authority="memory"))[0] == "becomes:           a session of u1"


async def test_what_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    for authority in ("tokens", "nowhere"):
        with pytest.raises(GatewayError, match="no authority of kind remote"):
            await explain_answer(written(tmp_path, CONFIG), authority, None, 200)
    with pytest.raises(GatewayError, match="cannot be read: No such file"):
        await explain_answer(written(tmp_path, CONFIG), "app", tmp_path / "none", 200)
