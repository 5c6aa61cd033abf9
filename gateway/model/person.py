"""The one person a session speaks for: the same to the rules that judge and to the headers that tell.

Rules and identity headers stand in two rooms that do not know each other; if each had its own idea of whose e-mail
address counts, a request could be judged as one person and told to the upstream as another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.model.credential import CredentialKind

if TYPE_CHECKING:
    from gateway.model.session import Session


class Person(msgspec.Struct, frozen=True):
    """Who acts; a field that is not known is `None`."""

    id: str | None
    email: str | None
    name: str | None


def person_of(session: Session, kind: CredentialKind) -> Person:
    """Return who acts with a credential of this `kind` (DESIGN section 7, `X-User-Id`).

    For an API key that is the member it belongs to; else it is the user. A member's id is never taken for a user's:
    the two are of different number spaces. What the one does not say of e-mail address and name, the other may: a
    member *is* a user's place in an organization.
    """
    user, member = session.user, session.member
    if kind is CredentialKind.API_KEY and member is not None:
        first, second = member, user
        return Person(
            first.id,
            first.email or (second.email if second is not None else None),
            first.name or (second.name if second is not None else None),
        )
    return Person(
        user.id if user is not None else None,
        (user.email if user is not None else None) or (member.email if member is not None else None),
        (user.name if user is not None else None) or (member.name if member is not None else None),
    )


def roles_of(session: Session) -> tuple[str, ...]:
    """Return the user's own roles and the role in the *bound* organization, in that order, each once."""
    member = session.member
    if member is None or not member.role or member.role in session.roles:
        return tuple(dict.fromkeys(session.roles))
    return (*dict.fromkeys(session.roles), member.role)
