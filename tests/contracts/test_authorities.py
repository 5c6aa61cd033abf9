"""One suite for every kind of authority that is asked over a socket: what it may answer, and what faults become."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import TypeAdapter

from gateway.authorities.authority import Authority
from gateway.authorities.authority_kind import AuthorityBaseSettings
from gateway.authorities.introspection import IntrospectionSettings
from gateway.authorities.jwt import JwtSettings
from gateway.authorities.kinds import AUTHORITIES, AuthoritySettings, build_authority
from gateway.authorities.remote import settings_in_dialect
from gateway.directory.migrating import migrate
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential
from gateway.signing import KeyRing
from tests.support.builders.dialects import ANSWERS, CREDENTIALS, EXAMPLES, SPOKEN
from tests.support.builders.example_sessions import CARRIERS
from tests.support.servers.chaos_proxy import chaos_proxy
from tests.support.servers.low_level import listening

ISSUER = "https://id.example.com"
MEBIBYTE = 1024 * 1024
PATIENCE = "10s"
"""Until a test that waits for an authority gives up; a bound for a broken program, not an expectation."""
KEYS = KeyRing.generate("ES256")
Answering = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def token(now: float) -> str:
    return KEYS.sign("at+jwt", {"iss": ISSUER, "aud": "orders", "sub": "u1", "iat": int(now), "exp": int(now) + 3600})


class Kind:
    """One kind: its settings for an address, the credential that is looked up, and the authority's good answer."""

    def __init__(
        self, name: str, settings: Callable[[str, str], AuthorityBaseSettings], credential: Credential, good: Any
    ) -> None:
        self.name = name
        self.settings = settings
        self.credential = credential
        self.good = json.dumps(good).encode()


def remote(dialect: str, url: str, timeout: str) -> AuthorityBaseSettings:
    written = {"kind": "remote", "dialect": dialect, "url": url, "timeout": timeout, **EXAMPLES[dialect].keys}
    return settings_in_dialect(written).model_validate(written)


def _remote(dialect: str) -> Kind:
    return Kind(
        dialect,
        lambda url, timeout: remote(dialect, url, timeout),
        CREDENTIALS[dialect],
        # an ended rocketchat session is rejected by look_up, so the live one stands for it
        {key: value for key, value in ANSWERS[dialect].items() if key != "closedAt"},
    )


BEARER = CREDENTIALS["memghost"]
KINDS = {
    **{dialect: _remote(dialect) for dialect in SPOKEN},
    "introspection": Kind(
        "introspection",
        lambda url, timeout: IntrospectionSettings(
            kind="introspection", url=url, client_id="gw", client_secret="s3cret", timeout=timeout
        ),
        BEARER,
        {"active": True, "sub": "u1", "scope": "read write"},
    ),
    "jwt": Kind(
        "jwt",
        lambda url, timeout: JwtSettings(
            kind="jwt", issuer=ISSUER, audience="orders", jwks_url=url, algorithms=["ES256"], timeout=timeout
        ),
        Credential("token", BEARER.kind, "", (token(time.time()),), b"j"),  # noqa: TID251 - a token of now
        KEYS.jwks(),
    ),
}


EVERY: dict[str, dict[str, Any]] = {
    "directory": {"pepper": "a-pepper"},
    "remote": {"dialect": "memghost"},
    "jwt": {"issuer": ISSUER, "audience": "orders", "algorithms": ["ES256"]},
    "introspection": {"client_id": "gw", "client_secret": "s3cret"},
}
"""Every kind of the table, with the keys that it needs besides its address."""

_SETTINGS: TypeAdapter[Any] = TypeAdapter(AuthoritySettings)


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@contextlib.asynccontextmanager
async def answered_by(kind: Kind, answering: Answering, patience: str = PATIENCE) -> AsyncIterator[Authority]:
    async with listening(answering) as port, opened(kind, f"http://127.0.0.1:{port}/who", patience) as authority:
        yield authority


@contextlib.asynccontextmanager
async def opened(kind: Kind, url: str, patience: str = PATIENCE) -> AsyncIterator[Authority]:
    authority = await build_authority("a", kind.settings(url, patience), time.time)  # noqa: TID251 - the real clock, handed in
    try:
        yield authority
    finally:
        await authority.close()


def always(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> Answering:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(status=status, body=body, headers={"Content-Type": content_type, **headers})

    return answer


async def test_a_good_answer_is_a_session(kind: Kind) -> None:
    async with answered_by(kind, always(200, kind.good)) as authority:
        answer = await authority.look_up(kind.credential)
    assert isinstance(answer, Found)
    expected = EXAMPLES[kind.name].found.session.subject if kind.name in EXAMPLES else "u1"
    assert answer.session.subject == expected


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 429, 500, 502, 503, 504])
async def test_a_status_that_says_nothing_of_the_credential_is_cannot_tell(kind: Kind, status: int) -> None:
    async with answered_by(kind, always(status, kind.good, Location="/elsewhere")) as authority:
        assert isinstance(await authority.look_up(kind.credential), Unavailable)


NOT_UTF8 = (
    *(b'{"active": true, "sub": "\xff"}', b'{"keys": [{"kid": "\xff", "kty": "\xff"}]}', b'{"session_id": "\xff"}'),
    *(b'{"project": {"id": "\xff"}}', b'{"data": {"id": "\xff"}, "session": {}}', b'{"_id": "\xff", "success": true}'),
)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b'"text"', b"\xff\xfe\x00", b"[" * 20_000, b'{"keys": 1}', b'{"active": "yes"}', *NOT_UTF8],
)
async def test_junk_is_cannot_tell(kind: Kind, body: bytes) -> None:
    async with answered_by(kind, always(200, body)) as authority:
        assert isinstance(await authority.look_up(kind.credential), Unavailable)


async def test_another_product_s_answer_is_cannot_tell(kind: Kind) -> None:
    for name, example in ANSWERS.items():
        if name != kind.name:
            async with answered_by(kind, always(200, json.dumps(example).encode())) as authority:
                answer = await authority.look_up(kind.credential)
                # without a subject nobody is active to introspection, and Kratos says `active` too
                expected = Rejected if (kind.name, name) == ("introspection", "kratos") else Unavailable
                assert isinstance(answer, expected)


async def test_a_page_for_people_is_cannot_tell(kind: Kind) -> None:
    async with answered_by(kind, always(200, b"<html>log in</html>", "text/html")) as authority:
        assert isinstance(await authority.look_up(kind.credential), Unavailable)


async def test_more_than_a_mebibyte_is_cannot_tell_and_is_not_read_to_its_end(kind: Kind) -> None:
    broken_off = asyncio.Event()

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 65536)
        except ConnectionError:
            broken_off.set()
            raise

    async with answered_by(kind, endless) as authority:
        answer = await authority.look_up(kind.credential)
        assert isinstance(answer, Unavailable)
        async with asyncio.timeout(10):
            await broken_off.wait()


async def test_a_mebibyte_is_read_whole(kind: Kind) -> None:
    padded = kind.good.ljust(MEBIBYTE)
    async with answered_by(kind, always(200, padded)) as authority:
        assert isinstance(await authority.look_up(kind.credential), Found)


async def test_a_compressed_answer_is_cannot_tell_since_none_was_asked_for(kind: Kind) -> None:
    answering = always(200, b"\x1f\x8b" + bytes(100), **{"Content-Encoding": "gzip"})
    async with answered_by(kind, answering) as authority:
        assert isinstance(await authority.look_up(kind.credential), Unavailable)


async def test_silence_is_cannot_tell(kind: Kind) -> None:
    gone = asyncio.Event()

    async def silent(request: web.BaseRequest) -> web.StreamResponse:
        await gone.wait()
        return web.Response(body=await request.read())

    async with answered_by(kind, silent, patience="100ms") as authority:
        answer = await authority.look_up(kind.credential)
        gone.set()
    assert isinstance(answer, Unavailable)


async def test_a_reset_is_cannot_tell_and_is_not_tried_again(kind: Kind) -> None:
    requests = []

    async def reset(request: web.BaseRequest) -> web.StreamResponse:
        requests.append(request.method)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with answered_by(kind, reset) as authority:
        assert isinstance(await authority.look_up(kind.credential), Unavailable)
    assert len(requests) == 1


async def test_nobody_listening_is_cannot_tell(kind: Kind) -> None:
    async with listening(always(200, b"")) as port:
        pass
    async with opened(kind, f"http://127.0.0.1:{port}/who") as authority:
        answer = await authority.look_up(kind.credential)
    assert isinstance(answer, Unavailable)
    assert kind.credential.parts[0] not in answer.detail


async def test_a_redirect_is_not_followed_with_the_credential(kind: Kind) -> None:
    paths = []

    async def redirect(request: web.BaseRequest) -> web.StreamResponse:
        paths.append(request.rel_url.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with answered_by(kind, redirect) as authority:
        await authority.look_up(kind.credential)
    assert paths == ["/who"]


async def test_cookies_of_one_caller_s_answer_are_not_sent_for_the_next(kind: Kind) -> None:
    cookies = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        cookies.append(request.headers.get("Cookie", ""))
        return web.Response(body=kind.good, content_type="application/json", headers={"Set-Cookie": "sid=1; Path=/"})

    async with answered_by(kind, answer) as authority:
        for _ in range(2):
            await authority.look_up(kind.credential)
    assert len(set(cookies)) == 1
    assert "sid" not in cookies[0]


async def test_connections_are_kept(kind: Kind) -> None:
    peers = set()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(body=kind.good, content_type="application/json")

    async with answered_by(kind, answer) as authority:
        for _ in range(3):
            await authority.look_up(kind.credential)
    assert len(peers) == 1


async def test_settings_that_change_verdicts_change_the_digest(kind: Kind) -> None:
    digests = set()
    for url in ("http://127.0.0.1:1/a", "http://127.0.0.1:1/b"):
        async with opened(kind, url) as authority:
            digests.add(authority.verdict_digest)
    assert len(digests) == 2


async def test_a_session_that_is_nobody_s_is_gone(kind: Kind) -> None:
    async with answered_by(kind, always(404, b'{"success": false, "error": "Session not found"}')) as authority:
        assert await authority.session_of(kind.credential, "another") == Rejected(Reason.GONE)


@pytest.mark.parametrize("name", [*SPOKEN, "introspection"])
async def test_who_cannot_disown_never_says_not_mine(name: str) -> None:
    kind = KINDS[name]
    async with answered_by(kind, always(401, b"{}")) as authority:
        for credential in CREDENTIALS.values():
            assert await authority.look_up(credential) is not None


def test_introspection_shows_its_secret_to_nobody() -> None:
    settings = KINDS["introspection"].settings("https://id.example.com/introspect", PATIENCE)
    assert "s3cret" not in repr(settings)
    assert base64.b64encode(b"gw:s3cret").decode() not in repr(settings)


@pytest.mark.parametrize("strike", ["refuse", "swallow", "reset", "half_close"])
async def test_a_network_that_breaks_down_is_cannot_tell_and_mended_it_answers(kind: Kind, strike: str) -> None:
    arrived, let = asyncio.Event(), asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        arrived.set()
        await let.wait()
        return await always(200, kind.good)(request)

    async with listening(answer) as port, chaos_proxy("127.0.0.1", port) as network:
        url = f"http://127.0.0.1:{network.port}/who"
        async with opened(kind, url, "300ms" if strike == "swallow" else PATIENCE) as authority:
            network.refuse, network.blackhole = strike == "refuse", strike == "swallow"
            asking = asyncio.gather(authority.look_up(kind.credential))
            if strike in {"reset", "half_close"}:
                await arrived.wait()
                getattr(network, strike)()
            assert isinstance((await asking)[0], Unavailable)
            network.refuse = network.blackhole = False
            let.set()
            if kind.name != "jwt":  # whose keys are fetched again only after a cooldown
                assert isinstance(await authority.look_up(kind.credential), Found)


@contextlib.asynccontextmanager
async def opened_by_config(name: str, folder: Path) -> AsyncIterator[Authority]:
    """Open an authority of that kind which knows nobody."""
    nobody = {"jwt": b'{"keys": []}', "introspection": b'{"active": false}'}
    async with listening(always(200, nobody[name]) if name in nobody else always(401, b"{}")) as port:
        url = f"http://127.0.0.1:{port}/who"
        if name == "directory":
            url = f"sqlite:///{folder}/directory.db"
            await migrate(url)
        written = {"kind": name, ("jwks_url" if name == "jwt" else "url"): url, "timeout": PATIENCE, **EVERY[name]}
        authority = await build_authority("a", _SETTINGS.validate_python(written), time.time)  # noqa: TID251 - as above
        try:
            yield authority
        finally:
            await authority.close()


@pytest.mark.parametrize("name", AUTHORITIES.own)
async def test_every_kind_answers_for_a_stranger_and_knows_nobody(name: str, tmp_path: Path) -> None:
    async with opened_by_config(name, tmp_path) as authority:
        for credential in CARRIERS:
            answer = await authority.look_up(credential)
            assert answer is None or isinstance(answer, Rejected)
            assert AUTHORITIES.own[name].can_disown or answer is not None
            assert isinstance(authority.disowns(credential), bool)
            assert credential.parts[-1] not in authority.unclaimed_because(credential)
            assert isinstance(await authority.session_of(credential, "another"), Rejected)


@pytest.mark.parametrize("name", AUTHORITIES.own)
async def test_every_kind_has_its_name_and_a_digest_of_what_changes_its_verdicts(name: str, tmp_path: Path) -> None:
    async with opened_by_config(name, tmp_path) as authority:
        assert (authority.name, len(authority.verdict_digest)) == ("a", 16)
        assert isinstance(authority.memory_only, bool)
