"""Every answer that wacht documents, and each of its failures, through a socket."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import pytest

from gateway.dialects.settings import Profile
from gateway.dialects.wacht import Wacht
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.route import CorsRules, LimitBy, RateLimit
from gateway.policy.cross_origin import Cors
from tests.support.builders.example_sessions import FOUND, WACHT_JSON
from tests.support.gateways.who_am_i import NOW, Authorities, endpoint

APP = "https://app.example.com"


def authorities() -> Authorities:
    return Authorities(
        {
            "good": FOUND["wacht"],
            "expired": Rejected(Reason.EXPIRED),
            "revoked": Rejected(Reason.REVOKED),
            "gone": Rejected(Reason.GONE),
            "down": Unavailable("refused", 6),
        }
    )


def cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"theme=dark; __session={token}"}


def envelope(status: int, code: str, message: str) -> dict[str, Any]:
    errors = [{"code": code, "message": message}]
    return {"status": status, "message": message, "data": None, "session": None, "errors": errors}


@pytest.mark.parametrize("path", ["/session", "/session/"])
async def test_a_good_cookie_gets_the_document_s_example_and_the_product_s_fields(path: str) -> None:
    async with endpoint(Wacht(), authorities()) as who:
        answer = await who.ask(path, cookie("good"))
    body = answer.json()
    assert answer.status == 200
    assert {key: body["data"][key] for key in WACHT_JSON["data"]} == WACHT_JSON["data"]
    assert {key: body["session"][key] for key in WACHT_JSON["session"]} == WACHT_JSON["session"]
    assert {key: body[key] for key in ("status", "message", "errors")} == {"status": 200, "message": "", "errors": []}
    extra = {key: body["data"][key] for key in body["data"] if key not in WACHT_JSON["data"]}
    assert extra == {
        "id": "session_123456789",
        "created_at": "2024-01-01T12:00:00Z",
        "updated_at": "2024-01-01T12:00:00Z",
        "active_signin": WACHT_JSON["session"]["active_signin"],
        "signins": WACHT_JSON["session"]["signins"],
    }


async def test_the_product_says_null_where_there_are_no_errors() -> None:
    async with endpoint(Wacht(Profile.PRODUCT), authorities()) as who:
        assert (await who.ask("/session", cookie("good"))).json()["errors"] is None


@pytest.mark.parametrize("headers", [{}, cookie("garbled"), cookie("expired"), cookie("revoked"), cookie("")])
async def test_documented_nobody_is_401(headers: dict[str, str]) -> None:
    async with endpoint(Wacht(), authorities()) as who:
        answer = await who.ask("/session", headers)
    assert (answer.status, answer.json()) == (401, envelope(401, "UNAUTHORIZED", "Unauthorized"))
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("headers", [{}, cookie("garbled"), cookie("expired"), cookie("revoked"), cookie("")])
async def test_to_the_product_nobody_is_an_anonymous_session_with_a_cookie(headers: dict[str, str]) -> None:
    async with endpoint(Wacht(Profile.PRODUCT, new_id=lambda: "v1"), authorities()) as who:
        answer = await who.ask("/session", headers)
    body = answer.json()
    at = NOW.isoformat().replace("+00:00", "Z")
    assert answer.status == 200
    assert body["session"] == {
        "signin_attempts": [],
        "signins": [],
        "signup_attempts": [],
        "active_signin": None,
        "id": "v1",
        "created_at": at,
        "updated_at": at,
    }
    assert (body["data"]["user"], body["data"]["active_signin"], body["errors"]) == (None, None, None)
    assert SimpleCookie(answer.headers["Set-Cookie"])["__session"].value.endswith("v1")


@pytest.mark.parametrize("profile", list(Profile))
async def test_a_session_that_is_gone_is_404(profile: Profile) -> None:
    async with endpoint(Wacht(profile), authorities()) as who:
        answer = await who.ask("/session", cookie("gone"))
    assert (answer.status, answer.json()) == (404, envelope(404, "NOT_FOUND", "Session not found"))


@pytest.mark.parametrize("profile", list(Profile))
async def test_two_cookies_of_one_name_are_401(profile: Profile) -> None:
    async with endpoint(Wacht(profile), authorities()) as who:
        answer = await who.ask("/session", {"Cookie": "__session=good; __session=other"})
    assert answer.status == 401


@pytest.mark.parametrize("profile", list(Profile))
async def test_an_authority_that_is_down_asks_for_another_try(profile: Profile) -> None:
    async with endpoint(Wacht(profile), authorities()) as who:
        answer = await who.ask("/session", cookie("down"))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "6")
    assert answer.json()["errors"][0]["code"] == "INTERNAL"
    assert "Set-Cookie" not in answer.headers


async def test_a_fault_of_ours_is_the_product_s_500() -> None:
    broken = authorities()
    broken.fault = RuntimeError("ours")
    async with endpoint(Wacht(), broken) as who:
        answer = await who.ask("/session", cookie("good"))
    assert (answer.status, answer.json()) == (500, envelope(500, "INTERNAL", "Internal server error"))


async def test_too_many_requests_ask_for_patience() -> None:
    policy = EndpointPolicy(rate_limit=RateLimit(LimitBy.ADDRESS, 1.0, 1))
    async with endpoint(Wacht(), authorities(), policy) as who:
        await who.ask("/session", cookie("good"))
        answer = await who.ask("/session", cookie("good"))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json()["errors"][0]["code"] == "RATE_LIMITED"


async def test_a_cookie_that_is_due_is_renewed_out_of_reach_of_scripts() -> None:
    def renew(found: Found, authority: str) -> str | None:
        return "renewed" if (found, authority) == (FOUND["wacht"], "a") else None

    async with endpoint(Wacht(renew=renew), authorities()) as who:
        answer = await who.ask("/session", cookie("good"))
    morsel = SimpleCookie(answer.headers["Set-Cookie"])["__session"]
    assert morsel.value == "renewed"
    assert morsel["httponly"]
    assert morsel["secure"]
    assert (morsel["samesite"], morsel["path"]) == ("Lax", "/")


async def test_a_young_cookie_is_left_alone() -> None:
    async with endpoint(Wacht(renew=lambda *_: None), authorities()) as who:
        assert "Set-Cookie" not in (await who.ask("/session", cookie("good"))).headers


async def test_in_development_the_query_stands_for_the_cookie_and_the_next_token_comes_in_a_header() -> None:
    known, policy = authorities(), EndpointPolicy(development=True)
    async with endpoint(Wacht(renew=lambda *_: "next", development=True), known, policy) as who:
        answer = await who.ask("/session?__dev_session__=good&x=1")
        both = await who.ask("/session?__dev_session__=good", cookie("good"))
        smuggled = await who.ask("/session?__dev_session__=x%3B%20__session%3Dgood")
    assert (answer.status, answer.headers["X-Development-Session"]) == (200, "next")
    assert "Set-Cookie" not in answer.headers
    assert both.status == 401
    assert smuggled.status == 401
    decision = who.records[0].decision
    assert decision is not None
    assert decision.access.target.query == "x=1"


async def test_outside_development_the_query_is_no_credential() -> None:
    async with endpoint(Wacht(), authorities()) as who:
        answer = await who.ask("/session?__dev_session__=good")
    assert answer.status == 401
    assert "X-Development-Session" not in answer.headers


async def test_a_listed_page_may_read_the_answer_and_no_other() -> None:
    rules = CorsRules(frozenset({APP}), exposed=("X-Development-Session",))
    cors = Cors(rules, (b"x-user-id",), ("GET", "HEAD"))
    async with endpoint(Wacht(), authorities(), EndpointPolicy(cors=cors)) as who:
        listed = await who.ask("/session", {**cookie("good"), "Origin": APP})
        refused = await who.ask("/session", {"Origin": APP})
        foreign = await who.ask("/session", {**cookie("good"), "Origin": "https://evil.example"})
        preflight = await who.ask("/session", {"Origin": APP, "Access-Control-Request-Method": "GET"}, "OPTIONS")
        probing = await who.ask(
            "/session", {"Origin": f"{APP}.evil.example", "Access-Control-Request-Method": "GET"}, "OPTIONS"
        )
    for answer in (listed, refused, preflight):
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    for answer in (foreign, probing):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
    assert all(answer.headers["Vary"] == "Origin" for answer in (listed, refused, foreign, preflight, probing))
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert "x-user-id" in preflight.headers["Access-Control-Allow-Headers"]
