"""When keys are fetched, what they may verify, and what becomes of them when the issuer is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web
from jwt import PyJWK

from gateway.authorities.http_client import HttpClient
from gateway.authorities.http_settings import HttpAuthoritySettings
from gateway.authorities.key_set import KeySet, KeyTimes, TokenKey
from gateway.model.answers import Unavailable, Undecided
from tests.support.servers.issuer import EC_KEY, OTHER_EC_KEY, RSA_KEY, Clock, Jwks, jwk
from tests.support.servers.low_level import listening

EVERY = ("RS256", "PS256", "ES256", "EdDSA")
TIMES = KeyTimes(fresh=600.0, cooldown=30.0, stale=3600.0)


@contextlib.asynccontextmanager
async def key_set(jwks: Jwks, clock: Clock, algorithms: tuple[str, ...] = EVERY) -> AsyncIterator[KeySet]:
    async with listening(jwks.answer) as port:
        client = HttpClient(f"http://127.0.0.1:{port}/jwks", HttpAuthoritySettings(timeout="10s"))
        try:
            yield KeySet(client.get, algorithms, TIMES, clock)
        finally:
            await client.close()


LONG_AGO = 1e9


async def ask(
    keys: KeySet, kid: str, algorithm: str = "ES256", age: float | None = LONG_AGO
) -> tuple[bool | Unavailable, int]:
    """Return the answer about a token that any key has signed, and how many keys it was tried with."""
    tried: list[PyJWK] = []
    answer = await keys.has_signed(TokenKey(kid, algorithm, age), lambda key: tried.append(key) is None)
    return answer, len(tried)


async def count(keys: KeySet, kid: str, algorithm: str = "ES256") -> int:
    answer, tried = await ask(keys, kid, algorithm)
    assert not isinstance(answer, Unavailable)
    return tried


async def test_keys_are_fetched_once_for_all_who_ask_at_once() -> None:
    jwks = Jwks(jwk(EC_KEY, "k1"))
    async with key_set(jwks, Clock(1000.0)) as keys:
        found = await asyncio.gather(*(count(keys, "k1") for _ in range(50)))
    assert (set(found), jwks.fetches) == ({1}, 1)


async def test_a_thousand_unknown_names_are_one_fetch_per_cooldown() -> None:
    jwks, clock = Jwks(jwk(EC_KEY, "k1")), Clock(1000.0)
    async with key_set(jwks, clock) as keys:
        assert await count(keys, "k1") == 1
        clock.now += 31
        await asyncio.gather(*(count(keys, f"no-{number}") for number in range(500)))
        assert jwks.fetches == 2
        clock.now += 31
        await asyncio.gather(*(count(keys, f"no-{number}") for number in range(500)))
    assert jwks.fetches == 3


async def test_a_key_that_has_just_been_published_is_found() -> None:
    jwks, clock = Jwks(jwk(EC_KEY, "k1")), Clock(1000.0)
    async with key_set(jwks, clock) as keys:
        assert await count(keys, "k2") == 0
        jwks.keys.append(jwk(OTHER_EC_KEY, "k2"))
        assert await count(keys, "k2") == 0  # the cooldown is not over
        clock.now += 31
        assert await count(keys, "k2") == 1


async def test_a_withdrawn_key_is_forgotten_when_the_set_is_fetched_again() -> None:
    jwks, clock = Jwks(jwk(EC_KEY, "k1"), jwk(OTHER_EC_KEY, "k2")), Clock(1000.0)
    async with key_set(jwks, clock) as keys:
        assert await count(keys, "k1") == 1
        del jwks.keys[0]
        clock.now += 601
        assert await count(keys, "k1") == 0


async def test_while_the_issuer_is_away_old_keys_serve_and_unknown_ones_cannot_be_told() -> None:
    jwks, clock = Jwks(jwk(EC_KEY, "k1")), Clock(1000.0)
    async with key_set(jwks, clock) as keys:
        assert await count(keys, "k1") == 1
        jwks.status = 503
        clock.now += 601
        assert await count(keys, "k1") == 1
        assert isinstance((await ask(keys, "k2"))[0], Undecided)  # a name that anybody may make up
        assert jwks.fetches == 2
        clock.now = 1000.0 + 3601
        assert type((await ask(keys, "k1"))[0]) is Unavailable
        jwks.status = 200
        clock.now += 31
        assert await count(keys, "k1") == 1


async def test_an_algorithm_that_the_config_leaves_out_has_no_keys() -> None:
    async with key_set(Jwks(jwk(RSA_KEY, "r"), jwk(EC_KEY, "e")), Clock(0.0), ("ES256",)) as keys:
        assert await count(keys, "r", "RS256") == 0
        assert await count(keys, "e", "ES256") == 1


async def test_a_token_without_a_key_s_name_may_be_any_key_s() -> None:
    async with key_set(Jwks(jwk(EC_KEY, "a"), jwk(OTHER_EC_KEY, None)), Clock(0.0)) as keys:
        tried: list[PyJWK] = []
        assert await keys.has_signed(TokenKey("", "ES256"), lambda key: bool(tried.append(key) or len(tried) == 2))
        assert len(tried) == 2


async def test_a_name_that_is_not_there_may_be_that_of_a_key_without_a_name() -> None:
    async with key_set(Jwks(jwk(EC_KEY, "a"), jwk(OTHER_EC_KEY, None)), Clock(0.0)) as keys:
        assert await ask(keys, "b") == (True, 1)


async def test_a_key_that_may_have_been_published_a_moment_ago_cannot_be_told() -> None:
    jwks, clock = Jwks(jwk(EC_KEY, "k1")), Clock(1000.0)
    async with key_set(jwks, clock) as keys:
        assert await count(keys, "k1") == 1
        jwks.keys.append(jwk(OTHER_EC_KEY, "k2"))
        clock.now += 10
        for age in (None, 0.0, 15.0, -5.0):
            answer, _ = await ask(keys, "k2", age=age)
            assert isinstance(answer, Undecided)
            assert answer.retry_after == 20
        assert await ask(keys, "k2", age=110.0) == (False, 0)  # its key would have been in the set
        clock.now += 20
        assert await ask(keys, "k2", age=20.0) == (True, 1)
        clock.now += 31
        assert await ask(keys, "made-up", age=None) == (False, 0)  # by a set of this very moment


async def test_a_set_without_a_usable_key_replaces_nothing() -> None:
    jwks, clock = Jwks(jwk(EC_KEY, "k1")), Clock(1000.0)
    async with key_set(jwks, clock) as keys:
        assert await count(keys, "k1") == 1
        jwks.keys = []
        clock.now += 601
        assert await count(keys, "k1") == 1


async def test_a_fetch_that_was_given_up_counts_as_one() -> None:
    jwks, hung, released = Jwks(jwk(EC_KEY, "k1")), asyncio.Event(), asyncio.Event()

    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        hung.set()
        await released.wait()
        return await jwks.answer(request)

    async with listening(hang) as port:
        client = HttpClient(f"http://127.0.0.1:{port}/jwks", HttpAuthoritySettings(timeout="10s"))
        keys = KeySet(client.get, EVERY, TIMES, Clock(1000.0))
        impatient = asyncio.get_running_loop().create_task(ask(keys, "k1"))
        await hung.wait()
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        assert isinstance((await ask(keys, "k1"))[0], Unavailable)
        released.set()
        await client.close()
    assert jwks.fetches <= 1


async def test_while_one_caller_fetches_the_others_use_the_keys_that_are_there() -> None:
    jwks, clock, hung, released = Jwks(jwk(EC_KEY, "k1")), Clock(1000.0), asyncio.Event(), asyncio.Event()
    released.set()

    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        hung.set()
        await released.wait()
        return await jwks.answer(request)

    async with listening(hang) as port:
        client = HttpClient(f"http://127.0.0.1:{port}/jwks", HttpAuthoritySettings(timeout="10s"))
        keys = KeySet(client.get, EVERY, TIMES, clock)
        assert await count(keys, "k1") == 1
        jwks.status = 503
        clock.now += 601
        assert await count(keys, "k1") == 1  # and the set is known to be away
        clock.now += 31
        hung.clear()
        released.clear()
        asking = asyncio.get_running_loop().create_task(ask(keys, "made-up"))
        await hung.wait()
        assert await count(keys, "k1") == 1
        released.set()
        assert isinstance((await asking)[0], Undecided)
        await client.close()
