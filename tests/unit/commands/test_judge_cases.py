from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.commands.explain import explain
from gateway.commands.judge_cases import judge_cases
from gateway.model.errors import SettingsError
from tests.support.builders.configs import SECRET, written

pytestmark = pytest.mark.slow

CONFIG = f"""\
secret: {SECRET}
authorities:
  chat: {{kind: remote, dialect: composio, url: "http://127.0.0.1:1/"}}
credentials:
  key: {{kind: api_key, header: x-api-key, type: project, authority: chat}}
  cookie: {{kind: cookie, name: sid, authority: chat}}
  url: {{kind: query, parameter: token, authority: chat}}
  socket: {{kind: websocket_protocol, begins: bearer., authority: chat}}
session_info: [{{dialect: composio, credentials: key}}]
routes:
  - {{name: keys, match: {{path: /keys/}}, credentials: key, upstream: "http://127.0.0.1:2"}}
  - {{name: admin, match: {{path: /admin/}}, require: {{roles: [admin]}}, upstream: "http://127.0.0.1:2"}}
  - {{name: maybe, match: {{path: /maybe/}}, access: optional, upstream: "http://127.0.0.1:2"}}
  - {{name: socket, match: {{path: /socket/}}, credentials: [url, socket], upstream: "http://127.0.0.1:2"}}
  - name: pages
    match: {{path: /pages/}}
    cors: {{origins: ["https://app.example.com"]}}
    upstream: http://127.0.0.1:2
"""


PREFLIGHT = (
    "{request: OPTIONS /pages/, headers: {Origin: https://app.example.com, Access-Control-Request-Method: PUT},"
    " expect: {allowed: true, status: 204, route: pages}}"
)


async def judged(tmp_path: Path, *cases: str) -> list[str]:
    """Return what differs, each without the file and with the line of its case's number."""
    path = tmp_path / "cases.yaml"
    path.write_text("cases:\n" + "".join(f"  - {case}\n" for case in cases), encoding="utf-8")
    result = await judge_cases(written(tmp_path, CONFIG), path)
    lines = [re.sub(r"^(\d+):\d+", r"\1", line.removeprefix(f"{path}:")) for line in result.output.splitlines()]
    assert result.succeeded is (not result.note)
    assert result.succeeded is lines[0].endswith("all judged as expected")
    return [] if result.succeeded else lines


@pytest.mark.parametrize(
    "case",
    [
        "{request: /keys/, expect: {allowed: false, status: 401, route: keys, rule: access}}",
        "{request: /keys/, caller: {subject: u1}, expect: {allowed: true, route: keys, rule: access, own: false}}",
        "{request: /keys/, caller: {by: cookie, subject: u1}, expect: {status: 401}}",  # not one of the route's readers
        "{request: /keys/, headers: {Cookie: sid=a}, caller: {subject: u1}, expect: {status: 401}}",
        "{request: /keys/, headers: {X-Api-Key: a}, caller: {subject: u1}, expect: {allowed: true}}",
        "{request: /keys/, headers: {X-Api-Key: a}, expect: {status: 401, rule: credential}}",  # nobody's
        "{request: /maybe/, headers: {X-Api-Key: a, Cookie: sid=b}, caller: {subject: u1}, expect: {status: 401}}",
        "{request: /maybe/, caller: {answer: ambiguous}, expect: {status: 401, rule: credential}}",
        "{request: /maybe/, caller: {answer: forbidden}, expect: {status: 403}}",
        "{request: /maybe/, caller: {answer: unavailable}, expect: {status: 503, rule: authority}}",
        "{request: /admin/, caller: {subject: u1, roles: [user]}, expect: {status: 403, rule: require.roles}}",
        "{request: /admin/, caller: {subject: u1, roles: [admin]}, expect: {headers: {x-user-roles: admin}}}",
        "{request: /maybe/, headers: {X-User-Id: f, A: b}, expect: {headers: {X-User-Id: null, A: b}}}",
        "{request: https://a.example/maybe/, expect: {headers: {X-Forwarded-Host: a.example}}}",
        "{request: /maybe/, peer: 10.1.2.3, expect: {headers: {X-Forwarded-For: 10.1.2.3}}}",
        "{request: /nowhere, expect: {status: 404, route: null}}",
        "{request: /keys/../admin/, expect: {status: 400, rule: malformed}}",
        "{request: /api/v3/auth/session/info, expect: {own: true, allowed: false}}",
        PREFLIGHT,
    ],
)
async def test_a_case_that_is_judged_as_it_expects(tmp_path: Path, case: str) -> None:
    assert await judged(tmp_path, case) == []


async def test_what_differs_is_told_at_its_line_with_what_came(tmp_path: Path) -> None:
    assert await judged(
        tmp_path,
        "{request: /maybe/, expect: {allowed: true}}",
        "{request: /keys/, expect: {allowed: true, rule: access}}",
        "{request: /admin/, caller: {subject: u1}, expect: {status: 401, route: keys}}",
        "{request: /maybe/, headers: {A: b}, expect: {headers: {A: c, B: d}}}",
        "{request: /_gateway/session, expect: {route: keys, headers: {A: b}}}",
    ) == [
        "3: cases[1].expect.allowed: is false: refused with 401 (access: no credential)",
        "4: cases[2].expect.status: is 403: refused with 403 (require.roles: require.roles)",
        "4: cases[2].expect.route: is admin: refused with 403 (require.roles: require.roles)",
        "5: cases[3].expect.headers.A: the upstream gets 'b'",
        "5: cases[3].expect.headers.B: the upstream gets no such header",
        "6: cases[4].expect.route: is nothing: answered by the gateway itself (the session in its normal form)",
        "6: cases[4].expect.headers.A: answered by the gateway itself (the session in its normal form)",
    ]


async def test_a_caller_and_a_reader_that_there_is_none_of_are_mistakes(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        await judged(
            tmp_path,
            "{request: /keys/, caller: jane, expect: {allowed: true}}",
            "{request: /keys/, caller: {by: spam, subject: u1}, expect: {allowed: true}}",
        )
    assert [problem.text for problem in raised.value.problems] == [
        "jane is not one of callers",
        "spam is not one of the config's credentials",
    ]


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("GET", "/maybe/a?b=c", ((b"Accept", b"*/*"), (b"Cookie", b"theme=dark; lang=en"))),
        ("GET", "https://a.example:8443/keys/", ((b"X-Api-Key", b"s3cr3t"),)),
        ("GET", "/maybe/", ((b"X-Api-Key", b"s3cr3t"), (b"Cookie", b"theme=dark; sid=s3cr3t"))),
        ("POST", "/admin/", ((b"Cookie", b"sid=s3cr3t"), (b"Origin", b"https://evil.example"))),
        ("GET", "/socket/?a=b&token=s3cr3t", ((b"Sec-WebSocket-Protocol", b"chat, bearer.s3cr3t"),)),
        ("GET", "https://a.example/keys/?token=s3cr3t", ()),
        ("GET", "/nowhere", ()),
        ("GET", "/_gateway/session", ()),
        ("GET", "/keys/../a", ()),
    ],
)
async def test_what_explain_prints_as_a_case_is_judged_as_it_was(
    tmp_path: Path, method: str, url: str, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    case = await explain(written(tmp_path, CONFIG), method, url, headers, as_case=True)
    assert "s3cr3t" not in case.output
    assert await judged(tmp_path, case.output.removeprefix("  - ")) == []
