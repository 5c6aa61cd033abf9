"""The schema of a records file.

Every row is named by its `id` and refers to others by theirs, in the same file or in the directory already.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from gateway.directory.stored import FIRST_MOMENT, LAST_MOMENT

_INSTANT = "a time is RFC 3339 with a time zone, quoted or not: 2024-12-19T15:30:00Z"
_ID = re.compile(r"[!-~]{1,255}")
_USUAL_KEY = 16
_SHORTEST_KEY = 6
_STORED_HASH = r"^(b1:[0-9a-f]{8}:[0-9a-f]{64}|sha256:[A-Za-z0-9_.-]{1,32}:[0-9a-f]{64})$"
_MAX_INTEGER = 2**31 - 1  # PostgreSQL's integer


def _instant(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(_INSTANT)  # noqa: TRY004 - pydantic makes a problem of a ValueError, a crash of a TypeError
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(_INSTANT) from None
    if instant.tzinfo is None:
        raise ValueError(_INSTANT)
    if not FIRST_MOMENT <= instant <= LAST_MOMENT:
        raise ValueError("is no instant between the years 1 and 9999")
    return instant.astimezone(UTC)


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("an id is 1 to 255 printable ASCII characters without spaces")
    return value


def _text(value: str) -> str:
    if "\0" in value:  # PostgreSQL cannot hold it
        raise ValueError("holds a NUL character")
    return value


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


RecordInstant = Annotated[datetime, BeforeValidator(_instant)]
Id = Annotated[str, AfterValidator(_id)]
RecordText = Annotated[str, AfterValidator(_text)]
TextList = Annotated[tuple[RecordText, ...], BeforeValidator(_frozen)]
AutoId = Annotated[int, Field(ge=1, le=_MAX_INTEGER)]
Objects = Annotated[tuple[dict[str, Any], ...], BeforeValidator(_frozen)]


class Record(BaseModel):
    """Base of every record: unknown keys are errors, values are not converted, and no error text quotes one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class OrganizationRecord(Record):
    """An organization; `uuid` is the `org_id` of its projects, where that is not its id."""

    id: Id
    uuid: Id | None = None
    name: RecordText | None = None
    slug: RecordText | None = None
    plan: RecordText | None = None
    image_url: RecordText | None = None


class WorkspaceRecord(Record):
    """A workspace within an organization."""

    id: Id
    organization: Id
    name: RecordText | None = None
    slug: RecordText | None = None


class UserRecord(Record):
    """A person or machine that signs in; `roles` count in every organization."""

    id: Id
    email: RecordText | None = None
    name: RecordText | None = None
    username: RecordText | None = None
    first_name: RecordText | None = None
    last_name: RecordText | None = None
    image_url: RecordText | None = None
    roles: TextList = ()
    created_at: RecordInstant | None = None
    updated_at: RecordInstant | None = None


class MemberRecord(Record):
    """A member of an organization; without a `user` it can only use keys. A `suspended` one gets 403."""

    id: Id
    organization: Id
    user: Id | None = None
    role: RecordText | None = None
    email: RecordText | None = None
    name: RecordText | None = None
    metadata: dict[str, Any] = {}
    status: Literal["active", "suspended"] = "active"


class ProjectRecord(Record):
    """A project of an organization; `name` and `nano_id` are its id where they are missing."""

    id: Id
    auto_id: AutoId | None = None
    nano_id: Id | None = None
    organization: Id
    name: RecordText | None = None
    email: RecordText = ""
    webhook_url: RecordText | None = None
    event_webhook_url: RecordText | None = None
    webhook_secret: RecordText | None = None
    triggers_enabled: bool = False
    last_subscribed_at: RecordInstant | None = None
    deleted: bool = False
    is_new_webhook: bool = False
    webhook_version: Literal["V1", "V2", "V3"] = "V1"
    created_at: RecordInstant | None = None
    updated_at: RecordInstant | None = None


class KeyHashRecord(Record):
    """A key of another product, of which only the hash is known: SHA-256 in hexadecimal, without a salt.

    `source` names the product, and stands in the directory's `imported_keys`. `prefix` is the key's beginning, by which
    its owner recognizes it.
    """

    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}$")]
    prefix: Annotated[RecordText, Field(max_length=12)] = ""


class ApiKeyRecord(Record):
    """A key of a member; its organization is the member's. Of `key` only a hash and a short beginning are stored.

    Another product's key may be here by its `key_hash`. `short: true` takes a key of fewer than 16 characters,
    which can be guessed sooner. An export has a key's `stored_hash`, or without hashes its `prefix` alone: where the
    directory does not have that key, nothing opens it.
    """

    id: Id
    auto_id: AutoId | None = None
    type: Literal["project", "user", "organization"]
    name: RecordText | None = None
    key: SecretStr | None = Field(default=None, min_length=_SHORTEST_KEY, max_length=512)
    key_hash: KeyHashRecord | None = None
    stored_hash: Annotated[str, Field(pattern=_STORED_HASH)] | None = None
    prefix: Annotated[RecordText, Field(max_length=12)] | None = None
    short: bool = False
    project: Id | None = None
    member: Id
    scopes: TextList = ()
    created_at: RecordInstant | None = None
    updated_at: RecordInstant | None = None
    expires_at: RecordInstant | None = None
    deleted_at: RecordInstant | None = None

    @model_validator(mode="after")
    def _one_key_and_no_short_one(self) -> Self:
        given = [self.key is not None, self.key_hash is not None, self.stored_hash is not None]
        if sum(given) > 1 or (not any(given) and self.prefix is None):
            raise ValueError("needs its key, or else its key_hash")
        if self.key is not None and not self.short and len(self.key.get_secret_value()) < _USUAL_KEY:
            raise ValueError(f"a key has at least {_USUAL_KEY} characters; short: true takes one from {_SHORTEST_KEY}")
        return self

    @model_validator(mode="after")
    def _project_as_type_says(self) -> Self:
        if self.type == "project" and self.project is None:
            raise ValueError("a key of the type project names its project")
        if self.type == "organization" and self.project is not None:
            raise ValueError("a key of the type organization names no project")
        return self


class DeviceRecord(Record):
    """The device that a session was opened from."""

    type: RecordText | None = None
    name: RecordText | None = None
    version: RecordText | None = None
    long_version: RecordText | None = None
    os_name: RecordText | None = None
    os_version: RecordText | None = None


class LoginRecord(Record):
    """How a chat session was opened: by `token`, of which the documented hash is stored, or by that `token_hash`."""

    at: RecordInstant
    document_id: RecordText | None = None
    type: RecordText | None = None
    instance_id: RecordText | None = None
    token: SecretStr | None = Field(default=None, min_length=16, max_length=512)
    token_hash: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")] | None = None
    ip: RecordText | None = None
    host: RecordText | None = None
    most_important_role: RecordText | None = None
    search_term: RecordText | None = None

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.token is not None and self.token_hash is not None:
            raise ValueError("give token or token_hash, not both")
        return self


class SignInRecord(Record):
    """One signing-in within a session; by default of the session's user."""

    id: Id
    user: Id | None = None
    created_at: RecordInstant


class SessionRecord(Record):
    """A session of a user; one that has `closed_at`, or another state than `active`, is logged out.

    Where `device` is missing, it is read from `user_agent`. `active_signin` is the id of one of `signins`.
    """

    id: Id
    user: Id
    organization: Id | None = None
    workspace: Id | None = None
    state: RecordText | None = None
    scopes: TextList = ()
    device: DeviceRecord | None = None
    user_agent: Annotated[RecordText, Field(max_length=2048)] | None = None
    login: LoginRecord | None = None
    signins: Annotated[tuple[SignInRecord, ...], BeforeValidator(_frozen)] = ()
    active_signin: Id | None = None
    signin_attempts: Objects = ()
    signup_attempts: Objects = ()
    created_at: RecordInstant | None = None
    updated_at: RecordInstant | None = None
    last_activity_at: RecordInstant | None = None
    expires_at: RecordInstant | None = None
    closed_at: RecordInstant | None = None

    @model_validator(mode="after")
    def _sign_in_is_listed(self) -> Self:
        if self.active_signin is not None and self.active_signin not in {signin.id for signin in self.signins}:
            raise ValueError("active_signin is not the id of one of the signins")
        return self


class Records(Record):
    """A whole file."""

    organizations: Annotated[tuple[OrganizationRecord, ...], BeforeValidator(_frozen)] = ()
    workspaces: Annotated[tuple[WorkspaceRecord, ...], BeforeValidator(_frozen)] = ()
    users: Annotated[tuple[UserRecord, ...], BeforeValidator(_frozen)] = ()
    members: Annotated[tuple[MemberRecord, ...], BeforeValidator(_frozen)] = ()
    projects: Annotated[tuple[ProjectRecord, ...], BeforeValidator(_frozen)] = ()
    api_keys: Annotated[tuple[ApiKeyRecord, ...], BeforeValidator(_frozen)] = ()
    sessions: Annotated[tuple[SessionRecord, ...], BeforeValidator(_frozen)] = ()
