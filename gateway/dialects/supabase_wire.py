"""Supabase Auth's JSON, encoded from our Session and decoded into it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from gateway.dialects.wire_times import NonEmptyText, WireInstant, maybe_utc, utc
from gateway.model.answers import Found, Reason, Rejected
from gateway.model.person import Person
from gateway.model.session import Session, User

AUTHENTICATED = "authenticated"
"""The audience and the database role of everybody who is signed in."""


class SupabaseUser(msgspec.Struct, kw_only=True):
    """A success: the user. `user_metadata` is what users say of themselves, `app_metadata` what the owner does."""

    id: NonEmptyText
    aud: str
    role: str
    email: str | None = ""
    email_confirmed_at: WireInstant | UnsetType | None = UNSET
    phone: str | None = ""
    confirmed_at: WireInstant | UnsetType | None = UNSET
    last_sign_in_at: WireInstant | UnsetType | None = UNSET
    app_metadata: dict[str, Any] | None = {}
    user_metadata: dict[str, Any] | None = {}
    identities: list[Any] | None = []
    created_at: WireInstant
    updated_at: WireInstant
    is_anonymous: bool = False


class SupabaseError(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Every failure. `code` is the status; in newer versions of the API it is what `error_code` is in older ones."""

    code: int | str
    error_code: str = ""
    msg: str = ""
    error_id: str = ""

    def names(self) -> str:
        """Return the error's name."""
        return self.error_code or (self.code if isinstance(self.code, str) else "")


class ProjectKeyError(msgspec.Struct):
    """The 401 of the gateway in front of the product, about the project's key and not about the caller."""

    message: str
    hint: str


REASONS = {
    "bad_jwt": Reason.UNKNOWN,
    "no_authorization": Reason.UNKNOWN,
    "validation_failed": Reason.UNKNOWN,
    "session_expired": Reason.EXPIRED,
    "session_not_found": Reason.GONE,
    "user_not_found": Reason.GONE,
    "user_banned": Reason.FORBIDDEN,
}
"""What the product's refusals of a token mean; any other is none of a token."""


def document_of(session: Session, user: User, person: Person, now: datetime) -> SupabaseUser:
    """Return the answer about a session's user."""
    created_at = utc(user.created_at or session.created_at or now)
    names = {"name": person.name, "avatar_url": user.image_url}
    return SupabaseUser(
        id=user.id,
        aud=AUTHENTICATED,
        role=AUTHENTICATED,
        email=person.email or "",
        email_confirmed_at=created_at if person.email_verified else UNSET,
        confirmed_at=created_at if person.email_verified else UNSET,
        last_sign_in_at=maybe_utc(session.created_at) or UNSET,
        user_metadata={key: value for key, value in names.items() if value},
        created_at=created_at,
        updated_at=utc(user.updated_at or created_at),
    )


def found_of(document: SupabaseUser, *, anonymous: bool) -> Found | Rejected:
    """Return the user as a session; raises msgspec.ValidationError for an answer about somebody who is not signed in.

    An anonymous user is whoever wants to be one, so without `anonymous` that is nobody.
    """
    if document.is_anonymous and not anonymous:
        return Rejected(Reason.UNKNOWN, "an anonymous user")
    metadata = document.user_metadata or {}
    user = User(
        id=document.id,
        email=document.email or None,
        email_verified=isinstance(document.email_confirmed_at, datetime) if document.email else None,
        name=_text(metadata.get("name")) or _text(metadata.get("full_name")),
        image_url=_text(metadata.get("avatar_url")),
        created_at=utc(document.created_at),
        updated_at=utc(document.updated_at),
    )
    signed_in = document.last_sign_in_at if isinstance(document.last_sign_in_at, datetime) else None
    return Found(Session(subject=document.id, user=user, created_at=maybe_utc(signed_in)))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
