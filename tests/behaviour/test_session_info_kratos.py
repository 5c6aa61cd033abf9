"""Every answer that Ory Kratos documents, and each of its failures, through a socket."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.model.answers import Found, Reason, Rejected, Unavailable
from tests.support.builders.dialects import server
from tests.support.builders.example_sessions import COMPOSIO
from tests.support.builders.product_examples import KRATOS, KRATOS_SERVED
from tests.support.gateways.who_am_i import Authorities, endpoint

PATH = "/sessions/whoami"
INACTIVE = {
    "error": {
        "id": "session_inactive",
        "code": 401,
        "status": "Unauthorized",
        "reason": "No valid session credentials found in the request.",
        "message": "The request could not be authorized",
    }
}


def authorities() -> Authorities:
    return Authorities(
        {
            "good": Found(KRATOS),
            "odd": Found(msgspec.structs.replace(KRATOS, subject="a\r\nX-Admin: 1")),
            "key": Found(COMPOSIO),
            "gone": Rejected(Reason.GONE),
            "one-factor": Rejected(Reason.FORBIDDEN),
            "down": Unavailable("no route to host", 2),
        }
    )


@pytest.mark.parametrize("shown", [{"Cookie": "a=b; __session=good"}, {"X-User-Api-Key": "good"}])
async def test_a_session_gets_its_identity_by_cookie_and_by_token(shown: dict[str, str]) -> None:
    async with endpoint(server("kratos"), authorities()) as who:
        answer = await who.ask(PATH, shown)
    assert (answer.status, answer.json()) == (200, KRATOS_SERVED)
    assert answer.headers["X-Kratos-Authenticated-Identity-Id"] == KRATOS.subject
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "cookie",
    [None, "__session=", "__session=unheard-of", "__session=gone", "__session=key", "__session=a; __session=b"],
)
async def test_whoever_has_no_session_is_401(cookie: str | None) -> None:
    async with endpoint(server("kratos"), authorities()) as who:
        answer = await who.ask(PATH, {} if cookie is None else {"Cookie": cookie})
    assert (answer.status, answer.json()) == (401, INACTIVE)


@pytest.mark.parametrize(
    ("keys", "redirect"),
    [
        ({}, {}),
        (
            {"second_factor_url": "https://id.example.com/self-service/login/browser?aal=aal2"},
            {"redirect_browser_to": "https://id.example.com/self-service/login/browser?aal=aal2"},
        ),
    ],
)
async def test_a_session_without_its_second_factor_is_forbidden_and_not_nobody(
    keys: dict[str, Any], redirect: dict[str, str]
) -> None:
    async with endpoint(server("kratos", **keys), authorities()) as who:
        answer = await who.ask(PATH, {"Cookie": "__session=one-factor"})
    body = answer.json()
    assert (answer.status, body.pop("error")["id"], body) == (403, "session_aal2_required", redirect)


async def test_a_session_that_is_wanted_as_a_token_is_400() -> None:
    async with endpoint(server("kratos"), authorities()) as who:
        answer = await who.ask(f"{PATH}?tokenize_as=jwt", {"Cookie": "__session=good"})
        plain = await who.ask(f"{PATH}?tokenize_as=", {"Cookie": "__session=good"})
    assert (answer.status, answer.json()["error"]["code"], plain.status) == (400, 400, 200)


async def test_an_authority_that_is_down_asks_for_another_try() -> None:
    async with endpoint(server("kratos"), authorities()) as who:
        answer = await who.ask(PATH, {"Cookie": "__session=down"})
    assert (answer.status, answer.headers["Retry-After"], answer.json()["error"]["code"]) == (503, "2", 503)


async def test_an_id_that_no_field_can_hold_is_in_the_document_alone() -> None:
    async with endpoint(server("kratos"), authorities()) as who:
        answer = await who.ask(PATH, {"Cookie": "__session=odd"})
    assert (answer.status, answer.json()["identity"]["id"]) == (200, "a\r\nX-Admin: 1")
    assert not {"X-Admin", "X-Kratos-Authenticated-Identity-Id"} & set(answer.headers)
