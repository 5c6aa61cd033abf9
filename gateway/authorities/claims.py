"""An issuer's claims as a Session; the config maps the claims' names."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, TypeGuard

from pydantic import Field

from gateway.model.session import Member, Organization, Session, User, Workspace
from gateway.source.values import SettingsModel

Claims = dict[str, Any]


class ClaimMap(SettingsModel):
    """The claim of each field. A claim within an object is named by its path: `realm_access.roles`.

    The defaults are the registered names (RFC 7519 section 4.1, RFC 9068 section 2.2, OpenID Connect Core section 5.1)
    and, where none is registered, the commonest.
    """

    subject: str = Field(default="sub", min_length=1)
    session: str = "sid"
    email: str = "email"
    name: str = "name"
    username: str = "preferred_username"
    first_name: str = "given_name"
    last_name: str = "family_name"
    image_url: str = "picture"
    roles: str = "roles"
    scopes: str = "scope"
    organization: str = "org_id"
    organization_name: str = "org_name"
    organization_role: str = "org_role"
    workspace: str = "workspace_id"


def session_of_claims(claims: Claims, names: ClaimMap, *, client: str = "") -> Session | None:
    """Return the session of these claims, or `None` when they have no subject.

    `client` is the claim of a client that acts for itself: it is the subject where no user is named, and then there
    is no user (RFC 7662 section 2.2, `client_id`).
    """
    user = _user(claims, names)
    if user is None and _find(claims, names.subject) is not None:
        return None  # a subject that is no text is not the client's name
    subject = user.id if user is not None else _text(claims, client)
    if not subject:
        return None
    organization = _text(claims, names.organization)
    role = _text(claims, names.organization_role)
    workspace = _text(claims, names.workspace)
    return Session(
        subject=subject,
        id=_text(claims, names.session),
        user=user,
        organization=Organization(id=organization, name=_text(claims, names.organization_name))
        if organization
        else None,
        member=Member(id=subject, role=role) if organization and role else None,
        workspace=Workspace(id=workspace) if workspace else None,
        roles=_texts(claims, names.roles),
        scopes=_words(claims, names.scopes),
    )


def instant_of(seconds: float) -> datetime:
    """Return a NumericDate (RFC 7519 section 2, epoch seconds) as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether a claim is a finite number; JSON's `true` is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def listed(value: Any) -> tuple[str, ...]:
    """Return a claim that is one string or a list of them, like `aud` (RFC 7519 section 4.1.3); empty for others."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return tuple(value)
    return ()


def _user(claims: Claims, names: ClaimMap) -> User | None:
    user_id = _text(claims, names.subject)
    if not user_id:
        return None
    return User(
        id=user_id,
        email=_text(claims, names.email),
        name=_text(claims, names.name),
        username=_text(claims, names.username),
        first_name=_text(claims, names.first_name),
        last_name=_text(claims, names.last_name),
        image_url=_text(claims, names.image_url),
    )


def _find(claims: Claims, path: str) -> Any:
    """Return the claim at `path`: by its whole name first, since names may be URLs with dots in them."""
    if path in claims or "." not in path:
        return claims.get(path)
    value: Any = claims
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _text(claims: Claims, path: str) -> str | None:
    value = _find(claims, path)
    return value if isinstance(value, str) and value else None


def _texts(claims: Claims, path: str) -> tuple[str, ...]:
    """Return a list of names; any other value gives no role."""
    return listed(_find(claims, path))


def _words(claims: Claims, path: str) -> tuple[str, ...]:
    """Return scopes: words of one string (RFC 8693 section 4.2), or a list."""
    value = _find(claims, path)
    return tuple(value.split()) if isinstance(value, str) else listed(value)
