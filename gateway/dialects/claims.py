"""An issuer's claims as a Session; the config maps the claims' names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeGuard

import msgspec
from pydantic import Field

from gateway.model.session import Member, Organization, Session, User, Workspace
from gateway.source.json_paths import JsonPath, JsonPlace, find, scalars, texts
from gateway.source.values import SettingsModel

Claims = dict[str, Any]

END_OF_TIME = 253402300800.0
"""Epoch seconds of the year 10000, where datetimes end."""

_LEAST_MILLISECONDS = 100_000_000_000
"""In seconds it is the year 5138, in milliseconds 1973: no session ends near either."""

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class ClaimMap(SettingsModel):
    """The claim of each field, by its path (`gateway.source.json_paths`): `realm_access.roles`.

    `free` names claims that rules and identity headers ask for; one that it does not list has the path of its name.

    The defaults are the registered names (RFC 7519 section 4.1, RFC 9068 section 2.2, OpenID Connect Core section 5.1)
    and, where none is registered, the commonest.
    """

    subject: JsonPlace = Field(default="sub", min_length=1)
    session: JsonPlace = "sid"
    email: JsonPlace = "email"
    email_verified: JsonPlace = "email_verified"
    name: JsonPlace = "name"
    username: JsonPlace = "preferred_username"
    first_name: JsonPlace = "given_name"
    last_name: JsonPlace = "family_name"
    image_url: JsonPlace = "picture"
    roles: JsonPath = "roles"
    scopes: JsonPath = "scope"
    organization: JsonPlace = "org_id"
    organization_name: JsonPlace = "org_name"
    organization_role: JsonPlace = "org_role"
    workspace: JsonPlace = "workspace_id"
    free: dict[str, JsonPath] = Field(default_factory=dict)


def session_of_claims(
    claims: Claims, names: ClaimMap, *, client: str = "", free: Sequence[str] = (), numbers: bool = False
) -> Session | None:
    """Return the session of these claims, or `None` when they have no subject.

    `free` are the names of the claims that the config asks for besides. With `numbers` an id may be a whole number, as
    many databases have it. `client` is the claim of a client that acts for itself: it is the subject where no user is
    named, and then there is no user (RFC 7662 section 2.2, `client_id`).
    """
    identity = _number_or_text if numbers else _text
    user = _user(claims, names, identity(claims, names.subject))
    if user is None and find(claims, names.subject) is not None:
        return None  # a subject that is no text is not the client's name
    subject = user.id if user is not None else _text(claims, client)
    if not subject:
        return None
    organization = identity(claims, names.organization)
    role = _text(claims, names.organization_role)
    workspace = identity(claims, names.workspace)
    return Session(
        subject=subject,
        id=identity(claims, names.session),
        user=user,
        organization=Organization(id=organization, name=_text(claims, names.organization_name))
        if organization
        else None,
        member=Member(id=subject, role=role) if organization and role else None,
        workspace=Workspace(id=workspace) if workspace else None,
        roles=_texts(claims, names.roles),
        scopes=_words(claims, names.scopes),
        claims={name: values for name in free if (values := scalars(find(claims, names.free.get(name, name))))},
    )


def instant_of(seconds: float) -> datetime:
    """Return a NumericDate (RFC 7519 section 2, epoch seconds) as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def instant_at(claims: Claims, path: str) -> datetime | None:
    """Return the instant at a path: seconds or milliseconds after the epoch, or RFC 3339 with an offset.

    `None` where nothing stands, and for a number that is no time: some programs write 0 or -1 for *never*. Raises
    ValueError for what is neither, since a guess could let a session outlive its end.
    """
    value = find(claims, path)
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return msgspec.convert(value, _Instant).astimezone(UTC)
        except msgspec.ValidationError:
            raise ValueError("no RFC 3339 with an offset") from None
    if not is_number(value):
        raise ValueError("no time")
    seconds = value / 1000 if value >= _LEAST_MILLISECONDS else value
    return instant_of(seconds) if 0 < seconds < END_OF_TIME else None


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


def _user(claims: Claims, names: ClaimMap, user_id: str | None) -> User | None:
    if not user_id:
        return None
    return User(
        id=user_id,
        email=_text(claims, names.email),
        email_verified=_verified(find(claims, names.email_verified)),
        name=_text(claims, names.name),
        username=_text(claims, names.username),
        first_name=_text(claims, names.first_name),
        last_name=_text(claims, names.last_name),
        image_url=_text(claims, names.image_url),
    )


def _verified(value: Any) -> bool | None:
    """Return what the issuer says of an address; some write it as a text. What cannot be read is a no."""
    return None if value is None else value is True or value == "true"


def _text(claims: Claims, path: str) -> str | None:
    value = find(claims, path)
    return value if isinstance(value, str) and value else None


def _number_or_text(claims: Claims, path: str) -> str | None:
    """Return an id; 0 is none, which some programs write for a guest."""
    value = find(claims, path)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value else _text(claims, path)


def _texts(claims: Claims, path: str) -> tuple[str, ...]:
    """Return a list of names, or the names of an object's members; any other value gives no role."""
    return texts(find(claims, path))


def _words(claims: Claims, path: str) -> tuple[str, ...]:
    """Return scopes: words of one string (RFC 8693 section 4.2), or a list."""
    value = find(claims, path)
    return tuple(value.split()) if isinstance(value, str) else texts(value)
