"""Claims as a session; an unclear claim grants nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.dialects.claims import ClaimMap, instant_at, listed, session_of_claims


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["a", "b"], ("a", "b")),
        ("a", ("a",)),
        ("a b", ("a b",)),
        (["a", 7], ()),
        ({"a": True, "b": {"org": "x"}, "c": False}, ("a", "b")),
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


def test_roles_are_reached_through_names_with_dots_objects_and_arrays() -> None:
    claims = {
        "sub": "u",
        "resource_access": {"my.app": {"roles": ["ops"]}},
        "urn:zitadel:iam:org:project:roles": {"admin": {"1": "a.example"}},
        "groups": [{"name": "g1"}, {"name": "g2"}],
    }
    paths = {
        'resource_access."my.app".roles': ("ops",),
        "urn:zitadel:iam:org:project:roles": ("admin",),
        "groups[].name": ("g1", "g2"),
    }
    for path, roles in paths.items():
        session = session_of_claims(claims, ClaimMap(roles=path))
        assert session is not None
        assert session.roles == roles


def test_claims_that_the_config_asks_for_are_read_by_name_or_by_their_path() -> None:
    claims = {"sub": "u", "department": "sales", "https://x/level": 3, "a": {"b": [True]}, "unasked": "x"}
    names = ClaimMap(free={"level": "https://x/level"})
    session = session_of_claims(claims, names, free=("department", "level", "a.b", "none"))
    assert session is not None
    assert session.claims == {"department": ("sales",), "level": ("3",), "a.b": ("true",)}


@pytest.mark.parametrize("subject", ["", 7, ["u"], {"u": 1}, False])
def test_an_odd_subject_is_never_the_client_s_name(subject: Any) -> None:
    assert session_of_claims({"sub": subject, "client_id": "c"}, ClaimMap(), client="client_id") is None


@pytest.mark.parametrize(
    "said", [(True, True), ("true", True), (False, False), ("false", False), (1, False), (None, None)]
)
def test_what_an_issuer_says_of_an_address(said: tuple[Any, bool | None]) -> None:
    session = session_of_claims({"sub": "u", "email_verified": said[0]}, ClaimMap())
    assert session is not None
    assert session.user is not None
    assert session.user.email_verified is said[1]


@pytest.mark.parametrize("path", ["a.", "a[0]", '"a'])
def test_a_path_that_cannot_be_is_a_problem(path: str) -> None:
    for key in ("roles", "email"):
        with pytest.raises(ValidationError, match="a path is names"):
            ClaimMap(**{key: path})
    with pytest.raises(ValidationError, match="a path is names"):
        ClaimMap(free={"department": path})


def test_an_id_may_be_a_number_where_that_is_asked_for() -> None:
    claims = {"sub": 7, "sid": 8, "org_id": 9, "workspace_id": 10, "org_role": "owner"}
    session = session_of_claims(claims, ClaimMap(), numbers=True)
    assert session is not None
    assert session.organization is not None
    assert session.workspace is not None
    assert (session.subject, session.id, session.organization.id, session.workspace.id) == ("7", "8", "9", "10")
    assert session_of_claims({"sub": 0}, ClaimMap(), numbers=True) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_900_000_000, 1_900_000_000),
        (1_900_000_000_000, 1_900_000_000),
        ("2030-03-17T17:46:40Z", 1_900_000_000),
        ("2030-03-17 18:46:40+01:00", 1_900_000_000),
        (0, None),
        (-1, None),
        (2**63, None),
        (None, None),
    ],
)
def test_an_instant_has_three_forms(value: Any, expected: int | None) -> None:
    instant = instant_at({"exp": value}, "exp")
    assert (instant and instant.timestamp()) == expected


@pytest.mark.parametrize("value", ["2030-03-17T17:46:40", "soon", True, [], math.inf])
def test_what_is_no_time_is_not_guessed(value: Any) -> None:
    with pytest.raises(ValueError, match="no "):
        instant_at({"exp": value}, "exp")
