"""The nouns of the directory as the API offers them, and what is only a user's or a session's."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec

from gateway.admin import record_grants
from gateway.admin.api_operation import ApiOperation, ApiRequest
from gateway.admin.problems import ProblemError
from gateway.admin.record_operations import OpenRecords, RecordNoun, noun_operations, require_grant, run_once
from gateway.directory.operations.api_key_operations import rotate_key
from gateway.directory.operations.api_key_rows import IssuedKey
from gateway.directory.operations.audit_trail import AuditEntry, AuditFilter, list_audit
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.nouns import NOUNS
from gateway.directory.operations.paging import Page, PageOrder
from gateway.directory.operations.password_operations import PasswordChange, change_password
from gateway.directory.operations.session_operations import end_session, end_sessions
from gateway.directory.operations.session_rows import IssuedSession
from gateway.source.values import parse_duration

_LONGEST_OVERLAP = 366 * 86400.0
"""Seconds: a year."""

OFFERED = (
    RecordNoun(
        noun="user",
        plural="users",
        operations=NOUNS["user"],
        grant_of_new=record_grants.of_new_user,
        grant_of_change=record_grants.of_user,
    ),
    RecordNoun(noun="organization", plural="organizations", operations=NOUNS["organization"]),
    RecordNoun(
        noun="member",
        plural="members",
        operations=NOUNS["member"],
        grant_of_new=record_grants.of_new_member,
        grant_of_change=record_grants.of_member,
    ),
    RecordNoun(noun="workspace", plural="workspaces", operations=NOUNS["workspace"]),
    RecordNoun(noun="project", plural="projects", operations=NOUNS["project"]),
    RecordNoun(
        noun="key",
        plural="keys",
        operations=NOUNS["api_key"],
        made=IssuedKey,
        row_in="api_key",
        grant_of_new=record_grants.of_new_key,
        grant_of_change=record_grants.of_key,
    ),
    RecordNoun(
        noun="session",
        plural="sessions",
        operations=NOUNS["session"],
        made=IssuedSession,
        row_in="session",
        grant_of_new=record_grants.of_new_session,
        grant_of_change=record_grants.of_session,
    ),
    RecordNoun(noun="signin", plural="signins", operations=NOUNS["signin"]),
)


class RotateKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the old key stays good beside the new one: seconds, or `24h`."""

    overlap: str | float = 0.0

    def seconds(self) -> float:
        """Return the overlap; raises ProblemError."""
        try:
            seconds = parse_duration(self.overlap) if isinstance(self.overlap, str) else self.overlap
        except ValueError as fault:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_record", f"overlap: {fault}") from None
        if not 0 <= seconds <= _LONGEST_OVERLAP:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_record", "overlap: from 0 to a year")
        return seconds


class EndedOfUser(msgspec.Struct, frozen=True):
    """The sessions that were live until then, by their ids."""

    ended: tuple[str, ...]


class KeptSession(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which session stays."""

    id: Annotated[str | None, msgspec.Meta(description="The session that is not ended")] = msgspec.field(
        default=None, name="except"
    )


def record_operations(records: OpenRecords) -> tuple[ApiOperation, ...]:
    """Return every operation on records."""
    nouns = [each for noun in OFFERED for each in noun_operations(noun, records)]
    of_users = (_ending_of_all(records), _setting_password(records))
    return (*nouns, _rotating(records), _ending(records), *of_users, _auditing(records))


def _rotating(records: OpenRecords) -> ApiOperation:
    async def rotate(request: ApiRequest) -> IssuedKey:
        seconds, opened = request.body.seconds(), await records(request)
        await require_grant(record_grants.of_key, opened.context, request)

        async def rotated(context: OperationContext, _body: RotateKey) -> IssuedKey:
            return await rotate_key(context, request.id, seconds, request.expected)

        made: IssuedKey = await run_once(opened, request, rotated, IssuedKey)
        return made

    return ApiOperation(
        name="rotate_key",
        method="POST",
        path="/v1/keys/{id}/rotate",
        summary="Make a new secret for the same: the old key is good for the overlap",
        permission="keys.rotate",
        run=rotate,
        body=RotateKey,
        answer=IssuedKey,
        row_in="api_key",
        status=201,
        creates=True,
        versioned=True,
    )


def _ending(records: OpenRecords) -> ApiOperation:
    async def end(request: ApiRequest) -> None:
        await end_session((await records(request)).context, request.id)

    return ApiOperation(
        name="end_session",
        method="DELETE",
        path="/v1/sessions/{id}",
        summary="End one session: it is refused everywhere from now on",
        permission="sessions.end",
        run=end,
    )


def _ending_of_all(records: OpenRecords) -> ApiOperation:
    async def end_all(request: ApiRequest) -> EndedOfUser:
        (kept_session,) = request.query
        return EndedOfUser(await end_sessions((await records(request)).context, request.id, kept_session.id))

    return ApiOperation(
        name="end_sessions_of_user",
        method="DELETE",
        path="/v1/users/{id}/sessions",
        summary="End every session of one user, but for one that is named",
        permission="sessions.end",
        run=end_all,
        query=(KeptSession,),
        answer=EndedOfUser,
    )


def _setting_password(records: OpenRecords) -> ApiOperation:
    async def set_one(request: ApiRequest) -> None:
        opened = await records(request)
        await require_grant(record_grants.of_password, opened.context, request)
        await change_password(opened.context, opened.passwords, request.id, request.body)

    return ApiOperation(
        name="set_password_of_user",
        method="PUT",
        path="/v1/users/{id}/password",
        summary="Give one user a password, or null for none any more; the user's sessions end unless they are kept",
        permission="users.password",
        run=set_one,
        body=PasswordChange,
    )


def _auditing(records: OpenRecords) -> ApiOperation:
    async def list_entries(request: ApiRequest) -> Page[AuditEntry]:
        wanted, order = request.query
        return await list_audit((await records(request)).context, wanted, order)

    return ApiOperation(
        name="list_audit",
        method="GET",
        path="/v1/audit",
        summary="A page of the changes of records, the newest first",
        permission="audit.read",
        run=list_entries,
        query=(AuditFilter, PageOrder),
        answer=Page[AuditEntry],
    )
