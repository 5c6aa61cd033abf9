"""Keys that sign are exchanged replica after replica, as docs/SECRETS.md says: no token is refused, or of nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway.signing import KeyRing
from tests.support.clients.raw_http import exchange
from tests.support.gateways.replicas import Replica, callers, fleet
from tests.support.gateways.serving import BEARER_SESSION, COOKIE_SESSION, PROJECT_KEY, Examples

KEY = f"X-Api-Key: {PROJECT_KEY}"


@pytest.fixture
def shared(redis_url: str, key_prefix: str) -> dict[str, Any]:
    return {"url": redis_url, "key_prefix": key_prefix}


def pem(*rings: KeyRing) -> str:
    return "".join(ring.to_pem().decode() for ring in rings)


async def test_the_keys_of_access_and_cookie_tokens_are_exchanged(
    tmp_path: Path, examples: Examples, shared: dict[str, Any]
) -> None:
    async with fleet(tmp_path, examples, shared, cache={"fresh": "1ms"}) as two:
        assert two.directory.tokens is not None
        old, new = KeyRing.load(two.directory.tokens.keys_file), KeyRing.generate()

        async def issued() -> list[str]:
            bearer = await two.token("bearer", BEARER_SESSION)
            return [f"Authorization: Bearer {bearer}", f"Cookie: __session={await two.token('cookie', COOKIE_SESSION)}"]

        fields = await issued()
        for step in (pem(old, new), pem(new, old)):
            async with callers(two.both, fields) as asked:
                for replica in two.both:
                    await replica.take("token-keys", step)
                    await asked.further(2 * len(fields))
            assert asked.statuses == {200}
            two.directory.tokens.keys_file.write_text(step)  # those of whoever issues tokens by command
            fields += await issued()
        for replica in two.both:
            await replica.take("token-keys", pem(new))
        told = [(await two.one.gateway.ask("/echo/", field)).status for field in fields]
        assert told == [401] * 4 + [200] * 2  # by the old key, also while both were there; by the new one


async def test_no_identity_token_is_signed_with_a_key_that_nobody_could_know(
    tmp_path: Path, examples: Examples, shared: dict[str, Any]
) -> None:
    """An upstream keeps the key set for a while: what signs was published a step before, and stays a step longer."""

    async def published(replica: Replica) -> set[str]:
        raw = b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: h\r\n\r\n"
        return {key["kid"] for key in (await exchange(replica.gateway.port, raw)).json()["keys"]}

    async def signs(replica: Replica) -> str:
        assert (await replica.gateway.ask("/echo/", KEY)).status == 200
        shown = two.upstream.requests[-1].one(b"X-Identity-Token") or b""
        return str(jwt.get_unverified_header(shown.decode())["kid"])

    old, new = KeyRing.generate(), KeyRing.generate()
    async with fleet(tmp_path, examples, shared, {"identity-keys": pem(old)}) as two:
        for step in (pem(old, new), pem(new, old), pem(new)):
            known = await published(two.one) & await published(two.other)
            signed = {await signs(two.one), await signs(two.other)}
            for replica in two.both:
                await replica.take("identity-keys", step)
                signed.add(await signs(replica))
                assert signed <= known
        assert await published(two.one) == await published(two.other) == {await signs(two.one)}
