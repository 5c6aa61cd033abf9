import threading
from pathlib import Path

import pytest

from gateway.commands.explain import explain
from tests.support.builders.configs import SECRET, written

CONFIG = f"""\
secret: {SECRET}
authorities:
  chat: {{kind: remote, dialect: composio, url: "http://127.0.0.1:1/"}}
credentials:
  key: {{kind: api_key, header: x-api-key, type: project, authority: chat}}
session_info: [{{dialect: composio, credentials: key, hosts: [api.example.com]}}]
routes:
  - {{name: open, match: {{path: /open/}}, access: public, strip_prefix: /open, upstream: "http://127.0.0.1:2"}}
  - {{name: maybe, match: {{path: /maybe/}}, access: optional, upstream: "http://127.0.0.1:2"}}
  - name: passed-on
    match: {{path: /passed-on}}
    access: optional
    credentials: []
    forward_credentials: true
    upstream: ["http://127.0.0.1:2", "http://127.0.0.1:3"]
  - name: based
    match: {{path: /based/}}
    access: public
    strip_prefix: /based
    rewrite_paths: true
    upstream: ["http://127.0.0.1:2/app", "http://127.0.0.1:3/other/", "http://127.0.0.1:4/app"]
"""


async def explained(tmp_path: Path, url: str, *headers: tuple[bytes, bytes], method: str = "GET") -> list[str]:
    result = await explain(written(tmp_path, CONFIG), method, url, headers)
    assert (result.succeeded, result.note) == (True, "")
    return result.output.splitlines()


async def test_the_request_that_an_upstream_would_get_is_shown(tmp_path: Path) -> None:
    headers = ((b"X-Api-Key", b"s3cr3t-key"), (b"x_user_id", b"forged"), (b"Accept", b"*/*"), (b"Connection", b"close"))
    assert await explained(tmp_path, "https://www.example.com/open/a?b=c", *headers) == [
        "route:       open (public)",
        "credential:  none",
        "decision:    allowed",
        "rule:        public",
        "upstream:    http://127.0.0.1:2",
        "is sent:     GET /a?b=c",
        "  Accept: */*",
        "  X-Forwarded-For: 127.0.0.1",
        "  X-Forwarded-Proto: https",
        "  X-Forwarded-Host: www.example.com",
        "  X-Forwarded-Prefix: /open",
        "  X-Request-Id: explain",
        "  traceparent: (new)",
    ]


async def test_a_base_path_is_shown_with_what_is_put_right(tmp_path: Path) -> None:
    lines = await explained(tmp_path, "/based/a", (b"Destination", b"http://localhost/based/%62"), method="MOVE")
    assert lines[4:8] == [
        "upstream:    http://127.0.0.1:2/app, http://127.0.0.1:3/other, http://127.0.0.1:4/app",
        "is sent:     MOVE /app/a, /other/a",
        "put right:   Location, Content-Location and the Path of Set-Cookie, in the answer",
        "  Destination: /app/b",
    ]
    astray = await explained(tmp_path, "/based/a", (b"Destination", b"/passed-on"), method="MOVE")
    assert astray[2:] == [
        "decision:    refused, 403 forbidden",
        "rule:        destination (the destination is not of the request's own route)",
    ]
    for method in ("TRACE", "connect"):
        assert await explained(tmp_path, "/based/a", method=method) == [
            "decision:    refused, 405: a method that is never carried"
        ]


async def test_a_secret_that_is_sent_on_is_masked(tmp_path: Path) -> None:
    headers = ((b"X-Api-Key", b"s3cr3t-key"), (b"Cookie", b"s3cr3t=1"), (b"Authorization", b"Basic s3cr3t"))
    lines = await explained(tmp_path, "/passed-on", *headers)
    assert "upstream:    http://127.0.0.1:2, http://127.0.0.1:3" in lines
    assert "  X-Api-Key: s3cr…(10 characters)" in lines
    assert "  Cookie: s3cr…(8 characters)" in lines
    assert not any("s3cr3t" in line for line in lines)


async def test_a_refusal_says_which_rule_and_why(tmp_path: Path) -> None:
    lines = await explained(tmp_path, "/maybe/", (b"x-api-key", b"s3cr3t-key"))
    assert lines[0] == "route:       maybe (optional)"
    assert lines[1].startswith("credential:  api_key, read by key (")
    assert lines[3] == "decision:    refused, 503 unavailable"
    assert lines[4].startswith("rule:        authority (")
    assert not any("s3cr3t" in line for line in lines)


async def test_no_route_is_reported(tmp_path: Path) -> None:
    assert (await explained(tmp_path, "/nowhere"))[::2] == ["route:       none", "decision:    refused, 404 not_found"]


async def test_a_path_that_is_another_routes_in_another_case_meets_no_route(tmp_path: Path) -> None:
    rest = '  - {name: rest, match: {path: /}, access: public, upstream: "http://127.0.0.1:2"}\n'
    for path in ("/MAYBE/a", "/passed-on/"):
        result = await explain(written(tmp_path, CONFIG + rest), "GET", path, ())
        assert result.output.startswith("route:       none\n")


async def test_a_path_that_a_route_allows_is_explained_as_it_is_served(tmp_path: Path) -> None:
    keys = '{name: keys, match: {path: /keys/}, access: public, upstream: "http://127.0.0.1:2", empty_segments: true}'
    path = written(tmp_path, f"{CONFIG}  - {keys}\n")
    assert "is sent:     GET /keys/a//b" in (await explain(path, "GET", "/keys/a//b", ())).output
    refused = (await explain(path, "GET", "/open/a//b", ())).output
    assert "rule:        empty_segments (the path holds an empty segment)" in refused


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://api.example.com/api/v3/auth/session/info", True),
        ("https://www.example.com/api/v3/auth/session/info", False),
        ("/_gateway/session", True),
        ("/_gateway/auth/envoy/orders/", True),
    ],
)
async def test_what_the_gateway_answers_itself_is_reported(tmp_path: Path, url: str, own: bool) -> None:
    assert (await explained(tmp_path, url))[0].startswith("answered by: the gateway itself (") is own


async def test_a_malformed_request_is_reported(tmp_path: Path) -> None:
    assert await explained(tmp_path, "/open/../maybe/") == ["decision:    refused, 400: the path holds a dot segment"]


async def test_to_explain_a_request_starts_no_tracing(tmp_path: Path) -> None:
    threads = threading.active_count()
    config = written(tmp_path, CONFIG + "telemetry: {traces: otlp}\n")
    result = await explain(config, "GET", "/open/a", ())
    assert result.output.splitlines()[2] == "decision:    allowed"
    assert threading.active_count() == threads
