"""docs/THREATS.md section 4, credentials: the ways a key travels besides a header of its own."""

from __future__ import annotations

import asyncio
import shutil
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from websockets import InvalidStatus, Subprotocol
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tests.support.clients.raw_http import raw_client
from tests.support.gateways.attacks import Victim, get
from tests.support.gateways.serving import MEMBER_KEY, PROJECT_KEY, READERS, Examples, config, serving

SDK = {"kind": "api_key", "scheme": "Bearer", "prefix": "sk_", "type": "project", "authority": "accounts"}
TOKEN = {"kind": "bearer", "form": "jwt", "authority": "accounts"}
GIT = {"kind": "basic", "type": "project", "authority": "accounts"}
URL = {"kind": "query", "parameter": "access_token", "type": "project", "authority": "accounts"}
SOCKET = {"kind": "websocket_protocol", "begins": "bearer.", "type": "project", "authority": "accounts"}
EDGE = {"kind": "header_jwt", "header": "Cf-Access-Jwt-Assertion", "authority": "accounts"}
KINDS = {
    "both": {"credentials": ["sdk", "jwt"]},
    "maybe": {"credentials": ["sdk", "jwt"], "access": "optional"},
    "git": {"credentials": ["git"], "challenge": "basic"},
    "events": {"credentials": ["url", "socket"]},
    "edge": {"credentials": ["edge"], "access": "optional"},
    "pages": {"credentials": ["cookie"]},
}


def routes(upstream: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "match": {"path": f"/{name}/"}, "upstream": upstream, **each} for name, each in KINDS.items()
    ]


@pytest.fixture
def sections() -> dict[str, Any]:
    readers = {"sdk": SDK, "jwt": TOKEN, "git": GIT, "url": URL, "socket": SOCKET, "edge": EDGE}
    return {
        "credentials": readers | {"cookie": READERS["cookie"]},
        "routes": routes,
        "trusted_proxies": ["127.0.0.2/32"],
    }


async def status_of(attacked: Victim, path: bytes, *fields: bytes, method: bytes = b"GET") -> int:
    """Return the status; what was refused never arrived, and what arrived has no credential left."""
    seen = await attacked.attack(get(path, *fields, method=method))
    (status,) = seen.statuses
    assert len(seen.received) == (status == 200)
    assert all(received.all(b"authorization") == [] for received in seen.received)
    return status


async def test_a_key_and_a_token_behind_one_word_are_told_apart_by_their_form(attacked: Victim) -> None:
    bearer = attacked.gateway.bearer.encode()
    for good in (PROJECT_KEY.encode(), bearer):
        assert await status_of(attacked, b"/both/", b"Authorization: Bearer " + good) == 200
        assert await status_of(attacked, b"/maybe/", b"authorization: bearer  " + good) == 200
    signature = bearer.rpartition(b".")[2]
    for bad in (b"sk_unknown", b"uk_live_abc123xyz456", b"sk_" + bearer, bearer[:-4], b"e.e.e", signature, b"", b"a b"):
        for path in (b"/both/", b"/maybe/"):
            assert await status_of(attacked, path, b"Authorization: Bearer " + bad) == 401
    two = (b"Authorization: Bearer " + PROJECT_KEY.encode(), b"Authorization: Bearer " + bearer)
    assert await status_of(attacked, b"/maybe/", *two) == 401
    assert await status_of(attacked, b"/maybe/", *reversed(two)) == 401
    # another word is nobody's here, as it ever was
    assert await status_of(attacked, b"/maybe/", b"Authorization: Token " + PROJECT_KEY.encode()) == 200
    assert attacked.upstream.requests[-1].all(b"x-api-key-id") == []


def basic(pair: bytes) -> bytes:
    return b"Authorization: Basic " + b64encode(pair)


async def test_basic_is_read_strictly(attacked: Victim) -> None:
    key = PROJECT_KEY.encode()
    assert await status_of(attacked, b"/git/", basic(b"x-token:" + key)) == 200
    assert attacked.upstream.requests[-1].all(b"x-auth-method") == [b"api_key"]
    good = basic(b":" + key)
    assert await status_of(attacked, b"/git/", good) == 200
    for bad in (b"x:unknown", b"x", b"", b":", key + b":", b"x:" + key + b"\n", b"x:\xff" + key):
        assert await status_of(attacked, b"/git/", basic(bad)) == 401
    for broken in (b"Authorization: Basic", good[:-1] + b"*", good + b" x", good + b"\xff"):
        assert await status_of(attacked, b"/git/", broken) == 401
    assert await status_of(attacked, b"/git/", good, basic(b"x:unknown")) == 401
    assert await status_of(attacked, b"/git/", b"Authorization: Bearer " + key) == 401


async def test_a_foreign_page_cannot_use_the_password_that_a_browser_keeps(attacked: Victim) -> None:
    shown = basic(b"x:" + PROJECT_KEY.encode())
    assert await status_of(attacked, b"/git/", shown, b"Origin: https://evil.example", method=b"POST") == 403
    for foreign in (b"Origin: null", b"Origin: http://gateway.test\r\nOrigin: http://gateway.test", b"Origin:"):
        assert await status_of(attacked, b"/git/", shown, foreign, method=b"POST") == 403
    assert await status_of(attacked, b"/git/", shown, b"Origin: http://gateway.test", method=b"POST") == 200


async def test_git_and_its_like_send_what_they_have_without_an_origin(attacked: Victim) -> None:
    shown = basic(b"x:" + PROJECT_KEY.encode())
    for method in (b"POST", b"PUT", b"DELETE", b"PATCH"):
        assert await status_of(attacked, b"/git/a.git/git-upload-pack", shown, method=method) == 200
        assert await status_of(attacked, b"/git/", basic(b"x:unknown"), method=method) == 401


async def test_two_cookies_of_a_name_lock_no_browser_out(attacked: Victim) -> None:
    cookie = attacked.gateway.cookie.encode()
    planted = b"Cookie: __session=planted; __session=" + cookie
    seen = await attacked.attack(get(b"/pages/", planted))
    assert (seen.statuses, seen.received) == ((401,), ())
    (response,) = seen.responses
    assert response.json()["error"]["message"] == "Two credentials were sent, or one of them twice."
    cleared = response.all(b"set-cookie")
    assert any(b"; Domain=" in each for each in cleared)
    assert {b"__session=; Path=/", b"__session=; Path=/pages/", b"__session=; Path=/pages"} <= {
        each.partition(b"; Max-Age=0")[0].partition(b"; Domain")[0] for each in cleared
    }
    alone = await attacked.attack(get(b"/pages/", b"Cookie: __session=" + cookie))
    assert alone.statuses == (200,)


async def test_a_401_asks_for_what_its_route_wants(attacked: Victim) -> None:
    for path, scheme in ((b"/git/", b"Basic "), (b"/both/", b"Bearer ")):
        for fields in ((), (b"Authorization: Basic eDp5",), (b"Authorization: Bearer sk_unknown",)):
            (response,) = (await attacked.attack(get(path, *fields))).responses
            (challenge,) = response.all(b"www-authenticate")
            assert challenge.startswith(scheme)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
async def test_git_shows_its_key_when_it_is_asked_for_a_password(attacked: Victim, tmp_path: Path) -> None:
    url = f"http://git:{MEMBER_KEY}@127.0.0.1:{attacked.gateway.port}/git/a.git"
    git = await asyncio.create_subprocess_exec(
        *("git", "-c", "credential.helper=", "ls-remote", url),
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0"},
        stderr=asyncio.subprocess.PIPE,
    )
    await asyncio.wait_for(git.communicate(), 20)  # it fails: the upstream is no repository
    arrived = attacked.upstream.requests[0]
    assert arrived.target.startswith(b"/git/a.git/info/refs")
    assert arrived.all(b"x-auth-method") == [b"api_key"]
    assert b64encode(f"git:{MEMBER_KEY}".encode()) not in arrived.raw


async def test_a_secret_in_the_query_is_read_where_its_route_says_so_and_never_arrives(attacked: Victim) -> None:
    key = PROJECT_KEY.encode()
    for query, rest in (
        (b"access_token=" + key, b""),
        (b"a=%2f&access_token=" + key + b"&&b", b"?a=%2f&&b"),
        (b"%61ccess%5ftoken=" + key.replace(b"_", b"%5F") + b"&c=d", b"?c=d"),
    ):
        assert await status_of(attacked, b"/events/a?" + query) == 200
        assert attacked.upstream.requests[-1].target == b"/events/a" + rest
        assert key not in attacked.upstream.requests[-1].raw
    twice = b"access_token=" + key + b"&access%5Ftoken=" + key
    for bad in (twice, b"access_token=unknown", b"access_token=%ff", b"Access_Token=" + key, b"access_token="):
        assert await status_of(attacked, b"/events/?" + bad) == 401
    assert await status_of(attacked, b"/both/?access_token=" + key) == 401
    assert await status_of(attacked, b"/events/", b"Authorization: Bearer " + key) == 401
    assert key not in attacked.gateway.log()


async def test_equal_fields_do_not_answer_for_another_query(attacked: Victim) -> None:
    lines = [b"GET /events/?access_token=%b HTTP/1.1\r\nHost: gateway.test\r\n\r\n"] * 5
    keys = [PROJECT_KEY.encode(), b"unknown", PROJECT_KEY.encode(), MEMBER_KEY.encode(), b"unknown"]
    async with raw_client(attacked.gateway.port) as client:
        statuses = []
        for line, key in zip(lines, keys, strict=True):
            await client.send(line % key)
            statuses.append((await client.response()).status)
    assert statuses == [200, 401, 200, 200, 401]
    first, second, third = (each.one(b"x-api-key-id") for each in attacked.upstream.requests)
    assert first == second != third


async def test_a_secret_among_the_protocols_never_arrives(examples: Examples, tmp_path: Path) -> None:
    offered = []

    async def answer(connection: ServerConnection) -> None:
        assert connection.request is not None
        offered.append(connection.request.headers.get_all("Sec-WebSocket-Protocol"))
        await connection.send("hello")

    async with serve(answer, "127.0.0.1", 0, subprotocols=[Subprotocol("chat")]) as server:
        upstream = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        own = {"credentials": {"socket": SOCKET, "url": URL}, "routes": routes_of_events(upstream)}
        async with serving(config(1, examples.settings(tmp_path), **own), tmp_path) as gateway:
            url = f"ws://127.0.0.1:{gateway.port}/events/"
            protocols = [Subprotocol("chat"), Subprotocol(f"bearer.{PROJECT_KEY}")]
            async with connect(url, subprotocols=protocols, proxy=None) as client:
                assert (client.subprotocol, await client.recv()) == ("chat", "hello")
            async with connect(f"{url}?access_token={PROJECT_KEY}", subprotocols=protocols[:1], proxy=None) as client:
                assert await client.recv() == "hello"
            for bad in (protocols[:1], [*protocols, Subprotocol("bearer.other")], [Subprotocol("bearer.unknown")]):
                with pytest.raises(InvalidStatus):
                    async with connect(url, subprotocols=bad, proxy=None):
                        pass
            assert PROJECT_KEY.encode() not in gateway.log()
    assert offered == [["chat"], ["chat"]]


def routes_of_events(upstream: str) -> list[dict[str, Any]]:
    return [route for route in routes(upstream) if route["name"] == "events"]


async def test_a_proxy_s_assertion_counts_from_that_proxy_alone(attacked: Victim) -> None:
    shown = b"cf-access-jwt-assertion: " + attacked.gateway.bearer.encode()
    assert await status_of(attacked, b"/edge/") == 200
    assert await status_of(attacked, b"/edge/", shown) == 401
    for fields, status in (((shown,), 200), ((shown, shown), 401), ((shown + b"x",), 401)):
        reader, writer = await asyncio.open_connection("127.0.0.1", attacked.gateway.port, local_addr=("127.0.0.2", 0))
        writer.write(get(b"/edge/", *fields))
        assert (await reader.readline()).split()[1] == b"%d" % status
        writer.close()
        await writer.wait_closed()
    arrived = attacked.upstream.requests[-1]
    assert arrived.all(b"x-auth-method") == [b"bearer"]
    assert arrived.all(b"cf-access-jwt-assertion") == []
