"""docs/THREATS.md section "Browsers, and the gateway's own surface"."""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.settings import Settings
from gateway.signing import KeyRing
from tests.support.builders.variants import percent_encodings
from tests.support.clients.raw_http import RawResponse, conversation, exchange
from tests.support.gateways.attacks import CLOSE, KEY, Victim, get, request, victim
from tests.support.gateways.serving import ADMIN_TOKEN, LOGIN_TOKEN, PROJECT_KEY, USER_ID, Examples

SESSION_INFO = [
    {"dialect": "composio", "credentials": ["project_key", "user_key", "org_key"]},
    {"dialect": "wacht", "credentials": ["cookie"]},
    {"dialect": "memghost", "credentials": ["token"]},
    {"dialect": "rocketchat", "credentials": ["pair"]},
]
OWN = (
    b"/api/v3/auth/session/info",
    b"/api/v3.1/auth/session/info",
    b"/session",
    b"/auth/session",
    b"/api/v1/auth/session",
    b"/api/v1/sessions/info",
    b"/_gateway/session",
    b"/_gateway/openapi.json",
    b"/.well-known/jwks.json",
)


def everywhere(upstream: str) -> list[dict[str, Any]]:
    """A route that takes every path, so that what is not ours arrives."""
    return [{"name": "all", "match": {"path": "/"}, "access": "public", "upstream": upstream}]


@pytest.fixture
def sections(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "identity.pem").write_bytes(KeyRing.generate().to_pem())
    identity = {"token": {"issuer": "http://gateway.test", "keys_file": str(tmp_path / "identity.pem")}}
    return {"session_info": SESSION_INFO, "identity": identity}


def cookie_of(running: Victim) -> bytes:
    return b"Cookie: __session=" + running.gateway.cookie.encode()


FOREIGN = (
    b"Origin: http://evil.test",
    b"Origin: null",
    b"Origin: ",
    b"Origin: http://gateway.test.evil.test",
    b"Origin: http://evil-gateway.test",
    b"Origin: http://gateway.test@evil.test",
    b"Origin: http://gateway.test:8080",
    b"Origin: gateway.test",
    b"Origin: //gateway.test",
    b"Origin: ftp://gateway.test",
    b"Origin: file://",
    b"Origin: http://gateway.test/",
    b"Origin: http://gateway.test, http://evil.test",
    b"Origin: http://gateway.test http://evil.test",
    b"Origin: http://gateway.test\r\nOrigin: http://evil.test",
    b"Origin: http://evil.test\r\nOrigin: http://gateway.test",
    b"Origin: http://gateway.test%00.evil.test",
    b"Origin: \xff",
    b"X-Origin: http://gateway.test",
    b"Referer: http://gateway.test/",
    b"Origin: http://evil.test\r\nReferer: http://gateway.test/",
    b"Origin: http://evil.test\r\nX-Forwarded-Host: evil.test",
    b"Sec-Fetch-Site: same-origin",
)


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_cookie_from_a_foreign_page_changes_nothing(attacked: Victim, origin: bytes) -> None:
    shown = cookie_of(attacked)
    unsafe = [get(b"/echo/", shown, origin, method=method) for method in (b"POST", b"PUT", b"PATCH", b"DELETE")]
    upgrade = (b"Upgrade: websocket", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    unsafe.append(request(b"GET /echo/ HTTP/1.1", b"Connection: Upgrade, close", *upgrade, shown, origin))
    unsafe.append(get(b"/echo/", b"Upgrade: websocket", shown, origin))
    assert await attacked.misjudged(unsafe, (403,)) == []
    unsafe = [get(b"/optional/", shown, origin, method=b"POST")]
    assert await attacked.misjudged(unsafe, (403,)) == []


async def test_a_cookie_from_an_own_page_is_let_through(attacked: Victim) -> None:
    for origin in (b"http://gateway.test", b"https://gateway.test", b"HTTP://GATEWAY.test:80"):
        raw = get(b"/echo/", cookie_of(attacked), b"Origin: " + origin, method=b"POST")
        assert await attacked.misjudged([raw], (200,), (b"/echo/",)) == []
    raw = get(b"/echo/", KEY, b"Origin: http://evil.test", method=b"POST")
    assert await attacked.misjudged([raw], (200,), (b"/echo/",)) == []


async def test_a_burst_of_callers_waits_in_line(attacked: Victim) -> None:
    """Python's event loops listen again with a backlog of their own, 100 by default: a burst would be dropped."""
    most = min(4096, int(Path("/proc/sys/net/core/somaxconn").read_text()))
    ports = attacked.gateway.supervisor.ports
    for listening in (*ports.public, *ports.admin):
        info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        assert int.from_bytes(info[28:32], sys.byteorder) == most  # tcpi_sacked: a listening socket's backlog


async def test_own_answers_are_kept_by_no_cache(attacked: Victim) -> None:
    pair = (b"X-User-Id: " + USER_ID.encode(), b"X-Auth-Token: " + LOGIN_TOKEN.encode())
    bearer = b"Authorization: Bearer " + attacked.gateway.bearer.encode()
    shown: tuple[tuple[bytes, ...], ...] = ((), (KEY,), (cookie_of(attacked),), (bearer,), pair)
    for path in (*(path for path in OWN[:7]), b"/echo/..", b"/nowhere", b"/admin/"):
        for fields in shown:
            for method in (b"GET", b"OPTIONS", b"POST", b"PUT"):
                seen = await attacked.attack(get(path, *fields, method=method))
                if not seen.received:
                    (answer,) = seen.responses
                    assert answer.one(b"cache-control") == b"no-store", (path, method)


async def test_no_page_reads_an_own_answer_unless_its_origin_is_listed(examples: Examples, tmp_path: Path) -> None:
    listed = [{"dialect": "wacht", "credentials": ["cookie"], "cors": {"origins": ["https://app.example.com"]}}]
    async with victim(examples, tmp_path, session_info=listed) as running:
        for origin in (
            b"https://evil.test",
            b"null",
            b"https://app.example.com.evil.test",
            b"https://app.example.com/",
            b"*",
        ):
            for method in (b"GET", b"OPTIONS"):
                fields = (cookie_of(running), b"Origin: " + origin, b"Access-Control-Request-Method: GET")
                (answer,) = (await running.attack(get(b"/session", *fields, method=method))).responses
                assert answer.all(b"access-control-allow-origin") == []
                assert answer.all(b"access-control-allow-credentials") == []
                assert b"origin" in (answer.one(b"vary") or b"").lower()


@pytest.mark.parametrize("path", [b"/metrics", b"/revoke", b"/healthz", b"/readyz", b"/debug", b"/_gateway/metrics"])
async def test_nothing_administrative_stands_on_the_public_port(attacked: Victim, path: bytes) -> None:
    token = b"Authorization: Bearer " + ADMIN_TOKEN.encode()
    attacks = [get(path, token, method=method) for method in (b"GET", b"POST", b"HEAD", b"OPTIONS", b"DELETE")]
    assert await attacked.misjudged(attacks, (404,)) == []


@pytest.mark.parametrize("path", OWN[:6])
async def test_own_paths_are_met_by_one_reading_alone(examples: Examples, tmp_path: Path, path: bytes) -> None:
    async with victim(examples, tmp_path, session_info=SESSION_INFO, routes=everywhere) as running:
        word = path.rpartition(b"/")[2]
        encoded = path.removesuffix(word) + b"%%%02x" % word[0] + word[1:]
        assert await running.misjudged([get(same) for same in (path, path + b"?", encoded)], (401,)) == []
        others = (
            path.swapcase(),
            path + b"/x",
            path + b"%2f",
            b"/x" + path,
            path[:-1],
            b"/" + path[1:].replace(b"/", b"%2f"),
        )
        for other in others:
            if other != path:
                assert await running.misjudged([get(other)], (200,), (other,)) == []
        refused = (b"/" + path, path + b"//", path + b"/..", path + b"/.", path + b";x", b"/." + path, path + b"%00")
        assert await running.misjudged([get(other) for other in refused], (400,)) == []


async def test_what_is_ours_never_falls_through_to_a_route(examples: Examples, tmp_path: Path) -> None:
    async with victim(examples, tmp_path, session_info=SESSION_INFO, routes=everywhere) as running:
        for path in OWN[:6]:
            for method in (b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"HEAD", b"GET"):
                seen = await running.attack(get(path, method=method), head=method == b"HEAD")
                assert seen.received == ()
                assert seen.statuses[0] in {204, 400, 401, 405}


async def test_own_answers_show_no_secret_beyond_what_a_document_shows(attacked: Victim) -> None:
    pair = (b"X-User-Id: " + USER_ID.encode(), b"X-Auth-Token: " + LOGIN_TOKEN.encode())
    secrets = [attacked.gateway.bearer, attacked.gateway.cookie, LOGIN_TOKEN, ADMIN_TOKEN, "a-pepper"]
    bearer = b"Authorization: Bearer " + attacked.gateway.bearer.encode()
    for path, fields in (
        (OWN[0], (KEY,)),
        (OWN[2], (cookie_of(attacked),)),
        (OWN[3], (bearer,)),
        (OWN[5] + b"?sessionId=rBk3bZ8vJ2sQeT5wX", pair),
        (OWN[8], ()),
    ):
        seen = await attacked.attack(get(path, *fields))
        assert seen.statuses == (200,), path
        body = seen.responses[0].body.decode()
        assert [secret for secret in secrets if secret in body] == []
        assert '"d":' not in body
        if path != OWN[0]:
            assert PROJECT_KEY not in body


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_carries_only_our_own_body(attacked: Victim, status: int) -> None:
    marked = b"<b>mark</b>"
    shown = b"X-Api-Key: sk_live_def456uvw789" if status == 403 else b"X-Api-Key: " + marked
    (answer,) = (await attacked.attack(get(b"/admin/" + marked, shown, b"X: " + marked))).responses
    assert answer.status == status
    assert marked not in answer.body
    assert answer.one(b"content-type") == b"application/json"
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize("secret", [None, "", [], [""], "${NOT_THERE}"])
def test_there_is_no_default_secret(secret: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(
            {} if secret is None else {"secret": secret} if secret != "${NOT_THERE}" else {"secret": {}}
        )


ADMIN_ATTACKS = (
    b"garbage<script>\r\n\r\n",
    b"GET /metrics<script> HTTP/1.1\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nX<script>: y\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: <script>\x00\r\n\r\n",
    b"POST /revoke HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    b"POST /revoke HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n",
)


@pytest.mark.parametrize("raw", ADMIN_ATTACKS)
async def test_the_admin_port_answers_garbage_in_our_words(
    attacked: Victim, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    received = await conversation(attacked.gateway.admin_port, raw)
    assert received.partition(b"\r\n")[0].split(b" ")[1] == b"400"
    assert b"script" not in received
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["code"] == "malformed_request"
    assert caplog.records == []


def revoking(*fields: bytes, body: bytes = b'{"session": "s"}', line: bytes = b"POST /revoke HTTP/1.1") -> bytes:
    return request(line, CLOSE, b"Content-Length: %d" % len(body), *fields, body=body)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (revoking(), 401),
        (revoking(b"Authorization: "), 403),
        (revoking(b"Authorization: Bearer"), 403),
        (revoking(b"Authorization: Bearer wrong"), 403),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.upper().encode()), 403),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN[:-1].encode()), 403),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.encode() + b"x"), 403),
        (revoking(b"Authorization: Basic " + ADMIN_TOKEN.encode()), 403),
        (revoking(b"Authorization: Bearer wrong", b"Authorization: Bearer " + ADMIN_TOKEN.encode()), 403),
        (revoking(b"Authorization: Bearer \xff"), 403),
        (revoking(b"X-Authorization: Bearer " + ADMIN_TOKEN.encode()), 401),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.encode(), body=b"{}"), 400),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.encode(), body=b"\xff"), 400),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.encode(), body=b"[" * 3000), 400),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.encode(), body=b"x" * 5000), 413),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.encode(), line=b"GET /revoke HTTP/1.1"), 405),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.encode(), line=b"POST /revoke/ HTTP/1.1"), 404),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.encode(), line=b"POST /%72evoke HTTP/1.1"), 404),
        (revoking(b"Authorization: Bearer " + ADMIN_TOKEN.encode()), 200),
    ],
)
async def test_revocation_is_for_whoever_holds_the_admin_token(attacked: Victim, raw: bytes, status: int) -> None:
    answer: RawResponse = await exchange(attacked.gateway.admin_port, raw)
    assert answer.status == status
    assert ADMIN_TOKEN.encode() not in attacked.gateway.log() + answer.body


DEVELOPMENT = [{"dialect": "wacht", "credentials": ["cookie"], "development": True}]


async def test_a_development_token_counts_in_deployments_that_say_so_alone(examples: Examples, tmp_path: Path) -> None:
    async with victim(examples, tmp_path, session_info=SESSION_INFO) as running:
        token = running.gateway.cookie.encode()
        for name in [*percent_encodings(b"__")][:4]:
            raw = get(b"/session?" + name + b"dev_session__=" + token)
            assert await running.misjudged([raw], (401,)) == []


async def test_a_development_token_is_read_strictly(examples: Examples, tmp_path: Path) -> None:
    async with victim(examples, tmp_path, session_info=DEVELOPMENT) as running:
        token = running.gateway.cookie.encode()
        assert (await running.attack(get(b"/session?__dev_session__=" + token))).statuses == (200,)
        for query in (
            b"__dev_session__=garbage",
            b"__dev_session__=" + token + b"%3b",
            b"__dev_session__=" + token + b"%3b__session=" + token,
            b"__dev_session__=%0d%0aX:%20y",
            b"__dev_session__=" + token + b"&__dev_session__=" + token,
            b"__dev_session__=garbage&__dev_session__=" + token,
            b"%5f_dev_session__=garbage&__dev_session__=" + token,
        ):
            assert await running.misjudged([get(b"/session?" + query)], (401,)) == [], query
        both = get(b"/session?__dev_session__=" + token, b"Cookie: __session=garbage")
        assert await running.misjudged([both], (401,)) == []
        assert token not in running.gateway.log()
