"""Every answer that composio documents, and each of its failures, through a socket."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.composio import Composio
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.route import LimitBy, RateLimit
from tests.support.builders.example_sessions import COMPOSIO, COMPOSIO_JSON, FOUND
from tests.support.gateways.who_am_i import Authorities, endpoint

V3 = "/api/v3/auth/session/info"
V31 = "/api/v3.1/auth/session/info"
KEY = "sk_live_abc123xyz456"

_replace = msgspec.structs.replace


def authorities() -> Authorities:
    key = COMPOSIO.api_key
    assert key is not None
    return Authorities(
        {
            KEY: FOUND["composio"],
            "uk_user": Found(_replace(COMPOSIO, project=None, api_key=_replace(key, type="user"))),
            "ok_org": Found(_replace(COMPOSIO, api_key=_replace(key, type="organization"))),
            "sk_memberless": Found(_replace(COMPOSIO, member=None)),
            "sk_expired_key_1": Rejected(Reason.EXPIRED),
            "sk_deleted_key_1": Rejected(Reason.REVOKED),
            "sk_forbidden": Rejected(Reason.FORBIDDEN),
            "sk_gone": Rejected(Reason.GONE),
            "sk_down": Unavailable("connection refused", 3),
        }
    )


async def ask(path: str, *headers: tuple[str, str]) -> tuple[int, Any]:
    async with endpoint(Composio(), authorities()) as who:
        answer = await who.ask(path, headers)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, answer.json()


async def test_a_project_key_gets_the_document_s_example() -> None:
    assert await ask(V3, ("x-api-key", KEY)) == (200, COMPOSIO_JSON)


async def test_under_3_1_the_member_has_metadata() -> None:
    status, body = await ask(V31, ("x-api-key", KEY))
    assert (status, body["org_member"].pop("metadata")) == (200, {})
    assert body == COMPOSIO_JSON


@pytest.mark.parametrize(("header", "key"), [("x-user-api-key", "uk_user"), ("x-org-api-key", "ok_org")])
async def test_user_and_organization_keys_show_the_member_alone(header: str, key: str) -> None:
    expected = {"project": None, "api_key": None, "org_member": COMPOSIO_JSON["org_member"]}
    assert await ask(V3, (header, key)) == (200, expected)


@pytest.mark.parametrize(
    ("headers", "status", "code", "slug"),
    [
        ((), 401, 10401, "HTTP_Unauthorized"),
        ((("x-api-key", ""),), 401, 10401, "HTTP_Unauthorized"),
        ((("x-api-key", "sk_unknown_key"),), 401, 10401, "HTTP_Unauthorized"),
        ((("x-api-key", "sk_expired_key_1"),), 401, 10401, "HTTP_Unauthorized"),
        ((("x-api-key", "sk_deleted_key_1"),), 401, 10401, "HTTP_Unauthorized"),
        ((("x-api-key", KEY), ("x-user-api-key", "uk_user")), 401, 10401, "HTTP_Unauthorized"),
        ((("x-api-key", "schlüssel"),), 400, 10400, "HTTP_BadRequest"),
        ((("x-api-key", "sk_forbidden"),), 403, 10403, "HTTP_Forbidden"),
        ((("x-api-key", "sk_gone"),), 404, 10404, "HTTP_NotFound"),
        ((("x-api-key", "sk_memberless"),), 404, 10404, "HTTP_NotFound"),
        ((("x-api-key", "sk_down"),), 503, 10503, "HTTP_ServiceUnavailable"),
    ],
)
async def test_a_refusal_is_in_the_product_s_envelope(
    headers: tuple[tuple[str, str], ...], status: int, code: int, slug: str
) -> None:
    answered, body = await ask(V3, *headers)
    error = body["error"]
    assert answered == status
    assert list(error) == ["message", "code", "slug", "status", "request_id", "suggested_fix", "errors"]
    assert (error["code"], error["slug"], error["status"], error["request_id"]) == (code, slug, status, "req-1")


@pytest.mark.parametrize("key", ["sk_unknown_key", "sk_expired_key_1", "sk_deleted_key_1"])
async def test_a_bad_key_is_named_by_its_first_eight_characters(key: str) -> None:
    _, body = await ask(V3, ("x-api-key", key))
    assert body["error"]["message"] == f"Invalid API key: {key[:8]}*****"


@pytest.mark.parametrize(
    "headers",
    [
        (("x-api-key", KEY), ("x-org-api-key", "ok_org")),
        (("x-user-api-key", "uk_user"), ("x-org-api-key", "ok_org")),
        (("x-api-key", KEY), ("x-api-key", KEY)),
    ],
)
async def test_two_keys_are_told_to_be_one(headers: tuple[tuple[str, str], ...]) -> None:
    _, body = await ask(V3, *headers)
    assert body["error"]["message"].startswith(
        "Multiple authentication modes were provided. Provide exactly one authentication mode per request."
    )


async def test_an_authority_that_is_down_asks_for_another_try() -> None:
    async with endpoint(Composio(), authorities()) as who:
        answer = await who.ask(V3, {"x-api-key": "sk_down"})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "3")


async def test_too_many_requests_ask_for_patience() -> None:
    policy = EndpointPolicy(rate_limit=RateLimit(LimitBy.ADDRESS, 1.0, 2))
    async with endpoint(Composio(), authorities(), policy) as who:
        statuses = [(await who.ask(V3, {"x-api-key": KEY})).status for _ in range(2)]
        refused = await who.ask(V3, {"x-api-key": KEY})
    assert statuses == [200, 200]
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert refused.json()["error"]["code"] == 10429


async def test_a_fault_of_ours_is_the_product_s_500_and_tells_nothing() -> None:
    broken = authorities()
    broken.fault = KeyError("pepper")
    async with endpoint(Composio(), broken) as who:
        answer = await who.ask(V3, {"x-api-key": KEY})
    assert answer.status == 500
    assert answer.json()["error"]["slug"] == "HTTP_InternalServerError"
    assert b"pepper" not in answer.body
    assert who.records[-1].fault == "unexpected"
