"""May this session pass this route? The rules as a table; the first that refuses is named."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

import msgspec

from gateway.model.credential import CredentialKind
from gateway.model.person import person_of, roles_of
from gateway.model.route import Require
from gateway.model.session import Session

LIVE = "active"
"""The state of a session that counts (`Session.state`)."""


class _Rule(msgspec.Struct, frozen=True):
    """What a route asks, what a session shows for it, and whether all that is asked is needed or one of it."""

    name: str
    asked: Callable[[Require], frozenset[str]]
    shown: Callable[[Session, CredentialKind], AbstractSet[str]]
    every: bool = False

    def refuses(self, asked: frozenset[str], session: Session, kind: CredentialKind) -> bool:
        shown = self.shown(session, kind)
        return not (asked <= shown if self.every else asked & shown)


class Rules:
    """What one route asks of a session, sorted out once: a rule that asks nothing costs nothing."""

    def __init__(self, require: Require) -> None:
        self._asking = tuple((rule, asked) for rule in _RULES if (asked := rule.asked(require)))

    def broken(self, session: Session, kind: CredentialKind) -> str | None:
        """Return the name of the first rule that refuses (`require.roles`, ...), or `None` when the session may pass.

        A session that is not live passes nothing, whatever the route asks. Judged on every request, out of the current
        route: a cached session says who somebody is, never what they may do.
        """
        if session.state != LIVE:
            return "session.state"
        for rule, asked in self._asking:
            if rule.refuses(asked, session, kind):
                return rule.name
        return None


def _roles(session: Session, _: CredentialKind) -> AbstractSet[str]:
    return frozenset(roles_of(session))


def _organization(session: Session, _: CredentialKind) -> AbstractSet[str]:
    return {session.organization.id} if session.organization is not None else frozenset()


def _project(session: Session, _: CredentialKind) -> AbstractSet[str]:
    """Return both names of the project: the one that upstreams are told and the one that databases use."""
    return {session.project.nano_id, session.project.id} if session.project is not None else frozenset()


def _workspace(session: Session, _: CredentialKind) -> AbstractSet[str]:
    return {session.workspace.id} if session.workspace is not None else frozenset()


def _scopes(session: Session, _: CredentialKind) -> AbstractSet[str]:
    return frozenset(session.scopes)


def _kind(_: Session, kind: CredentialKind) -> AbstractSet[str]:
    return {kind}


def _email_domain(session: Session, kind: CredentialKind) -> AbstractSet[str]:
    """Return what stands after the *last* `@`, in lower case.

    `"x@trusted.example"@evil.example` is a valid address (RFC 5321 section 4.1.2), and a domain that only ends in the
    wanted one is another's.
    """
    _, at, domain = (person_of(session, kind).email or "").rpartition("@")
    return {domain.lower()} if at else frozenset()


def _asked_domains(require: Require) -> frozenset[str]:
    return frozenset(domain.lower() for domain in require.email_domains)


_RULES = (
    _Rule("require.kinds", lambda require: require.kinds, _kind),
    _Rule("require.roles", lambda require: require.roles, _roles),
    _Rule("require.all_roles", lambda require: require.all_roles, _roles, every=True),
    _Rule("require.organizations", lambda require: require.organizations, _organization),
    _Rule("require.projects", lambda require: require.projects, _project),
    _Rule("require.workspaces", lambda require: require.workspaces, _workspace),
    _Rule("require.scopes", lambda require: require.scopes, _scopes, every=True),
    _Rule("require.email_domains", _asked_domains, _email_domain),
)
