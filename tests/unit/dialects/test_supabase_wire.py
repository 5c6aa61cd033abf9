"""What of Supabase Auth's user is ours: nothing that users say of themselves is more than a name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.dialects.supabase_wire import SupabaseUser, found_of
from gateway.model.answers import Found
from gateway.model.session import Session
from tests.support.builders.product_examples import SUPABASE_JSON


def session(**more: Any) -> Session:
    found = found_of(msgspec.convert({**SUPABASE_JSON, **more}, SupabaseUser), anonymous=False)
    assert isinstance(found, Found)
    return found.session


@pytest.mark.parametrize(
    ("metadata", "name"),
    [({"name": "Ada"}, "Ada"), ({"full_name": "Ada L."}, "Ada L."), ({"name": 7}, None), ({}, None), (None, None)],
)
def test_a_name_is_what_users_say_of_themselves(metadata: Any, name: str | None) -> None:
    user = session(user_metadata={**metadata, "roles": ["admin"]} if metadata else metadata).user
    assert user is not None
    assert user.name == name


def test_a_database_role_and_what_users_write_are_no_roles() -> None:
    assert session(user_metadata={"roles": ["admin"]}, app_metadata={"roles": ["admin"]}).roles == ()


@pytest.mark.parametrize(
    ("email", "confirmed", "verified"),
    [("a@b.c", "2024-01-01T00:00:00Z", True), ("a@b.c", None, False), ("", None, None), (None, None, None)],
)
def test_an_address_is_verified_once_it_is_confirmed(email: Any, confirmed: Any, verified: bool | None) -> None:
    user = session(email=email, email_confirmed_at=confirmed).user
    assert user is not None
    assert user.email_verified is verified
