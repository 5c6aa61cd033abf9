"""Turns rows into the model's nouns; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row, Table

from gateway.directory.stored import StoredKey, StoredSession
from gateway.directory.tables import (
    api_keys,
    members,
    organizations,
    projects,
    sessions,
    signins,
    users,
    workspaces,
)
from gateway.model.session import (
    ApiKey,
    Device,
    Login,
    Member,
    Organization,
    Project,
    Session,
    SignIn,
    User,
    Workspace,
)

Values = Mapping[str, Any]
"""Column -> value, of one table."""

Noun = TypeVar("Noun", bound=msgspec.Struct)


def stored_key(row: Row[Any]) -> StoredKey:
    """Return the key of a row that is joined with the rows it refers to."""
    key = _values(row, api_keys)
    user, member, project = _values(row, users), _values(row, members), _values(row, projects)
    session = Session(
        subject=user.get("id") or member.get("id") or key["id"],
        user=_noun(User, user),
        organization=_noun(Organization, _values(row, organizations)),
        member=_member(member, user),
        project=_project(project, _values(row, organizations)),
        api_key=_api_key(key, project),
        roles=tuple(user.get("roles", ())),
        scopes=tuple(key["scopes"]),
        created_at=key["created_at"],
        updated_at=key["updated_at"],
        expires_at=key["expires_at"],
    )
    return StoredKey(session, key["hash"], member.get("status"))


def stored_session(row: Row[Any], signin_rows: Iterable[Row[Any]]) -> StoredSession:
    """Return the session of a row that is joined with the rows it refers to, and of its sign-ins."""
    own = _values(row, sessions)
    user, member = _values(row, users), _values(row, members)
    session_signins = tuple(SignIn(**_fields(SignIn, _values(signin, signins))) for signin in signin_rows)
    session = Session(
        subject=user.get("id") or own["id"],
        id=own["id"],
        state=own["state"],
        user=_noun(User, user),
        organization=_noun(Organization, _values(row, organizations)),
        member=_member(member, user),
        workspace=_noun(Workspace, _values(row, workspaces)),
        device=_device(own),
        login=_login(own),
        roles=tuple(user.get("roles", ())),
        scopes=tuple(own["scopes"]),
        signins=session_signins,
        active_signin=next((signin for signin in session_signins if signin.id == own["active_signin_id"]), None),
        signin_attempts=tuple(own["signin_attempts"]),
        signup_attempts=tuple(own["signup_attempts"]),
        created_at=own["created_at"],
        updated_at=own["updated_at"],
        last_activity_at=own["last_activity_at"],
        expires_at=own["expires_at"],
        closed_at=own["closed_at"],
    )
    return StoredSession(session, member.get("status"), own["idle"])


def _values(row: Row[Any], table: Table) -> Values:
    """Return one table's part of a joined row; empty where the join found nothing."""
    mapping = row._mapping  # noqa: SLF001 - public in spite of its name: named tuples keep the plain ones for columns
    if mapping[table.c.id] is None:
        return {}
    return {column.name: mapping[column] for column in table.columns}


def _fields(noun: type[Noun], values: Values, prefix: str = "") -> dict[str, Any]:
    """Return the fields of `noun` that `values` have, `prefix` before each name."""
    return {name: values[prefix + name] for name in noun.__struct_fields__ if prefix + name in values}


def _noun(noun: type[Noun], values: Values) -> Noun | None:
    return noun(**_fields(noun, values)) if values else None


def _member(member: Values, user: Values) -> Member | None:
    """Return the member; a missing name or e-mail address is the user's."""
    if not member:
        return None
    return Member(
        id=member["id"],
        role=member["role"],
        email=member["email"] or user.get("email"),
        name=member["name"] or user.get("name"),
        metadata=member["metadata"],
    )


def _project(project: Values, organization: Values) -> Project | None:
    if not project:
        return None
    return Project(org_id=organization.get("uuid") or project["organization_id"], **_fields(Project, project))


def _api_key(key: Values, project: Values) -> ApiKey:
    fields = {
        "project_id": project.get("nano_id"),  # the document's `project_id`, not the column of that name
        "org_member_id": key["member_id"],
        "deleted": key["deleted_at"] is not None,
    }
    return ApiKey(**{**_fields(ApiKey, key), **fields})


def _device(session: Values) -> Device | None:
    fields = _fields(Device, session, "device_")
    return Device(**fields) if any(fields.values()) else None


def _login(session: Values) -> Login | None:
    return Login(**_fields(Login, session, "login_")) if session["login_at"] is not None else None
