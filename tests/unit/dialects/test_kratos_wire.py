"""Ory Kratos' traits are as each owner's schema has them: what of them is a user's name and address."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.kratos_wire import KratosSession, found_of
from gateway.model.session import User
from tests.support.builders.product_examples import KRATOS_JSON


def user(traits: Any, addresses: Any = None) -> User:
    identity = {**KRATOS_JSON["identity"], "traits": traits, "verifiable_addresses": addresses}
    session = found_of(msgspec.convert({**KRATOS_JSON, "identity": identity}, KratosSession)).session
    assert session.user is not None
    return session.user


@pytest.mark.parametrize(
    ("traits", "name", "username", "email"),
    [
        ({"name": {"first": "Ada", "last": "Lovelace"}}, "Ada Lovelace", None, None),
        ({"name": {"first": "Ada"}}, "Ada", None, None),
        ({"name": "Ada", "username": "ada"}, "Ada", "ada", None),
        ({"email": "ada@example.com"}, None, None, "ada@example.com"),
        ({"email": ["ada@example.com"], "name": 7, "username": ""}, None, None, None),
        ({}, None, None, None),
        (None, None, None, None),
        ("ada@example.com", None, None, None),
    ],
)
def test_usual_traits_are_known_and_others_are_left(
    traits: Any, name: str | None, username: str | None, email: str | None
) -> None:
    found = user(traits)
    assert (found.name, found.username, found.email) == (name, username, email)


@pytest.mark.parametrize(
    ("addresses", "verified"),
    [
        (None, None),
        ([], None),
        ([{"value": "ada@example.com", "verified": True, "via": "email"}], True),
        ([{"value": "ada@example.com", "verified": False, "via": "email"}], False),
        ([{"value": "other@example.com", "verified": True, "via": "email"}], None),
        ([{"value": "ada@example.com", "verified": True, "via": "sms"}], None),
    ],
)
def test_an_address_is_verified_where_the_product_says_so_of_that_very_address(
    addresses: Any, verified: bool | None
) -> None:
    assert user({"email": "ada@example.com"}, addresses).email_verified is verified
