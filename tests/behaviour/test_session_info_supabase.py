"""Every answer that Supabase Auth gives, and each of its failures, through a socket."""

from __future__ import annotations

import msgspec
import pytest

from gateway.model.answers import Found, Reason, Rejected, Unavailable
from tests.support.builders.dialects import server
from tests.support.builders.example_sessions import COMPOSIO
from tests.support.builders.product_examples import SUPABASE, SUPABASE_SERVED
from tests.support.gateways.who_am_i import Authorities, endpoint

PATH = "/auth/v1/user"


def authorities() -> Authorities:
    unverified = msgspec.structs.replace(SUPABASE.user, email_verified=False) if SUPABASE.user else None
    return Authorities(
        {
            "good": Found(SUPABASE),
            "unverified": Found(msgspec.structs.replace(SUPABASE, user=unverified)),
            "key": Found(COMPOSIO),
            "expired": Rejected(Reason.EXPIRED),
            "gone": Rejected(Reason.GONE),
            "banned": Rejected(Reason.FORBIDDEN),
            "down": Unavailable("no route to host", 2),
        }
    )


async def test_a_token_gets_its_user() -> None:
    async with endpoint(server("supabase"), authorities()) as who:
        answer = await who.ask(PATH, {"Authorization": "Bearer good"})
        unverified = await who.ask(PATH, {"Authorization": "Bearer unverified"})
    assert (answer.status, answer.json()) == (200, SUPABASE_SERVED)
    assert unverified.json().keys() == SUPABASE_SERVED.keys() - {"email_confirmed_at", "confirmed_at"}


@pytest.mark.parametrize(
    ("shown", "status", "code"),
    [
        ({}, 401, "no_authorization"),
        ({"Authorization": "Basic dTpw"}, 401, "no_authorization"),
        ({"Authorization": "Bearer unheard-of"}, 403, "bad_jwt"),
        ({"Authorization": "Bearer expired"}, 403, "bad_jwt"),
        ({"Authorization": "Bearer key"}, 403, "bad_jwt"),
        ({"Authorization": "Bearer gone"}, 403, "session_not_found"),
        ({"Authorization": "Bearer banned"}, 403, "user_banned"),
        ({"Authorization": "Bearer down"}, 503, "unexpected_failure"),
    ],
)
async def test_a_refusal_is_in_the_product_s_words(shown: dict[str, str], status: int, code: str) -> None:
    async with endpoint(server("supabase"), authorities()) as who:
        answer = await who.ask(PATH, shown)
    body = answer.json()
    assert (answer.status, body["code"], body["error_code"]) == (status, status, code)
    assert (answer.headers["X-Sb-Error-Code"], bool(body["msg"])) == (code, True)
    assert ("Retry-After" in answer.headers) == (status == 503)
