"""Every answer that Better Auth gives, and each of its failures, through a socket."""

from __future__ import annotations

import pytest

from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.route import LimitBy, RateLimit
from tests.support.builders.dialects import server
from tests.support.builders.example_sessions import COMPOSIO
from tests.support.builders.product_examples import BETTER_AUTH, BETTER_AUTH_SERVED
from tests.support.gateways.who_am_i import Authorities, endpoint

PATH = "/api/auth/get-session"
GOOD = {"Cookie": "__session=good"}


def authorities() -> Authorities:
    return Authorities(
        {
            "good": Found(BETTER_AUTH),
            "key": Found(COMPOSIO),
            "gone": Rejected(Reason.GONE),
            "banned": Rejected(Reason.FORBIDDEN),
            "down": Unavailable("no route to host", 2),
        }
    )


async def test_a_session_gets_itself_and_its_user_and_never_what_opens_it() -> None:
    async with endpoint(server("better_auth"), authorities()) as who:
        answer = await who.ask(PATH, GOOD)
    assert (answer.status, answer.json()) == (200, BETTER_AUTH_SERVED)
    assert b"good" not in answer.body


@pytest.mark.parametrize(
    "cookie",
    [None, "__session=", "__session=unheard-of", "__session=gone", "__session=key", "__session=a; __session=b"],
)
async def test_nobody_is_null(cookie: str | None) -> None:
    async with endpoint(server("better_auth"), authorities()) as who:
        answer = await who.ask(PATH, {} if cookie is None else {"Cookie": cookie})
    assert (answer.status, answer.body) == (200, b"null")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_whoever_is_forbidden_is_not_nobody() -> None:
    async with endpoint(server("better_auth"), authorities()) as who:
        answer = await who.ask(PATH, {"Cookie": "__session=banned"})
    assert (answer.status, answer.json()["code"]) == (403, "FORBIDDEN")


async def test_an_authority_that_is_down_is_not_nobody_either() -> None:
    async with endpoint(server("better_auth"), authorities()) as who:
        answer = await who.ask(PATH, {"Cookie": "__session=down"})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")


async def test_too_many_requests_are_told_in_the_product_s_field_too() -> None:
    policy = EndpointPolicy(rate_limit=RateLimit(LimitBy.SESSION, 0.5, 1))
    async with endpoint(server("better_auth"), authorities(), policy) as who:
        await who.ask(PATH, GOOD)
        answer = await who.ask(PATH, GOOD)
    assert (answer.status, answer.headers["Retry-After"], answer.headers["X-Retry-After"]) == (429, "2", "2")
