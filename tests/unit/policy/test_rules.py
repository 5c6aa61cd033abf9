from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.model.credential import CredentialKind
from gateway.model.route import Require
from gateway.model.session import Member, Organization, Project, Session, User, Workspace
from gateway.policy.rules import Rules

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SESSION = Session(
    subject="u1",
    user=User(id="u1", email="Jo@Example.COM"),
    organization=Organization(id="org_1"),
    member=Member(id="m1", role="editor", email="jo@member.example"),
    workspace=Workspace(id="w1"),
    project=Project(
        auto_id=1, id="uuid-1", nano_id="pr_1", org_id="o", name="p", email="", created_at=NOW, updated_at=NOW
    ),
    roles=("user", "auditor"),
    scopes=("orders:read", "orders:write"),
)
NOBODYS = Session(subject="u2")


def broken(
    session: Session = SESSION, kind: CredentialKind = CredentialKind.COOKIE, **required: set[str]
) -> str | None:
    require = Require(**{name: frozenset(values) for name, values in required.items()})  # type: ignore[arg-type]
    return Rules(require).broken(session, kind)


def test_a_route_that_asks_nothing_refuses_nobody() -> None:
    assert broken() is None
    assert broken(NOBODYS) is None


ADMITTED: list[tuple[str, set[str]]] = [
    ("roles", {"auditor", "admin"}),
    ("all_roles", {"user", "auditor"}),
    ("organization_roles", {"editor", "admin"}),
    ("organizations", {"org_1", "org_2"}),
    ("projects", {"pr_1"}),
    ("projects", {"uuid-1"}),
    ("workspaces", {"w1"}),
    ("scopes", {"orders:read"}),
    ("scopes", {"orders:read", "orders:write"}),
    ("kinds", {"cookie", "bearer"}),
    ("email_domains", {"example.com"}),
    ("email_domains", {"Example.Com", "other.test"}),
]
REFUSED: list[tuple[str, set[str]]] = [
    ("roles", {"admin"}),
    ("roles", {"Auditor"}),
    ("roles", {"aud"}),
    ("roles", {"editor"}),
    ("all_roles", {"user", "admin"}),
    ("all_roles", {"user", "auditor", "editor"}),
    ("organization_roles", {"auditor"}),
    ("organizations", {"org_2"}),
    ("projects", {"pr_2"}),
    ("workspaces", {"w2"}),
    ("scopes", {"orders:read", "orders:delete"}),
    ("scopes", {"orders"}),
    ("kinds", {"api_key"}),
    ("email_domains", {"le.com"}),
    ("email_domains", {"mail.example.com"}),
    ("email_domains", {"member.example"}),
]


@pytest.mark.parametrize(("rule", "required"), ADMITTED)
def test_who_has_what_is_asked_may_pass(rule: str, required: set[str]) -> None:
    assert broken(**{rule: required}) is None


@pytest.mark.parametrize(("rule", "required"), REFUSED)
def test_who_lacks_it_is_refused_by_that_rule(rule: str, required: set[str]) -> None:
    assert broken(**{rule: required}) == f"require.{rule}"


@pytest.mark.parametrize(
    "rule",
    [
        *("roles", "all_roles", "organization_roles", "organizations", "projects", "workspaces", "scopes"),
        "email_domains",
    ],
)
def test_a_session_without_the_field_is_refused_by_every_rule(rule: str) -> None:
    assert broken(NOBODYS, **{rule: {"x"}}) == f"require.{rule}"
    assert broken(NOBODYS, **{rule: {""}}) == f"require.{rule}"


def test_all_rules_must_admit() -> None:
    assert broken(roles={"user"}, scopes={"orders:delete"}) == "require.scopes"


def test_an_api_key_is_judged_by_its_members_address() -> None:
    assert broken(kind=CredentialKind.API_KEY, email_domains={"member.example"}) is None
    assert broken(kind=CredentialKind.API_KEY, email_domains={"example.com"}) == "require.email_domains"


@pytest.mark.parametrize(
    ("email", "domain"),
    [('"x@trusted.test"@evil.test', "trusted.test"), ("no-at-sign", "no-at-sign"), ("trusted.test@", "trusted.test")],
)
def test_only_what_follows_the_last_at_sign_is_the_domain(email: str, domain: str) -> None:
    session = Session(subject="u", user=User(id="u", email=email))
    assert broken(session, email_domains={domain}) == "require.email_domains"


@pytest.mark.parametrize("state", ["closed", "revoked", "", "ACTIVE"])
def test_a_session_that_is_not_live_passes_nothing(state: str) -> None:
    assert broken(Session(subject="u", state=state)) == "session.state"


STAFF, CUSTOMER = Require(roles=frozenset({"auditor"})), Require(organization_roles=frozenset({"owner"}))


def test_one_of_any_of_is_enough_and_is_met_whole() -> None:
    other = Require(roles=frozenset({"auditor"}), scopes=frozenset({"orders:delete"}))
    for alternatives, expected in (((STAFF, CUSTOMER), None), ((CUSTOMER, other), "require.any_of")):
        assert Rules(Require(any_of=alternatives)).broken(SESSION, CredentialKind.COOKIE) == expected
    besides = Require(any_of=(STAFF,), kinds=frozenset({CredentialKind.BEARER}))
    assert Rules(besides).broken(SESSION, CredentialKind.COOKIE) == "require.kinds"


def test_none_of_not_may_be_met_whole() -> None:
    other = Require(roles=frozenset({"auditor"}), scopes=frozenset({"orders:delete"}))
    assert Rules(Require(not_=(CUSTOMER, other))).broken(SESSION, CredentialKind.COOKIE) is None
    assert Rules(Require(not_=(CUSTOMER, STAFF))).broken(SESSION, CredentialKind.COOKIE) == "require.not"
    nested = Require(not_=(Require(any_of=(CUSTOMER, Require(not_=(STAFF,)))),))
    assert Rules(nested).broken(SESSION, CredentialKind.COOKIE) is None


def test_an_address_that_its_issuer_calls_unverified_is_none() -> None:
    for verified, expected in ((None, None), (True, None), (False, "require.email_domains")):
        session = Session(subject="u", user=User(id="u", email="a@example.com", email_verified=verified))
        assert broken(session, email_domains={"example.com"}) == expected
        require = Require(email_domains=frozenset({"example.com"}), unverified_emails=True)
        assert Rules(require).broken(session, CredentialKind.COOKIE) is None


def test_each_claim_must_have_one_of_its_values() -> None:
    session = Session(subject="u", claims={"department": ("sales", "ops"), "level": ("3",)})
    for claims, expected in (
        ({"department": {"ops", "x"}}, None),
        ({"department": {"ops"}, "level": {"4"}}, "require.claims.level"),
        ({"none": {""}}, "require.claims.none"),
    ):
        require = Require(claims={name: frozenset(values) for name, values in claims.items()})
        assert Rules(require).broken(session, CredentialKind.BEARER) == expected
