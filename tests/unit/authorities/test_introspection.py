"""Requests to an introspection endpoint, and the verdicts on its answers (RFC 7662)."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from pydantic import ValidationError

from gateway.authorities.introspection import IntrospectionAuthority, IntrospectionSettings
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Undecided
from tests.support.builders.example_sessions import BEARER, PAIR
from tests.support.servers.issuer import ISSUER, Clock
from tests.support.servers.low_level import listening

NOW = 1_700_000_000
UNKNOWN = Rejected(Reason.UNKNOWN)
ACTIVE: dict[str, Any] = {
    "active": True,
    "sub": "u1",
    "username": "jdoe",
    "client_id": "spa",
    "scope": "read write",
    "aud": ["orders"],
    "iss": ISSUER,
    "iat": NOW - 5,
    "exp": NOW + 60,
}


class Issuer:
    """An introspection endpoint that answers as set and records its requests."""

    def __init__(self, says: Any, status: int = 200) -> None:
        self._says = says
        self._status = status
        self.requests: list[tuple[str, str, list[tuple[str, str]]]] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        form = parse_qsl((await request.read()).decode())
        self.requests.append((request.method, request.headers.get("Authorization", ""), form))
        return web.json_response(self._says, status=self._status)


@contextlib.asynccontextmanager
async def authority(issuer: Issuer, /, **more: Any) -> AsyncIterator[IntrospectionAuthority]:
    async with listening(issuer.answer) as port:
        given = {"client_id": "gw", "client_secret": "s3cret", "timeout": "10s", **more}
        settings = IntrospectionSettings(kind="introspection", url=f"http://127.0.0.1:{port}/introspect", **given)
        opened = IntrospectionAuthority("opaque", settings, Clock(NOW))
        try:
            yield opened
        finally:
            await opened.close()


async def look_up(says: Any, status: int = 200, **more: Any) -> Answer:
    async with authority(Issuer(says, status), **more) as opened:
        return await opened.look_up(BEARER)


async def test_an_active_token_is_a_session_with_its_own_times() -> None:
    answer = await look_up(ACTIVE)
    assert isinstance(answer, Found)
    assert (answer.session.subject, answer.session.scopes) == ("u1", ("read", "write"))
    assert answer.session.user is not None
    assert answer.session.user.username == "jdoe"
    assert answer.expires_at is not None
    assert answer.expires_at.timestamp() == NOW + 60


async def test_the_token_is_posted_as_a_form_and_we_say_who_we_are() -> None:
    issuer = Issuer(ACTIVE)
    async with authority(issuer, client_id="g w", client_secret="p:ss wörd") as opened:
        await opened.look_up(BEARER)
    [(method, authorization, form)] = issuer.requests
    scheme, _, encoded = authorization.partition(" ")
    assert (method, scheme) == ("POST", "Basic")
    assert base64.b64decode(encoded) == b"g+w:p%3Ass+w%C3%B6rd"  # form-encoded first: RFC 6749 section 2.3.1
    assert form == [("token", "bearer-token"), ("token_type_hint", "access_token")]


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({"active": False}, UNKNOWN),
        ({**ACTIVE, "active": False}, UNKNOWN),
        ({**ACTIVE, "exp": NOW}, Rejected(Reason.EXPIRED)),
        ({**ACTIVE, "nbf": NOW + 11}, UNKNOWN),
        ({**ACTIVE, "nbf": 2**63 - 1}, UNKNOWN),
        ({"active": False, "exp": "tomorrow", "iss": 7, "sub": ["u1"]}, UNKNOWN),
        ({**ACTIVE, "sub": 7}, UNKNOWN),
        ({**ACTIVE, "sub": ["u1"]}, UNKNOWN),
        ({**ACTIVE, "sub": {}}, UNKNOWN),
        ({**ACTIVE, "sub": ""}, UNKNOWN),
        ({"active": True}, UNKNOWN),
        ({"active": True, "sub": ""}, UNKNOWN),
    ],
)
async def test_a_token_that_is_no_good_is_rejected(says: dict[str, Any], expected: Rejected) -> None:
    assert await look_up(says) == expected


@pytest.mark.parametrize("wanted", [{"audience": "billing"}, {"clients": ["cli"]}, {"issuer": "https://other.example"}])
async def test_a_token_for_somebody_else_is_rejected(wanted: dict[str, Any]) -> None:
    assert await look_up(ACTIVE, **wanted) == UNKNOWN
    stripped = {key: value for key, value in ACTIVE.items() if key not in {"aud", "client_id", "iss"}}
    assert await look_up(stripped, **wanted) == UNKNOWN


async def test_why_a_token_is_refused_is_told_apart_for_the_log() -> None:
    wanted = {"issuer": "https://id.example.com", "audience": "orders", "clients": ["web"]}
    good = {"iss": "https://id.example.com", "aud": "orders", "client_id": "web"}
    for says, detail in (
        ({"iss": "https://id.example.com/"}, "iss is 'https://id.example.com/', not 'https://id.example.com'"),
        ({"aud": "billing"}, "aud is 'billing', not 'orders'"),
        ({"client_id": "other"}, "client_id is 'other', not one of clients"),
        ({"nbf": 2**40}, f"nbf is {2**40}, ahead of"),
        ({"active": False}, "the issuer calls it inactive"),
        ({"sub": 7}, "it has no subject at sub"),
    ):
        answer = await look_up({**ACTIVE, **good, **says}, **wanted)
        assert isinstance(answer, Rejected)
        assert answer.detail.startswith(detail)


async def test_a_token_for_us_passes_every_check() -> None:
    wanted = {"audience": ["billing", "orders"], "clients": ["cli", "spa"], "issuer": ISSUER}
    assert isinstance(await look_up(ACTIVE, **wanted), Found)


async def test_a_client_that_acts_for_itself_is_a_subject_and_no_user() -> None:
    answer = await look_up({"active": True, "client_id": "robot"})
    assert isinstance(answer, Found)
    assert (answer.session.subject, answer.session.user) == ("robot", None)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_of_ourselves_says_nothing_of_the_token(status: int) -> None:
    assert isinstance(await look_up({"error": "invalid_client"}, status), Unavailable)


@pytest.mark.parametrize("wrong", [{"active": 1}, {"active": "true"}, {"active": None}])
async def test_an_answer_that_does_not_say_whether_it_is_active_is_cannot_tell(wrong: dict[str, Any]) -> None:
    assert isinstance(await look_up({**ACTIVE, **wrong}), Undecided)


@pytest.mark.parametrize("exp", [0, -1, 2**63 - 1, 1e300, -1e30, "tomorrow", "1", None, True, [], {}])
async def test_an_expiry_that_is_none_is_no_fault(exp: Any) -> None:
    answer = await look_up({**ACTIVE, "exp": exp, "iat": exp})
    assert isinstance(answer, Found)
    assert (answer.expires_at, answer.issued_at) == (None, None)


@pytest.mark.parametrize("nbf", [NOW + 10, "soon", None, -1, 0, True])
async def test_a_time_that_has_come_or_is_none_holds_nobody_up(nbf: Any) -> None:
    assert isinstance(await look_up({**ACTIVE, "nbf": nbf}), Found)


@pytest.mark.parametrize("wrong", [{"iss": 7}, {"client_id": ["spa"]}, {"aud": {"orders": 1}}])
async def test_what_is_asked_for_and_odd_is_another_s(wrong: dict[str, Any]) -> None:
    assert await look_up({**ACTIVE, **wrong}, issuer=ISSUER, clients=["spa"], audience="orders") == UNKNOWN


async def test_half_of_a_pair_is_not_sent_anywhere() -> None:
    issuer = Issuer(ACTIVE)
    async with authority(issuer) as opened:
        assert await opened.look_up(PAIR) == UNKNOWN
    assert issuer.requests == []


def test_an_endpoint_in_the_clear_is_refused_unless_it_is_on_loopback() -> None:
    given = {"kind": "introspection", "client_id": "gw", "client_secret": "x"}
    IntrospectionSettings(url="http://localhost:3000/introspect", **given)
    with pytest.raises(ValidationError):
        IntrospectionSettings(url="http://id.example.com/introspect", **given)
