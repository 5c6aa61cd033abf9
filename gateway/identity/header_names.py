"""The names of identity headers: presets that applications already understand, or the config's own map."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator

from gateway.model.headers import spelling
from gateway.source.json_paths import require_path
from gateway.source.names import FieldName

Field = Literal[
    "session_id",
    "user_id",
    "user_email",
    "user_name",
    "user_roles",
    "org_id",
    "org_name",
    "org_role",
    "workspace_id",
    "project_id",
    "api_key_id",
    "auth_method",
]
"""What an upstream can learn about a session, each in a header of its own."""

FIELDS: tuple[Field, ...] = get_args(Field)

CLAIM = "claims."
"""Before the path of a claim that has a header of its own."""

DEFAULT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "session_id": "X-Session-Id",
        "user_id": "X-User-Id",
        "user_email": "X-User-Email",
        "user_name": "X-User-Name",
        "user_roles": "X-User-Roles",
        "org_id": "X-Org-Id",
        "org_name": "X-Org-Name",
        "org_role": "X-Org-Role",
        "workspace_id": "X-Workspace-Id",
        "project_id": "X-Project-Id",
        "api_key_id": "X-Api-Key-Id",
        "auth_method": "X-Auth-Method",
    }
)

PRESETS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "default": DEFAULT_NAMES,
        # What oauth2-proxy's `--set-xauthrequest` sends.
        "oauth2-proxy": MappingProxyType(
            {
                "user_id": "X-Auth-Request-User",
                "user_email": "X-Auth-Request-Email",
                "user_name": "X-Auth-Request-Preferred-Username",
                "user_roles": "X-Auth-Request-Groups",
            }
        ),
        # What Authelia sends, and the "trusted header" sign-in of many applications reads.
        "remote-user": MappingProxyType(
            {
                "user_id": "Remote-User",
                "user_email": "Remote-Email",
                "user_name": "Remote-Name",
                "user_roles": "Remote-Groups",
            }
        ),
    }
)

_RESERVED = frozenset(
    spelling(name)
    for name in (
        b"authorization",
        b"cookie",
        b"forwarded",
        b"traceparent",
        b"tracestate",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-request-id",
    )
)
"""Names that have another meaning for the upstream."""


def _preset(value: object) -> object:
    """Return a preset's names for its name, and in front of what a map has beside the key `preset`."""
    if isinstance(value, dict) and "preset" in value:
        others = {field: name for field, name in value.items() if field != "preset"}
        return {**_names_of(value["preset"]), **others}
    return _names_of(value) if isinstance(value, str) else value


def _names_of(preset: object) -> dict[str, str]:
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ValueError(f"headers is one of {', '.join(PRESETS)}, or a map from a field to a header name")
    return dict(PRESETS[preset])


def _known(field: str) -> str:
    if field.startswith(CLAIM):
        require_path(field.removeprefix(CLAIM))
    elif field not in FIELDS:
        raise ValueError(f"must be one of {', '.join(FIELDS)}, or claims.NAME")
    return field


def _refuse_doubled(names: dict[str, str]) -> dict[str, str]:
    fields: dict[bytes, str] = {}
    for field, name in names.items():
        folded = spelling(name.encode("ascii"))
        if folded in _RESERVED:
            raise ValueError(f"{name} has another meaning, it cannot carry {field}")
        other = fields.setdefault(folded, field)
        if other != field:
            raise ValueError(f"{other} and {field} cannot both be {name}")
    return names


IdentityNames = Annotated[
    dict[Annotated[str, AfterValidator(_known)], FieldName], BeforeValidator(_preset), AfterValidator(_refuse_doubled)
]
"""The config's `identity.headers`: a preset's name, or a map; the upstream gets no field that the map does not list.

Its key `preset` begins it with that preset's names. `claims.department` is the claim at that path."""
