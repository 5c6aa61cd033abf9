"""Every answer that memghost documents, and each of its failures, through a socket."""

from __future__ import annotations

import msgspec
import pytest

from gateway.dialects.memghost import Memghost
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.model.answers import Reason, Rejected, Unavailable
from gateway.model.route import LimitBy, RateLimit
from tests.support.builders.example_sessions import FOUND, MEMGHOST_JSON
from tests.support.gateways.who_am_i import Authorities, endpoint

PATHS = ("/auth/session", "/api/v1/auth/session")
INVALID = {"error": "unauthorized", "message": "Invalid or expired token"}


def authorities() -> Authorities:
    return Authorities(
        {
            "good": FOUND["memghost"],
            "later": msgspec.structs.replace(FOUND["memghost"], expires_at=None),
            "expired": Rejected(Reason.EXPIRED),
            "revoked": Rejected(Reason.REVOKED),
            "gone": Rejected(Reason.GONE),
            "down": Unavailable("no route to host", 2),
        }
    )


@pytest.mark.parametrize("path", PATHS)
async def test_a_good_token_gets_the_document_s_example(path: str) -> None:
    async with endpoint(Memghost(), authorities()) as who:
        answer = await who.ask(path, {"Authorization": "Bearer good"})
    assert answer.status == 200
    assert answer.json() == MEMGHOST_JSON
    assert answer.body == msgspec.json.encode(MEMGHOST_JSON)  # to the byte, order included


@pytest.mark.parametrize(
    ("authorization", "status", "body"),
    [
        (None, 401, {"error": "unauthorized", "message": "Authentication required"}),
        ("Basic dTpw", 401, {"error": "unauthorized", "message": "Authentication required"}),
        ("Bearer", 401, INVALID),
        ("Bearer two words", 401, INVALID),
        ("Bearer unheard-of", 401, INVALID),
        ("Bearer expired", 401, INVALID),
        ("Bearer revoked", 401, INVALID),
        ("Bearer gone", 404, {"error": "not_found", "message": "Session not found"}),
    ],
)
async def test_a_refusal_is_in_the_product_s_words(
    authorization: str | None, status: int, body: dict[str, str]
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with endpoint(Memghost(), authorities()) as who:
        answer = await who.ask(PATHS[0], headers)
    assert (answer.status, answer.json()) == (status, body)
    assert answer.headers["Cache-Control"] == "no-store"


async def test_an_authority_that_is_down_asks_for_another_try() -> None:
    async with endpoint(Memghost(), authorities()) as who:
        answer = await who.ask(PATHS[0], {"Authorization": "Bearer down"})
    assert (answer.status, answer.headers["Retry-After"], answer.json()["error"]) == (503, "2", "internal_error")


async def test_too_many_requests_ask_for_patience() -> None:
    policy = EndpointPolicy(rate_limit=RateLimit(LimitBy.SESSION, 0.5, 1))
    async with endpoint(Memghost(), authorities(), policy) as who:
        await who.ask(PATHS[0], {"Authorization": "Bearer good"})
        answer = await who.ask(PATHS[0], {"Authorization": "Bearer good"})
        stranger = await who.ask(PATHS[0], {"Authorization": "Bearer unheard-of"})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
    assert answer.json()["error"] == "rate_limit_exceeded"
    assert stranger.status == 401  # the bucket is the session's, and a stranger has none


async def test_a_fault_of_ours_is_the_product_s_500() -> None:
    broken = authorities()
    broken.fault = RuntimeError("ours")
    async with endpoint(Memghost(), broken) as who:
        answer = await who.ask(PATHS[0], {"Authorization": "Bearer good"})
    assert (answer.status, answer.json()) == (
        500,
        {"error": "internal_error", "message": "An internal error occurred"},
    )
