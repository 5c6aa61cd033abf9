"""What the API lets somebody do, and how roles of the config come to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_RECORDS = {
    "users": ("read", "create", "change", "delete", "password"),
    "organizations": ("read", "create", "change", "delete"),
    "members": ("read", "create", "change", "delete"),
    "workspaces": ("read", "create", "change", "delete"),
    "projects": ("read", "create", "change", "delete"),
    "keys": ("read", "create", "change", "delete", "rotate"),
    "sessions": ("read", "create", "change", "end"),
    "signins": ("read", "delete"),
}

PERMISSIONS = frozenset(
    {
        *(f"{noun}.{action}" for noun, actions in _RECORDS.items() for action in actions),
        "audit.read",
        "explain.read",
        "revocations.create",
        "revocations.read",
        "routes.read",
        "state.read",
    }
)
"""Every permission there is; each endpoint needs exactly one."""


def permissions_of(roles: Iterable[str], granted: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return what somebody with these roles may do; a role that the config does not name gives nothing."""
    return frozenset(permission for role in roles for permission in granted.get(role, ()))
