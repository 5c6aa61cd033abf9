"""Nobody gives what they do not have: what a caller may hand on with a key, a session, a role or a membership."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

import msgspec

from gateway.admin.admin_callers import AdminCaller
from gateway.admin.problems import ProblemError


class Grant(msgspec.Struct, frozen=True):
    """What somebody would get: a user's own roles, scopes, and a role in an organization."""

    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    organization: str | None = None
    organization_role: str | None = None


def require_own(caller: AdminCaller, grant: Grant) -> None:
    """Raise ProblemError if the caller has not all of it; the owner has everything.

    A scope counts as had where the caller's session has it, or where it is a permission of theirs.
    """
    session = caller.session
    if session is None:
        return
    _require("roles", grant.roles - frozenset(session.roles))
    _require("scopes", grant.scopes - frozenset(session.scopes) - caller.permissions)
    if grant.organization is None:
        return
    if session.organization is None or session.organization.id != grant.organization:
        raise _excess(f"your session is not in the organization {grant.organization}")
    own = session.member.role if session.member is not None else None
    if grant.organization_role is not None and grant.organization_role != own:
        raise _excess(f"you have not the role {grant.organization_role} in {grant.organization}")


def _require(what: str, missing: Iterable[str]) -> None:
    named = ", ".join(sorted(missing))
    if named:
        raise _excess(f"you have not the {what} {named}")


def _excess(why: str) -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, "more_than_own", f"Nobody gives what they do not have: {why}.")
