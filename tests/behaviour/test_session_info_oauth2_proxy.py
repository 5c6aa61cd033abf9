"""Every answer that oauth2-proxy gives at its two paths, and each of its failures, through a socket."""

from __future__ import annotations

import msgspec
import pytest

from gateway.model.answers import Found, Reason, Rejected, Unavailable
from tests.support.builders.dialects import server
from tests.support.builders.product_examples import OAUTH2_PROXY, OAUTH2_PROXY_JSON
from tests.support.gateways.who_am_i import Authorities, endpoint

USERINFO, AUTH = "/oauth2/userinfo", "/oauth2/auth"
GOOD = {"Cookie": "__session=good"}
USER = OAUTH2_PROXY.user
assert USER is not None


def authorities() -> Authorities:
    odd = msgspec.structs.replace(OAUTH2_PROXY, user=msgspec.structs.replace(USER, email="a@b\r\nX-Admin: 1"))
    return Authorities(
        {
            "good": Found(OAUTH2_PROXY),
            "odd": Found(odd),
            "bare": Found(msgspec.structs.replace(OAUTH2_PROXY, roles=(), user=None)),
            "forbidden": Rejected(Reason.FORBIDDEN),
            "gone": Rejected(Reason.GONE),
            "down": Unavailable("no route to host", 2),
        }
    )


@pytest.mark.parametrize("shown", [GOOD, {"Authorization": "Bearer good"}])
async def test_userinfo_is_the_user(shown: dict[str, str]) -> None:
    async with endpoint(server("oauth2_proxy"), authorities()) as who:
        answer = await who.ask(USERINFO, shown)
        bare = await who.ask(USERINFO, {"Cookie": "__session=bare"})
    assert (answer.status, answer.json()) == (200, OAUTH2_PROXY_JSON)
    assert bare.json() == {"user": "google-oauth2|1234", "email": ""}


async def test_auth_is_202_with_what_a_proxy_tells_its_upstream() -> None:
    async with endpoint(server("oauth2_proxy"), authorities()) as who:
        answer = await who.ask(AUTH, GOOD)
    assert (answer.status, answer.body) == (202, b"")
    told = {name: value for name, value in answer.headers.items() if name.startswith(("X-Auth-", "GAP-"))}
    assert told == {
        "GAP-Auth": "ada@example.com",
        "X-Auth-Request-User": "google-oauth2|1234",
        "X-Auth-Request-Email": "ada@example.com",
        "X-Auth-Request-Groups": "staff,admins",
        "X-Auth-Request-Preferred-Username": "ada",
    }
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [USERINFO, AUTH])
@pytest.mark.parametrize(
    ("cookie", "status", "text"),
    [
        ("", 401, "Unauthorized\n"),
        ("__session=unheard-of", 401, "Unauthorized\n"),
        ("__session=gone", 401, "Unauthorized\n"),
        ("__session=a; __session=b", 401, "Unauthorized\n"),
        ("__session=forbidden", 403, "Forbidden\n"),
        ("__session=down", 503, "Service Unavailable\n"),
    ],
)
async def test_a_refusal_is_plain_text(path: str, cookie: str, status: int, text: str) -> None:
    async with endpoint(server("oauth2_proxy"), authorities()) as who:
        answer = await who.ask(path, {"Cookie": cookie} if cookie else {})
    assert (answer.status, answer.body.decode()) == (status, text)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not [name for name in answer.headers if name.startswith("X-Auth-")]


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("allowed_groups=admins", True),
        ("allowed_groups=nobody,admins", True),
        ("allowed_groups=nobody&allowed_groups=staff", True),
        ("allowed_groups=admin", False),
        ("allowed_groups=", True),
        ("allowed_emails=ada%40example.com", True),
        ("allowed_emails=ADA@example.com", False),
        ("allowed_email_domains=example.com", True),
        ("allowed_email_domains=.example.com", True),
        ("allowed_email_domains=*.com", True),
        ("allowed_email_domains=ample.com", False),
        ("allowed_email_domains=.ample.com", False),
        ("allowed_groups=staff&allowed_emails=x@example.com", False),
        ("allowed_groups=%zz", False),
        ("&".join(["a=b"] * 65), False),
    ],
)
async def test_auth_asks_what_the_query_asks(query: str, allowed: bool) -> None:
    """Whoever replaces oauth2-proxy by us would else let everybody in who has a session."""
    async with endpoint(server("oauth2_proxy"), authorities()) as who:
        answer = await who.ask(f"{AUTH}?{query}", GOOD)
        userinfo = await who.ask(f"{USERINFO}?{query}", GOOD)
    assert (answer.status, userinfo.status) == (202 if allowed else 403, 200)


async def test_a_value_that_no_field_can_hold_is_left_out() -> None:
    async with endpoint(server("oauth2_proxy"), authorities()) as who:
        answer = await who.ask(AUTH, {"Cookie": "__session=odd"})
        listed = await who.ask(f"{AUTH}?allowed_email_domains=b", {"Cookie": "__session=odd"})
    assert (answer.status, listed.status) == (202, 403)
    assert not {"X-Admin", "X-Auth-Request-Email", "GAP-Auth"} & set(answer.headers)
