from __future__ import annotations

import pytest

from gateway.endpoints.renewal import CookieRenewal
from gateway.model.answers import Found, Reason, Rejected, Resolution, Tier
from gateway.model.credential import Credential
from gateway.model.decision import Decision
from tests.support.builders.example_sessions import BEARER, COOKIE, FOUND
from tests.support.builders.requests import access_request


def renew(found: Found, authority: str) -> str | None:
    return "next" if (found, authority) == (FOUND["wacht"], "accounts") else None


RENEWAL = CookieRenewal(renew, {"cookie": "sid"})


def decision(credential: Credential | None, answer: Found | Rejected | None, authority: str = "accounts") -> Decision:
    resolution = Resolution(answer, Tier.MEMORY, authority=authority)
    return Decision(access=access_request(), credential=credential, resolution=resolution)


def test_a_cookie_that_is_due_is_set_again_under_its_reader_s_name() -> None:
    assert RENEWAL.fields(decision(COOKIE, FOUND["wacht"])) == (
        (b"Set-Cookie", b"sid=next; Path=/; HttpOnly; Secure; SameSite=Lax"),
    )


def test_in_development_it_goes_back_in_a_field_of_its_own() -> None:
    renewal = CookieRenewal(renew, {"cookie": "sid"}, ["cookie"])
    assert renewal.fields(decision(COOKIE, FOUND["wacht"])) == ((b"X-Development-Session", b"next"),)


@pytest.mark.parametrize(
    ("credential", "answer", "authority"),
    [
        (BEARER, FOUND["wacht"], "accounts"),
        (COOKIE, FOUND["wacht"], "another issuer"),
        (COOKIE, FOUND["memghost"], "accounts"),
        (COOKIE, Rejected(Reason.EXPIRED), "accounts"),
        (COOKIE, None, ""),
        (None, None, ""),
    ],
)
def test_nothing_else_is(credential: Credential | None, answer: Found | Rejected | None, authority: str) -> None:
    assert RENEWAL.fields(decision(credential, answer, authority)) == ()
