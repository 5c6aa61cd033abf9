"""Whether a session may pass a route: the rules as a table."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

import msgspec

from gateway.model.credential import CredentialKind
from gateway.model.person import organization_role_of, person_of, roles_of
from gateway.model.route import Require
from gateway.model.session import Session

LIVE = "active"
"""The `Session.state` of a session that may pass."""


class _Rule(msgspec.Struct, frozen=True):
    """The values that a route requires, those that a session has, and whether all of them are needed or one."""

    name: str
    required: Callable[[Require], frozenset[str]]
    values: Callable[[Session, CredentialKind], AbstractSet[str]]
    every: bool = False

    def refuses(self, required: frozenset[str], session: Session, kind: CredentialKind) -> bool:
        values = self.values(session, kind)
        return not (required <= values if self.every else required & values)


class Rules:
    """The rules of one route; those that require nothing are left out, and cost nothing."""

    def __init__(self, require: Require) -> None:
        rules = _UNVERIFIED_RULES if require.unverified_emails else _RULES
        self._rules = tuple((rule, required) for rule in rules if (required := rule.required(require)))
        self._claims = tuple(require.claims.items())
        self._any_of = tuple(map(Rules, require.any_of))
        self._not = tuple(map(Rules, require.not_))

    def broken(self, session: Session, kind: CredentialKind) -> str | None:
        """Return the name of the first rule that refuses (`require.roles`, ...), or `None` when the session may pass.

        A session that is not active passes no route. This is judged on every request by the current route: a cached
        session says who the caller is, never what they may do.
        """
        return "session.state" if session.state != LIVE else self._unmet(session, kind)

    def _unmet(self, session: Session, kind: CredentialKind) -> str | None:
        for rule, required in self._rules:
            if rule.refuses(required, session, kind):
                return rule.name
        for claim, values in self._claims:
            if values.isdisjoint(session.claims.get(claim, ())):
                return f"require.claims.{claim}"
        if self._any_of and all(rules._unmet(session, kind) is not None for rules in self._any_of):  # noqa: SLF001 - its own class
            return "require.any_of"
        if any(rules._unmet(session, kind) is None for rules in self._not):  # noqa: SLF001 - its own class
            return "require.not"
        return None


def _roles(session: Session, _: CredentialKind) -> AbstractSet[str]:
    return frozenset(roles_of(session))


def _organization_role(session: Session, _: CredentialKind) -> AbstractSet[str]:
    role = organization_role_of(session)
    return {role} if role else frozenset()


def _organization(session: Session, _: CredentialKind) -> AbstractSet[str]:
    return {session.organization.id} if session.organization is not None else frozenset()


def _project(session: Session, _: CredentialKind) -> AbstractSet[str]:
    """Return both ids of the project: the one that upstreams get and the one that databases use."""
    return {session.project.nano_id, session.project.id} if session.project is not None else frozenset()


def _workspace(session: Session, _: CredentialKind) -> AbstractSet[str]:
    return {session.workspace.id} if session.workspace is not None else frozenset()


def _scopes(session: Session, _: CredentialKind) -> AbstractSet[str]:
    return frozenset(session.scopes)


def _kind(_: Session, kind: CredentialKind) -> AbstractSet[str]:
    return {kind}


def _email_domain(session: Session, kind: CredentialKind) -> AbstractSet[str]:
    """Return what follows the *last* `@`, in lower case.

    `"x@trusted.example"@evil.example` is a valid address (RFC 5321 section 4.1.2), and a domain that only ends in the
    required one is another's. An address that its issuer calls unverified is none: anybody may have typed it.
    """
    return frozenset() if person_of(session, kind).email_verified is False else _any_email_domain(session, kind)


def _any_email_domain(session: Session, kind: CredentialKind) -> AbstractSet[str]:
    _, at, domain = (person_of(session, kind).email or "").rpartition("@")
    return {domain.lower()} if at else frozenset()


def _required_domains(require: Require) -> frozenset[str]:
    return frozenset(domain.lower() for domain in require.email_domains)


_RULES = (
    _Rule("require.kinds", lambda require: require.kinds, _kind),
    _Rule("require.roles", lambda require: require.roles, _roles),
    _Rule("require.all_roles", lambda require: require.all_roles, _roles, every=True),
    _Rule("require.organization_roles", lambda require: require.organization_roles, _organization_role),
    _Rule("require.organizations", lambda require: require.organizations, _organization),
    _Rule("require.projects", lambda require: require.projects, _project),
    _Rule("require.workspaces", lambda require: require.workspaces, _workspace),
    _Rule("require.scopes", lambda require: require.scopes, _scopes, every=True),
    _Rule("require.email_domains", _required_domains, _email_domain),
)
_UNVERIFIED_RULES = (*_RULES[:-1], _Rule("require.email_domains", _required_domains, _any_email_domain))
