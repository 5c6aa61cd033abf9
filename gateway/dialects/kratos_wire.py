"""Ory Kratos' JSON, encoded from our Session and decoded into it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from gateway.dialects.wire_times import NonEmptyText, WireInstant, maybe_utc
from gateway.model.answers import Found
from gateway.model.person import Person
from gateway.model.session import Organization, Session, User

AAL = "authenticator_assurance_level"
"""The product's name for how strongly somebody is authenticated; also the claim that a spoken session has for rules."""


class KratosAddress(msgspec.Struct):
    """An address that the product has verified, or not yet."""

    value: str
    verified: bool
    via: str


class KratosIdentity(msgspec.Struct, kw_only=True):
    """Who it is. `traits` are as the owner's own schema has them."""

    id: NonEmptyText
    schema_id: str = "default"
    schema_url: str = ""
    state: str = "active"
    traits: Any = None
    verifiable_addresses: list[KratosAddress] | UnsetType | None = UNSET
    metadata_public: Any = None
    created_at: WireInstant | UnsetType = UNSET
    updated_at: WireInstant | UnsetType = UNSET
    organization_id: str | None = None


class KratosSession(msgspec.Struct, kw_only=True):
    """A success. `active` is always true in it: the product answers 401 for any other session."""

    id: NonEmptyText
    active: bool
    expires_at: WireInstant | UnsetType = UNSET
    authenticated_at: WireInstant | UnsetType = UNSET
    authenticator_assurance_level: str = "aal1"
    authentication_methods: list[Any] | None = []
    issued_at: WireInstant | UnsetType = UNSET
    identity: KratosIdentity
    devices: list[Any] | None = []


class KratosFault(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What went wrong (Ory's herodot). `id` names it for programs."""

    id: str = ""
    code: int
    status: str = ""
    request: str = ""
    reason: str = ""
    message: str


class KratosError(msgspec.Struct, omit_defaults=True):
    """Every failure. `redirect_browser_to` is where the second factor is shown, where that is what is missing."""

    error: KratosFault
    redirect_browser_to: str = ""


class SecondFactorFault(msgspec.Struct):
    """The fault of a session that lacks its second factor."""

    id: Literal["session_aal2_required"]


class SecondFactorError(msgspec.Struct):
    """The one 403 that is about the session; a 403 of something in between has another shape."""

    error: SecondFactorFault


def document_of(found: Found, session_id: str, person: Person) -> KratosSession:
    """Return the answer of a session."""
    session = found.session
    user = session.user or User(id=session.subject)
    issued_at = _known(session.created_at or found.issued_at)
    level = session.claims.get(AAL, ("aal1",))
    organization = session.organization
    return KratosSession(
        id=session_id,
        active=True,
        expires_at=_known(found.expires_at or session.expires_at),
        authenticated_at=issued_at,
        authenticator_assurance_level=level[0] if level else "aal1",
        issued_at=issued_at,
        identity=KratosIdentity(
            id=session.subject,
            traits=_traits(user, person),
            verifiable_addresses=_addresses(person),
            created_at=_known(user.created_at),
            updated_at=_known(user.updated_at),
            organization_id=None if organization is None else organization.id,
        ),
    )


def found_of(document: KratosSession) -> Found:
    """Return whose session it is; raises msgspec.ValidationError for one that is not live."""
    identity = document.identity
    if not document.active or identity.state != "active":
        raise msgspec.ValidationError("a success about a session that is not active")
    organization = identity.organization_id
    session = Session(
        subject=identity.id,
        id=document.id,
        user=_user(identity),
        organization=Organization(id=organization) if organization else None,
        claims={AAL: (document.authenticator_assurance_level,)},
        created_at=_instant(document.issued_at),
        expires_at=_instant(document.expires_at),
    )
    return Found(session)


def _user(identity: KratosIdentity) -> User:
    traits = identity.traits if isinstance(identity.traits, dict) else {}
    name, email = traits.get("name"), _text(traits.get("email"))
    parts = name if isinstance(name, dict) else {}
    first, last = _text(parts.get("first")), _text(parts.get("last"))
    addresses = identity.verifiable_addresses or []
    verified = [each.verified for each in addresses if each.via == "email" and each.value == email]
    return User(
        id=identity.id,
        email=email,
        email_verified=any(verified) if verified else None,
        name=_text(name) or " ".join(filter(None, (first, last))) or None,
        first_name=first,
        last_name=last,
        username=_text(traits.get("username")),
        created_at=_instant(identity.created_at),
        updated_at=_instant(identity.updated_at),
    )


def _traits(user: User, person: Person) -> dict[str, Any]:
    names = {"first": user.first_name, "last": user.last_name}
    traits = {
        "email": person.email,
        "username": user.username,
        "name": {key: name for key, name in names.items() if name} or person.name,
    }
    return {key: value for key, value in traits.items() if value}


def _addresses(person: Person) -> list[KratosAddress] | UnsetType:
    if person.email is None or person.email_verified is None:
        return UNSET
    return [KratosAddress(person.email, person.email_verified, "email")]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _known(instant: datetime | None) -> datetime | UnsetType:
    return UNSET if instant is None else maybe_utc(instant) or UNSET


def _instant(instant: datetime | UnsetType) -> datetime | None:
    return None if isinstance(instant, UnsetType) else maybe_utc(instant)
