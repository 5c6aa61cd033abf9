"""Keys that are published one by one, and the tokens of a load balancer that they verify."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from gateway.authorities.jwt import JwtAuthority, JwtSettings
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential, CredentialKind
from tests.support.servers.issuer import EC_KEY, OTHER_EC_KEY, RSA_KEY, Clock, balancer_token, public_pem, sign
from tests.support.servers.low_level import listening

NOW = 1_700_000_000
ISSUER, ARN = "https://id.example.com", "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/one/1"
HEADER = {"signer": ARN, "iss": ISSUER, "client": "c1", "exp": NOW + 120}


class Balancer:
    """The address of its keys, and an authority that asks there; `fetched` are the paths that were asked for."""

    def __init__(self) -> None:
        self.pems = {"k1": public_pem(EC_KEY)}
        self.fetched: list[str] = []
        self.status = 200
        self.now = Clock(0.0)
        self.stalled = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.authority: JwtAuthority

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.fetched.append(request.path)
        if request.path == "/keys/slow":
            self.stalled.set()
            await self.goes_on.wait()
        pem = self.pems.get(request.path.removeprefix("/keys/"))
        return web.Response(status=404) if pem is None else web.Response(body=pem, status=self.status)

    async def look_up(self, token: str) -> Answer:
        return await self.authority.look_up(Credential("alb", CredentialKind.BEARER, "", (token,), b"f"))


@pytest.fixture
async def balancer() -> AsyncIterator[Balancer]:
    made = Balancer()
    async with listening(made.answer) as port, contextlib.AsyncExitStack() as stack:
        settings = JwtSettings(
            kind="jwt",
            issuer=ISSUER,
            audience="c1",
            pem_url=f"http://127.0.0.1:{port}/keys/",
            signer=ARN,
            timeout="10s",
        )
        made.authority = JwtAuthority("alb", settings, Clock(NOW), made.now)
        stack.push_async_callback(made.authority.close)
        yield made


def token(key: Any = EC_KEY, **header: Any) -> str:
    return balancer_token({"sub": "u1", "email": "u1@example.com"}, key, **{**HEADER, **header})


async def test_a_good_token_is_a_session_until_its_own_end(balancer: Balancer) -> None:
    answer = await balancer.look_up(token())
    assert isinstance(answer, Found)
    assert answer.session.subject == "u1"
    assert answer.expires_at is not None
    assert answer.expires_at.timestamp() == NOW + 120
    assert isinstance(await balancer.look_up(token()), Found)
    assert balancer.fetched == ["/keys/k1"]


@pytest.mark.parametrize(
    ("made", "reason", "detail"),
    [
        (token(signer="arn:aws:elasticloadbalancing:eu-west-1:2:loadbalancer/app/two/2"), Reason.UNKNOWN, "signer is"),
        (balancer_token({"sub": "u1"}, **{k: v for k, v in HEADER.items() if k != "signer"}), Reason.UNKNOWN, "signer"),
        (token(client="c2"), Reason.UNKNOWN, "aud is"),
        (token(exp=NOW), Reason.EXPIRED, "exp is"),
        (token(exp="soon"), Reason.UNKNOWN, "exp is"),
        (token(OTHER_EC_KEY), Reason.UNKNOWN, "its signature is not"),
        (token(kid="k2"), Reason.UNKNOWN, "the issuer publishes no key"),
        (token(kid="../k1"), Reason.UNKNOWN, "the issuer publishes no key"),
        (token(alg="HS256"), Reason.UNKNOWN, "alg is"),
        (token(crit=["exp"]), Reason.UNKNOWN, "crit"),
        (balancer_token({"email": "a@b"}, **HEADER), Reason.UNKNOWN, "no subject"),
    ],
)
async def test_a_bad_one_is_refused_and_the_log_is_told_why(
    balancer: Balancer, made: str, reason: Reason, detail: str
) -> None:
    answer = await balancer.look_up(made)
    assert isinstance(answer, Rejected)
    assert answer.reason is reason
    assert detail in answer.detail


async def test_an_ordinary_token_and_another_issuers_are_not_its(balancer: Balancer) -> None:
    assert await balancer.look_up(sign({"sub": "u1", "iss": ISSUER, "aud": "c1", "exp": NOW + 9})) is None
    assert await balancer.look_up(token(iss="https://other.example.com")) is None
    assert balancer.fetched == []


async def test_a_key_that_is_not_there_is_asked_for_once_a_cooldown(balancer: Balancer) -> None:
    for _ in range(3):
        assert isinstance(await balancer.look_up(token(kid="new")), Rejected)
    balancer.pems["new"] = public_pem(EC_KEY)
    balancer.now.now += 31
    assert isinstance(await balancer.look_up(token(kid="new")), Found)
    assert balancer.fetched == ["/keys/new"] * 2


async def test_made_up_names_cost_few_fetches_and_nobody_elses_key(balancer: Balancer) -> None:
    assert isinstance(await balancer.look_up(token()), Found)
    answers = [await balancer.look_up(token(kid=f"x{number}")) for number in range(50)]
    assert len(balancer.fetched) == 8
    assert isinstance(answers[-1], Undecided)
    assert isinstance(await balancer.look_up(token()), Found)


async def test_nobody_waits_for_a_key_that_somebody_else_names(balancer: Balancer) -> None:
    assert isinstance(await balancer.look_up(token()), Found)
    waiting = asyncio.create_task(balancer.look_up(token(kid="slow")))  # noqa: TID251 - held here, and awaited
    await balancer.stalled.wait()
    assert isinstance(await balancer.look_up(token()), Found)
    assert not waiting.done()
    balancer.goes_on.set()
    assert isinstance(await waiting, Rejected)


async def test_made_up_names_push_out_no_key(balancer: Balancer) -> None:
    assert isinstance(await balancer.look_up(token()), Found)
    for number in range(100):
        balancer.now.now += 31
        assert isinstance(await balancer.look_up(token(kid=f"x{number}")), Rejected)
    assert isinstance(await balancer.look_up(token()), Found)
    assert balancer.fetched.count("/keys/k1") == 1


async def test_a_key_that_was_fetched_outlives_an_outage(balancer: Balancer) -> None:
    balancer.status = 500
    assert isinstance(await balancer.look_up(token()), Unavailable)
    balancer.status = 200
    assert isinstance(await balancer.look_up(token()), Found)
    balancer.status = 500
    balancer.now.now += 3600
    assert isinstance(await balancer.look_up(token()), Found)


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PUBLIC KEY-----", public_pem(RSA_KEY)])
async def test_what_is_no_key_of_its_kind_is_the_issuers_fault(balancer: Balancer, pem: bytes) -> None:
    balancer.pems["k1"] = pem
    assert isinstance(await balancer.look_up(token()), Unavailable)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"signer": ()}, "signer"),
        ({"pem_url": None}, "signer"),
        ({"jwks_url": "https://id.example.com/jwks"}, "jwks_url"),
        ({"shared_secret": "0123456789-0123456789-0123456789"}, "shared_secret"),
        ({"algorithms": ["RS256"]}, "algorithms"),
        ({"pem_url": "http://keys.example.com"}, "pem_url"),
    ],
)
def test_keys_that_do_not_go_together_are_told(more: dict[str, Any], key: str) -> None:
    good = {"issuer": ISSUER, "audience": "c1", "pem_url": "https://keys.example.com", "signer": ARN}
    JwtSettings.model_validate({"kind": "jwt", **good})
    with pytest.raises(ValidationError) as caught:
        JwtSettings.model_validate({"kind": "jwt", **good, **more})
    assert [error["loc"][-1] for error in caught.value.errors()] == [key]
