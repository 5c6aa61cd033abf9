"""A session endpoint of one's own that says whose a cookie is, by config alone, through the whole gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.builders.configs import SECRET, problems
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import ADMIN_TOKEN, Gateway, config, serving
from tests.support.servers.low_level import listening
from tests.support.servers.recording_upstream import recording_upstream

ADA: dict[str, Any] = {
    "ok": True,
    "sid": "s1",
    "user": {"id": 42, "mail": "ada@example.com", "roles": [{"name": "author"}], "team": "engines"},
    "until": "2096-10-02T07:06:40Z",
}
ANSWERS: dict[str, tuple[int, Any]] = {
    "ada": (200, ADA),
    "s%3Aada.x/+=": (200, ADA),
    "nobody": (200, {"ok": True, "user": None}),
    "undefined": (200, {"ok": True}),
    "null": (200, None),
    "out": (401, {}),
    "banned": (403, {}),
    "ended": (200, ADA | {"until": 1_000_000_000_000}),
    "odd": (200, {"ok": False, "user": {"id": 42}}),
    "nameless": (200, {"ok": True, "user": {"id": ""}}),
    "page": (404, {}),
    "broken": (500, {}),
}
REMOTE: dict[str, Any] = {
    "kind": "remote",
    "dialect": "custom",
    "send": {"cookie": "connect.sid"},
    "method": "POST",
    "headers": {"X-Requested-With": "gateway"},
    "found": {"status": 200, "when": "ok"},
    "nobody": [401, {"status": 200, "null": True}, {"when": "user", "is": None}],
    "forbidden": [403],
    "claims": {
        "subject": "user.id",
        "session": "sid",
        "email": "user.mail",
        "roles": "user.roles[].name",
        "expires_at": "until",
        "free": {"team": "user.team"},
    },
    "timeout": "10s",
}


async def ask(gateway: Gateway, cookie: str) -> RawResponse:
    head = f"GET /a HTTP/1.1\r\nHost: g\r\nConnection: close\r\nCookie: a=1; connect.sid={cookie}; b=2\r\n\r\n"
    return await exchange(gateway.port, head.encode())


async def test_an_endpoint_of_ones_own_says_whose_a_cookie_is(tmp_path: Path) -> None:
    asked: list[web.BaseRequest] = []

    async def app(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request)
        status, body = ANSWERS[request.headers["Cookie"].removeprefix("connect.sid=")]
        return web.json_response(body, status=status)

    async with listening(app) as port, recording_upstream() as upstream:
        whole = config(upstream.port, {}, identity={"headers": {"preset": "default", "claims.team": "X-Team"}})
        whole["authorities"] = {"app": REMOTE | {"url": f"http://127.0.0.1:{port}/api/me?as=json"}}
        whole["credentials"] = {"browser": {"kind": "cookie", "name": "connect.sid", "authority": "app"}}
        whole["routes"] = [
            {
                "name": "all",
                "match": {"path": "/"},
                "require": {"roles": ["author"], "claims": {"team": ["engines"]}},
                "upstream": f"http://127.0.0.1:{upstream.port}",
            }
        ]
        whole["cache"] = {"fresh": "1h"}
        async with serving(whole, tmp_path) as gateway:
            statuses = {cookie: (await ask(gateway, cookie)).status for cookie in ANSWERS}
            head = f"POST /revoke HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n"
            body = '{"session": "s1"}'
            request = (
                f"{head}Connection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            assert (await exchange(gateway.admin_port, (request + body).encode())).status == 200
            assert (await ask(gateway, "ada")).status == 401
    assert statuses == {
        "ada": 200,
        "s%3Aada.x/+=": 200,
        "nobody": 401,
        "undefined": 401,
        "null": 401,
        "out": 401,
        "banned": 403,
        "ended": 401,
        "odd": 503,
        "nameless": 503,
        "page": 503,
        "broken": 503,
    }
    told = upstream.requests[0]
    expected = {b"x-user-id": b"42", b"x-user-email": b"ada@example.com", b"x-user-roles": b"author"}
    expected |= {b"x-session-id": b"s1", b"x-team": b"engines"}
    assert {name: told.one(name) for name in expected} == expected
    assert (asked[0].method, asked[0].rel_url.path_qs) == ("POST", "/api/me?as=json")
    assert asked[0].headers["X-Requested-With"] == "gateway"
    assert asked[0].headers.getall("Cookie") == ["connect.sid=ada"]


WHOLE = f"""\
secret: {SECRET}
authorities:
  app:
    kind: remote
    dialect: custom
    url: https://app.example.com/api/me
    send: {{cookie: connect.sid}}
    nobody: [401, {{status: 200, null: true}}, {{when: "user", is: null}}]
    claims:
      subject: user.id
      email: user.mail
credentials:
  browser: {{kind: cookie, name: connect.sid, authority: app}}
routes:
  - {{name: all, match: {{path: /}}, upstream: "http://127.0.0.1:1"}}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("cookie: connect.sid}\n", "cookie: connect.sid}\n", []),
        ("user.mail", "user..mail", ["11:7: authorities.app.claims.email: a path is names with dots between them"]),
        ("user.id", "user[].id", ["10:7: authorities.app.claims.subject: is one value, and `[]` stands for many"]),
        ("      subject: user.id\n", "", ["9:5: authorities.app.claims.subject: is required"]),
        ('"user", is', '"user.", is', ["8:47: authorities.app.nobody[2].when: a path is names with dots between"]),
        ("401,", "503,", ["8:14: authorities.app.nobody[0]: is no status that says whose session it is"]),
        ("{cookie:", "{query:", ["7:12: authorities.app.send.query: is refused: a query is in the logs of all"]),
        ("cookie: connect.sid}\n", "coookie: x}\n", ["7:12: authorities.app.send.coookie: is not a key that is known"]),
        ("    send: {cookie: connect.sid}\n", "", ["3:3: authorities.app.send: is required"]),
    ],
)
def test_check_finds_what_cannot_be_at_its_place(right: str, wrong: str, problem: list[str]) -> None:
    found = problems(WHOLE.replace(right, wrong, 1))
    assert len(found) == len(problem), found
    assert all(one.startswith(begin) for one, begin in zip(found, problem, strict=True)), found
