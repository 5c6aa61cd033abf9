"""Every noun of the directory and its operations, for whoever offers all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from gateway.directory.operations import (
    api_key_operations,
    api_key_rows,
    member_operations,
    organization_operations,
    project_operations,
    session_operations,
    session_rows,
    signin_records,
    user_operations,
    workspace_operations,
)
from gateway.directory.operations.record_table import RecordRow, RecordTable

RunOperation = Callable[..., Awaitable[Any]]


class NounOperations(msgspec.Struct, frozen=True, kw_only=True):
    """The operations of one noun, and the structs that they take; what makes no sense for it is None.

    `show(context, id)` and `change(context, id, change, expected=None)` return a row, `list(context, wanted, order)` a
    page of them. `create(context, new)` returns a row, of keys and sessions the row with its secrets.
    `delete(context, id, expected=None)` deletes a row for good, and marks a key; `end(context, id)` logs a session out.
    """

    table: RecordTable[Any]
    row: type[RecordRow]
    wanted: type[msgspec.Struct]
    show: RunOperation
    list: RunOperation
    new: type[msgspec.Struct] | None = None
    create: RunOperation | None = None
    changes: type[msgspec.Struct] | None = None
    change: RunOperation | None = None
    delete: RunOperation | None = None
    end: RunOperation | None = None


NOUNS: dict[str, NounOperations] = {
    "user": NounOperations(
        table=user_operations.USERS,
        row=user_operations.UserRow,
        wanted=user_operations.UserFilter,
        new=user_operations.NewUser,
        changes=user_operations.UserChange,
        show=user_operations.show_user,
        list=user_operations.list_users,
        create=user_operations.create_user,
        change=user_operations.change_user,
        delete=user_operations.delete_user,
    ),
    "organization": NounOperations(
        table=organization_operations.ORGANIZATIONS,
        row=organization_operations.OrganizationRow,
        wanted=organization_operations.OrganizationFilter,
        new=organization_operations.NewOrganization,
        changes=organization_operations.OrganizationChange,
        show=organization_operations.show_organization,
        list=organization_operations.list_organizations,
        create=organization_operations.create_organization,
        change=organization_operations.change_organization,
        delete=organization_operations.delete_organization,
    ),
    "member": NounOperations(
        table=member_operations.MEMBERS,
        row=member_operations.MemberRow,
        wanted=member_operations.MemberFilter,
        new=member_operations.NewMember,
        changes=member_operations.MemberChange,
        show=member_operations.show_member,
        list=member_operations.list_members,
        create=member_operations.create_member,
        change=member_operations.change_member,
        delete=member_operations.delete_member,
    ),
    "workspace": NounOperations(
        table=workspace_operations.WORKSPACES,
        row=workspace_operations.WorkspaceRow,
        wanted=workspace_operations.WorkspaceFilter,
        new=workspace_operations.NewWorkspace,
        changes=workspace_operations.WorkspaceChange,
        show=workspace_operations.show_workspace,
        list=workspace_operations.list_workspaces,
        create=workspace_operations.create_workspace,
        change=workspace_operations.change_workspace,
        delete=workspace_operations.delete_workspace,
    ),
    "project": NounOperations(
        table=project_operations.PROJECTS,
        row=project_operations.ProjectRow,
        wanted=project_operations.ProjectFilter,
        new=project_operations.NewProject,
        changes=project_operations.ProjectChange,
        show=project_operations.show_project,
        list=project_operations.list_projects,
        create=project_operations.create_project,
        change=project_operations.change_project,
        delete=project_operations.delete_project,
    ),
    "api_key": NounOperations(
        table=api_key_rows.API_KEYS,
        row=api_key_rows.ApiKeyRow,
        wanted=api_key_rows.KeyFilter,
        new=api_key_rows.NewKey,
        changes=api_key_rows.KeyChange,
        show=api_key_operations.show_key,
        list=api_key_operations.list_keys,
        create=api_key_operations.create_key,
        change=api_key_operations.change_key,
        delete=api_key_operations.delete_key,
    ),
    "session": NounOperations(
        table=session_rows.SESSIONS,
        row=session_rows.SessionRow,
        wanted=session_rows.SessionFilter,
        new=session_rows.NewSession,
        changes=session_rows.SessionChange,
        show=session_operations.show_session,
        list=session_operations.list_sessions,
        create=session_operations.create_session,
        change=session_operations.change_session,
        end=session_operations.end_session,
    ),
    "signin": NounOperations(
        table=signin_records.SIGNINS,
        row=signin_records.SignInRow,
        wanted=signin_records.SignInFilter,
        show=signin_records.show_signin,
        list=signin_records.list_signins,
        delete=signin_records.delete_signin,
    ),
}
