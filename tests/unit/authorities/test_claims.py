"""Claims as a session; an unclear claim grants nothing."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.authorities.claims import ClaimMap, listed, session_of_claims


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["a", "b"], ("a", "b")),
        ("a", ("a",)),
        ("a b", ("a b",)),
        (["a", 7], ()),
        ({"a": True}, ()),
        (7, ()),
        (None, ()),
    ],
)
def test_roles_are_a_list_of_names_or_one(roles: Any, expected: tuple[str, ...]) -> None:
    session = session_of_claims({"sub": "u", "roles": roles}, ClaimMap())
    assert session is not None
    assert session.roles == expected


@pytest.mark.parametrize(("scope", "expected"), [("r  w", ("r", "w")), (["r", "w"], ("r", "w")), (1, ()), ("", ())])
def test_scopes_are_words_or_a_list(scope: Any, expected: tuple[str, ...]) -> None:
    session = session_of_claims({"sub": "u", "scope": scope}, ClaimMap())
    assert session is not None
    assert session.scopes == expected


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": 7}, {"sub": None}, {"client_id": "c"}])
def test_without_a_subject_there_is_no_session(claims: dict[str, Any]) -> None:
    assert session_of_claims(claims, ClaimMap()) is None


def test_a_path_goes_into_objects_and_a_whole_name_goes_first() -> None:
    names = ClaimMap(organization="org.id", workspace="a.b.c")
    session = session_of_claims({"sub": "u", "org": {"id": "nested"}, "a": {"b": "text"}}, names)
    assert session is not None
    assert session.organization is not None
    assert (session.organization.id, session.workspace) == ("nested", None)
    session = session_of_claims({"sub": "u", "org.id": "whole", "org": {"id": "nested"}}, names)
    assert session is not None
    assert session.organization is not None
    assert session.organization.id == "whole"


def test_a_role_in_no_organization_is_nobody_s() -> None:
    session = session_of_claims({"sub": "u", "org_role": "owner"}, ClaimMap())
    assert session is not None
    assert (session.member, session.organization) == (None, None)


def test_an_audience_is_one_name_or_a_list_of_names() -> None:
    assert listed("a") == ("a",)
    assert listed(["a", "b"]) == ("a", "b")
    assert listed(["a", None]) == ()
    assert listed({"a": 1}) == ()
