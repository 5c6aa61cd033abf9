"""The one person that a session stands for: the same for the rules that judge and for the identity headers.

Rules and identity headers are in two packages that do not import each other. If each chose for itself whose e-mail
address counts, a request could be judged as one person's and forwarded as another's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.model.credential import CredentialKind

if TYPE_CHECKING:
    from gateway.model.session import Session


class Person(msgspec.Struct, frozen=True):
    """Who acts; an unknown field is `None`."""

    id: str | None
    email: str | None
    name: str | None
    email_verified: bool | None = None


def person_of(session: Session, kind: CredentialKind) -> Person:
    """Return who acts with a credential of this `kind`; upstreams get that id as `X-User-Id`.

    For an API key it is the member that the key belongs to, else the user. A member's id is never taken for a user's,
    because the two are numbered separately. E-mail address and name may come from either, because a member *is* a
    user's place in an organization.
    """
    user, member = session.user, session.member
    if kind is CredentialKind.API_KEY and member is not None:
        first, second = member, user
        return Person(
            first.id,
            first.email or (second.email if second is not None else None),
            first.name or (second.name if second is not None else None),
            second.email_verified if second is not None and not first.email else None,
        )
    return Person(
        user.id if user is not None else None,
        (user.email if user is not None else None) or (member.email if member is not None else None),
        (user.name if user is not None else None) or (member.name if member is not None else None),
        user.email_verified if user is not None and user.email else None,
    )


def roles_of(session: Session) -> tuple[str, ...]:
    """Return the user's own roles, each once; the role in the bound organization is `organization_role_of`'s."""
    return tuple(dict.fromkeys(session.roles))


def organization_role_of(session: Session) -> str | None:
    """Return the role in the bound organization, which says nothing of any other."""
    return session.member.role if session.member is not None else None
