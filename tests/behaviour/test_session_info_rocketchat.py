"""Every answer that Rocket.Chat documents, and each of its failures, through a socket."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.rocketchat import Rocketchat
from gateway.dialects.settings import Profile
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.route import LimitBy, RateLimit
from tests.support.builders.example_sessions import FOUND, PAIR, ROCKETCHAT, ROCKETCHAT_JSON
from tests.support.gateways.who_am_i import NOW, Authorities, endpoint

PATH = "/api/v1/sessions/info"
EXAMPLE = "QoYYFw2t9oKks2niG"
CURRENT = msgspec.structs.replace(
    ROCKETCHAT, id="current", state="active", closed_at=None, device=None, login=None, roles=("user",)
)
LOGGED_OUT = "You must be logged in to do this."
MISSING = "must have required property 'sessionId' [invalid-params]"
ADDITIONAL = "must NOT have additional properties [invalid-params]"
REPEATED = "must be string [invalid-params]"


def authorities() -> Authorities:
    return Authorities(
        {PAIR.parts[1]: Found(CURRENT), "down": Unavailable("refused", 4)},
        {EXAMPLE: FOUND["rocketchat"], "unreachable": Unavailable("refused", 5)},
    )


def pair(token: str = PAIR.parts[1]) -> dict[str, str]:
    return {"X-User-Id": PAIR.parts[0], "X-Auth-Token": token}


async def ask(query: str, headers: dict[str, str], profile: Profile = Profile.DOCUMENTED) -> tuple[int, Any]:
    async with endpoint(Rocketchat(profile), authorities()) as who:
        answer = await who.ask(f"{PATH}{query}", headers)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, answer.json()


async def test_another_and_logged_out_session_of_the_caller_s_is_the_document_s_example() -> None:
    async with endpoint(Rocketchat(), authorities()) as who:
        answer = await who.ask(f"{PATH}?sessionId={EXAMPLE}", pair())
    assert (answer.status, answer.json()) == (200, ROCKETCHAT_JSON)
    assert answer.body.endswith(b'"success":true}')


async def test_the_session_of_the_credential_itself_needs_no_second_look_up() -> None:
    status, body = await ask("?sessionId=current", pair())
    assert status == 200
    assert body == {
        "type": "session",
        "sessionId": "current",
        "userId": "rbAXPnMktTFbNpwtJ",
        "roles": ["user"],
        "searchTerm": "currentrbAXPnMktTFbNpwtJ",
        "createdAt": "2023-05-23T16:33:45.203Z",
        "_updatedAt": "2023-05-23T17:56:31.599Z",
        "lastActivityAt": "2023-05-23T17:56:31.599Z",
        "success": True,
    }


@pytest.mark.parametrize("query", ["", f"?sessionId={EXAMPLE}", "?sessionId=a&sessionId=b", "?other=1"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-User-Id": PAIR.parts[0]},
        {"X-Auth-Token": PAIR.parts[1]},
        {"X-User-Id": PAIR.parts[0], "X-Auth-Token": "wrong"},
    ],
)
async def test_nobody_learns_anything_before_logging_in(query: str, headers: dict[str, str]) -> None:
    expected = {"status": "error", "message": LOGGED_OUT, "success": False, "error": LOGGED_OUT}
    for profile in Profile:
        assert await ask(query, headers, profile) == (401, expected)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", MISSING),
        ("?", MISSING),
        ("?other=1", MISSING),
        ("?sessionid=x", MISSING),
        (f"?sessionId={EXAMPLE}&other=1", ADDITIONAL),
        ("?sessionId=a&sessionId=b&other=1", ADDITIONAL),
        (f"?sessionId={EXAMPLE}&sessionId={EXAMPLE}", REPEATED),
    ],
)
async def test_wrong_parameters_are_named(query: str, error: str) -> None:
    expected = {"success": False, "error": error, "errorType": "invalid-params"}
    for profile in Profile:
        assert await ask(query, pair(), profile) == (400, expected)


@pytest.mark.parametrize("query", ["?sessionId=unheard-of", "?sessionId="])
@pytest.mark.parametrize(("profile", "status"), [(Profile.DOCUMENTED, 400), (Profile.PRODUCT, 404)])
async def test_what_is_not_the_caller_s_is_not_found(query: str, profile: Profile, status: int) -> None:
    assert await ask(query, pair(), profile) == (status, {"success": False, "error": "Session not found"})


async def test_an_authority_that_is_down_asks_for_another_try() -> None:
    async with endpoint(Rocketchat(), authorities()) as who:
        first = await who.ask(f"{PATH}?sessionId={EXAMPLE}", pair("down"))
        second = await who.ask(f"{PATH}?sessionId=unreachable", pair())
    assert [(answer.status, answer.headers["Retry-After"]) for answer in (first, second)] == [(503, "4"), (503, "5")]
    assert first.json() == second.json() == {"success": False, "error": "Internal server error"}


async def test_too_many_requests_are_told_their_quota() -> None:
    policy = EndpointPolicy(rate_limit=RateLimit(LimitBy.ADDRESS, 0.5, 2))
    async with endpoint(Rocketchat(), authorities(), policy) as who:
        for _ in range(2):
            await who.ask(f"{PATH}?sessionId={EXAMPLE}", pair())
        answer = await who.ask(f"{PATH}?sessionId={EXAMPLE}", pair())
    assert answer.status == 429
    assert answer.headers["X-RateLimit-Limit"] == "2"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert int(answer.headers["X-RateLimit-Reset"]) == int(NOW.timestamp() * 1000) + 4000
    assert answer.json()["success"] is False


async def test_a_fault_of_ours_is_the_product_s_500() -> None:
    broken = authorities()
    broken.fault = RuntimeError("ours")
    async with endpoint(Rocketchat(), broken) as who:
        answer = await who.ask(f"{PATH}?sessionId={EXAMPLE}", pair())
    assert (answer.status, answer.json()) == (500, {"success": False, "error": "Internal server error"})


async def test_a_pair_that_is_rejected_for_any_reason_is_logged_out() -> None:
    for reason in Reason:
        async with endpoint(Rocketchat(), Authorities({PAIR.parts[1]: Rejected(reason)})) as who:
            assert (await who.ask(f"{PATH}?sessionId=x", pair())).status == 401
