"""When keys are fetched, what they may verify, and what becomes of them when the issuer is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from gateway.authorities.http_client import HttpAuthoritySettings, HttpClient
from gateway.authorities.key_set import KeySet, KeyTimes
from gateway.model.answers import Unavailable, Undecided
from tests.support.servers.issuer import EC_KEY, ED_KEY, OTHER_EC_KEY, RSA_KEY, SHORT_RSA_KEY, Clock, Jwks, jwk
from tests.support.servers.low_level import listening

EVERY = ("RS256", "PS256", "ES256", "EdDSA")
TIMES = KeyTimes(fresh=600.0, cooldown=30.0, stale=3600.0)


@contextlib.asynccontextmanager
async def key_set(jwks: Jwks, clock: Clock, algorithms: tuple[str, ...] = EVERY) -> AsyncIterator[KeySet]:
    async with listening(jwks.answer) as port:
        client = HttpClient(f"http://127.0.0.1:{port}/jwks", HttpAuthoritySettings(timeout="10s"))
        try:
            yield KeySet(client, algorithms, TIMES, clock)
        finally:
            await client.close()


async def count(keys: KeySet, kid: str, algorithm: str = "ES256") -> int:
    found = await keys.find(kid, algorithm)
    assert not isinstance(found, Unavailable)
    return len(found)


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
        assert isinstance(await keys.find("k2", "ES256"), Undecided)  # a name that anybody may make up
        assert jwks.fetches == 2
        clock.now = 1000.0 + 3601
        assert type(await keys.find("k1", "ES256")) is Unavailable
        jwks.status = 200
        clock.now += 31
        assert await count(keys, "k1") == 1


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (jwk(RSA_KEY, "k"), {"RS256", "PS256"}),
        (jwk(RSA_KEY, "k", alg="PS256"), {"PS256"}),
        (jwk(RSA_KEY, "k", alg="HS256"), set()),
        (jwk(RSA_KEY, "k", use="enc"), set()),
        (jwk(RSA_KEY, "k", key_ops=["encrypt"]), set()),
        (jwk(SHORT_RSA_KEY, "k"), set()),
        (jwk(EC_KEY, "k"), {"ES256"}),
        (jwk(EC_KEY, "k", alg="RS256"), set()),
        (jwk(EC_KEY, "k", crv="P-384"), set()),
        (jwk(ED_KEY, "k"), {"EdDSA"}),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "HS256"}, set()),
        ({"kty": "EC", "crv": "P-256", "kid": "k"}, set()),
        ({"kty": ["EC"], "kid": "k"}, set()),
        ({"kid": "k"}, set()),
        (jwk(EC_KEY, "k", key_ops=5), set()),
    ],
)
async def test_a_key_verifies_the_algorithms_of_its_kind_alone(key: dict[str, Any], algorithms: set[str]) -> None:
    anchor = jwk(OTHER_EC_KEY, "anchor")
    async with key_set(Jwks(key, anchor), Clock(0.0)) as keys:
        assert {algorithm for algorithm in EVERY if await count(keys, "k", algorithm)} == algorithms


async def test_an_algorithm_that_the_config_leaves_out_has_no_keys() -> None:
    async with key_set(Jwks(jwk(RSA_KEY, "r"), jwk(EC_KEY, "e")), Clock(0.0), ("ES256",)) as keys:
        assert await count(keys, "r", "RS256") == 0
        assert await count(keys, "e", "ES256") == 1


async def test_a_token_without_a_key_s_name_may_be_any_key_s() -> None:
    async with key_set(Jwks(jwk(EC_KEY, "a"), jwk(OTHER_EC_KEY, None)), Clock(0.0)) as keys:
        assert await count(keys, "") == 2


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
        keys = KeySet(client, EVERY, TIMES, Clock(1000.0))
        impatient = asyncio.get_running_loop().create_task(keys.find("k1", "ES256"))
        await hung.wait()
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        assert isinstance(await keys.find("k1", "ES256"), Unavailable)
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
        keys = KeySet(client, EVERY, TIMES, clock)
        assert await count(keys, "k1") == 1
        jwks.status = 503
        clock.now += 601
        assert await count(keys, "k1") == 1  # and the set is known to be away
        clock.now += 31
        hung.clear()
        released.clear()
        asking = asyncio.get_running_loop().create_task(keys.find("made-up", "ES256"))
        await hung.wait()
        assert await count(keys, "k1") == 1
        released.set()
        assert isinstance(await asking, Undecided)
        await client.close()
