"""The table of what an authority may answer about one credential: what its caller is told, and what everybody else.

A row is (kind of authority, answer) -> (this caller, everybody else). Only no connection, no answer in time and a 5xx
are the authority's own fault; whatever else is odd stays between it and the caller who caused it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.authorities.authority import Authority
from gateway.authorities.directory_authority import DirectoryAuthority, Recognition
from gateway.authorities.guard import Askable, Guard, GuardLimits
from gateway.authorities.jwt import JwtAuthority, JwtSettings
from gateway.authorities.kinds import build_authority
from gateway.directory.hashing import Peppers
from gateway.directory.stored import Store, StoredKey
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import DirectoryError, OddQuestionError
from gateway.resilience.breaker import Breaker
from gateway.resilience.places import Caller, Places
from gateway.telemetry.resolution_metrics import ResolutionMetrics
from tests.contracts.test_authorities import KINDS, Answering, Kind, always, answered_by
from tests.support.fakes.sessions import NOW, Clock, key_session
from tests.support.servers.issuer import EC_KEY, ISSUER, OTHER_EC_KEY, Jwks, forge, jwk, sign
from tests.support.servers.low_level import listening

ASKED = sorted(set(KINDS) - {"jwt"})
"""The kinds that are asked about each credential over HTTP."""

ODD_TIMES = 5
"""More than the failures that open a breaker."""

HTML = (b"<html>log in</html>", "text/html")
TEXT = (b"Bad Request", "text/plain")

ODD: dict[str, Answering] = {
    **{f"{status} in plain text": always(status, *TEXT) for status in (400, 402, 403, 404, 405, 406, 408, 409, 410)},
    **{f"{status} in plain text": always(status, *TEXT) for status in (413, 414, 415, 417, 421, 422, 429, 431, 451)},
    **{f"{status}": always(status, b"", Location="/elsewhere") for status in (204, 301, 302, 303, 307, 308)},
    "a page for people": always(200, *HTML),
    "half a document": always(200, b'{"active": tr'),
    "a document nested too deep": always(200, b"[" * 20_000),
    "text that is not UTF-8": always(200, b'{"active": true, "sub": "\xff"}'),
    "more than a mebibyte": always(200, b" " * (1024 * 1024 + 1)),
    "a coding that nobody asked for": always(200, b"\x1f\x8b", **{"Content-Encoding": "gzip"}),
    "a time beyond the calendar": always(200, b'{"active": true, "sub": "u", "exp": 1e300, "expires_at": 1e300}'),
}
FAULTS: dict[str, Answering] = {f"{status}": always(status, *TEXT) for status in (500, 501, 502, 503, 504, 511, 599)}


async def _reset(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _silence(_request: web.BaseRequest) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


FAULTS["a reset"] = _reset


def guarded(authority: Authority) -> Guard:
    return Guard(
        authority, Breaker(Clock()), ResolutionMetrics(CollectorRegistry()), GuardLimits(Askable(), Places(64))
    )


def _odd(credential: Credential, number: int) -> Credential:
    """Another credential of the same kind."""
    return msgspec.structs.replace(credential, parts=(*credential.parts[:-1], f"odd-{number}"))


@contextlib.asynccontextmanager
async def behind_a_guard(kind: Kind, to_odd_ones: Answering, patience: str = "10s") -> AsyncIterator[Guard]:
    """Let an authority answer so about every credential but the good one."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        everything = f"{request.raw_path} {request.headers} {(await request.read()).decode()}"
        return await (to_odd_ones if "odd-" in everything else always(200, kind.good))(request)

    async with answered_by(kind, answer, patience) as authority:
        yield guarded(authority)


async def ask_odd_ones(guard: Guard, credential: Credential) -> list[type[Answer]]:
    with capture_logs():
        return [type(await guard.look_up(_odd(credential, number), Caller())) for number in range(ODD_TIMES)]


@pytest.mark.parametrize("answer", ODD)
@pytest.mark.parametrize("name", ASKED)
async def test_an_odd_answer_is_its_callers_alone(name: str, answer: str) -> None:
    if answer == "a time beyond the calendar" and name in {"introspection", "oidc_userinfo"}:
        return  # there such a time is none, as issuers write for a token without an expiry; UserInfo has no times
    kind = KINDS[name]
    async with behind_a_guard(kind, ODD[answer]) as guard:
        assert set(await ask_odd_ones(guard, kind.credential)) == {Undecided}
        assert isinstance(await guard.look_up(kind.credential, Caller()), Found)
        assert not guard.given_up


@pytest.mark.parametrize("answer", FAULTS)
@pytest.mark.parametrize("name", ASKED)
async def test_a_fault_of_the_authority_is_everybodys(name: str, answer: str) -> None:
    kind = KINDS[name]
    async with behind_a_guard(kind, FAULTS[answer]) as guard:
        assert set(await ask_odd_ones(guard, kind.credential)) == {Unavailable}
        assert guard.given_up
        assert type(await guard.look_up(kind.credential, Caller())) is Unavailable


@pytest.mark.parametrize("name", ASKED)
async def test_silence_is_everybodys(name: str) -> None:
    kind = KINDS[name]
    async with behind_a_guard(kind, _silence, "50ms") as guard:
        assert set(await ask_odd_ones(guard, kind.credential)) == {Unavailable}
        assert guard.given_up


@pytest.mark.parametrize("name", ASKED)
async def test_an_answer_that_is_no_http_is_its_callers_alone(name: str) -> None:
    """A raw server, since no server library says such things."""
    kind = KINDS[name]
    garbage = (
        b"HTTP/1.1 abc\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA" + b"a" * 20_000 + b": b\r\n\r\n",
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        del head
        writer.write(garbage[len(seen) % len(garbage)])
        seen.append(1)
        await writer.drain()
        writer.close()

    seen: list[int] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    authority = await _opened(kind, port)
    guard = guarded(authority)
    assert set(await ask_odd_ones(guard, kind.credential)) == {Undecided}
    assert not guard.given_up
    await authority.close()
    server.close()


@pytest.mark.parametrize("name", ASKED)
async def test_a_credential_that_is_too_long_is_unknown_and_never_sent(name: str) -> None:
    kind, requests = KINDS[name], []

    async def count(request: web.BaseRequest) -> web.StreamResponse:
        requests.append(request.path)
        return await always(431, *TEXT)(request)

    async with answered_by(kind, count) as authority:
        guard = guarded(authority)
        long = msgspec.structs.replace(kind.credential, parts=(*kind.credential.parts[:-1], "k" * 17_000))
        assert [await guard.look_up(long, Caller()) for _ in range(ODD_TIMES)] == [None] * ODD_TIMES
    assert requests == []


@contextlib.asynccontextmanager
async def tokens_of(jwks: Jwks, clock: Clock) -> AsyncIterator[Guard]:
    async with listening(jwks.answer) as port:
        settings = JwtSettings(
            kind="jwt",
            issuer=ISSUER,
            audience="orders",
            jwks_url=f"http://127.0.0.1:{port}/jwks",
            algorithms=["ES256"],
            timeout="10s",
            jwks_fresh="10m",
            jwks_stale="1h",
        )
        authority = JwtAuthority("tokens", settings, clock, clock)
        try:
            yield guarded(authority)
        finally:
            await authority.close()


def bearer(token: str) -> Credential:
    return Credential("token", CredentialKind.BEARER, "", (token,), token.encode()[-16:])


CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": "orders", "sub": "u1", "iat": NOW - 10, "exp": NOW + 86400}
UNSIGNED = [forge({"alg": "ES256", "kid": f"made-up-{number}"}, CLAIMS) for number in range(ODD_TIMES)]
"""Whoever knows the issuer's name can write such."""


@pytest.mark.parametrize("status", [503, 404, 200], ids=["503", "404", "no keys"])
async def test_made_up_key_names_shut_no_good_token_out_while_the_key_set_is_away(status: int) -> None:
    """As `jwks_stale` promises: the keys that are there serve on."""
    jwks, clock = Jwks(jwk(EC_KEY, "k1")), Clock()
    async with tokens_of(jwks, clock) as guard:
        assert isinstance(await guard.look_up(bearer(sign(CLAIMS)), Caller()), Found)
        jwks.status, jwks.keys = status, []
        with capture_logs():
            for _ in range(4):
                clock.advance(601)
                answers = [await guard.look_up(bearer(token), Caller()) for token in UNSIGNED]
                assert {type(answer) for answer in answers} == {Undecided}
                assert isinstance(await guard.look_up(bearer(sign({**CLAIMS, "jti": str(clock.now)})), Caller()), Found)
        assert not guard.given_up
        jwks.status, jwks.keys = 200, [jwk(EC_KEY, "k1"), jwk(OTHER_EC_KEY, "k2")]
        clock.advance(601)
        assert isinstance(await guard.look_up(bearer(sign(CLAIMS, OTHER_EC_KEY, kid="k2")), Caller()), Found)


async def test_a_key_set_that_never_came_is_everybodys() -> None:
    jwks = Jwks(jwk(EC_KEY, "k1"))
    jwks.status = 503
    async with tokens_of(jwks, Clock()) as guard:
        with capture_logs():
            assert type(await guard.look_up(bearer(sign(CLAIMS)), Caller())) is Unavailable


@pytest.mark.parametrize(
    "token", ["a" * 17_000, "a.b.c", "." * 5000, sign({**CLAIMS, "exp": -1}), sign({**CLAIMS, "exp": 1e300})]
)
async def test_an_absurd_token_is_refused_and_nobody_elses(token: str) -> None:
    async with tokens_of(Jwks(jwk(EC_KEY, "k1")), Clock()) as guard:
        for _ in range(ODD_TIMES):
            assert await guard.look_up(bearer(token), Caller()) in {
                None,
                Rejected(Reason.UNKNOWN),
                Rejected(Reason.EXPIRED),
            }
        assert isinstance(await guard.look_up(bearer(sign(CLAIMS)), Caller()), Found)


class OddRows(Store):
    """A directory's database that answers about one key, and has its trouble with all others."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault
        self.good = Peppers([b"pepper"]).every("good")

    async def key_by_hash(self, hashes: Any) -> StoredKey | None:
        if tuple(hashes) != tuple(self.good):
            raise self._fault
        return StoredKey(key_session(), self.good[0], "active")


@pytest.mark.parametrize(
    ("fault", "outcome", "everybody_else"),
    [
        (OddQuestionError("the directory cannot answer this"), Undecided, Found),
        (KeyError("a fault of our own"), Undecided, Found),
        (DirectoryError("the directory cannot be asked"), Unavailable, Unavailable),
        (TimeoutError(), Unavailable, Unavailable),
    ],
    ids=["odd", "our own", "away", "late"],
)
async def test_what_a_directory_cannot_answer(fault: Exception, outcome: type, everybody_else: type) -> None:
    store = OddRows(fault)
    guard = guarded(DirectoryAuthority("accounts", store, Recognition(Peppers([b"pepper"]), None), Clock()))
    keys = [Credential("key", CredentialKind.API_KEY, "user", (f"k{number}",), b"f") for number in range(ODD_TIMES)]
    with capture_logs():
        assert {type(await guard.look_up(key, Caller())) for key in keys} == {outcome}
    good = Credential("key", CredentialKind.API_KEY, "user", ("good",), b"g")
    assert type(await guard.look_up(good, Caller())) is everybody_else


async def _opened(kind: Kind, port: int) -> Authority:
    return await build_authority("a", kind.settings(f"http://127.0.0.1:{port}/who", "10s"), Clock())
