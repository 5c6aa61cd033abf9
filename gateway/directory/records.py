"""The schema of a records file.

Every row is named by its `id` and refers to others by theirs, in the same file or in the directory already.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from gateway.directory.record_values import AutoId, Id, Objects, RecordInstant, RecordText, TextList, as_tuple

_USUAL_KEY = 16
_SHORTEST_KEY = 6
_STORED_HASH = r"^(b1:[0-9a-f]{8}:[0-9a-f]{64}|sha256:[A-Za-z0-9_.-]{1,32}:[0-9a-f]{64})$"


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
    signins: Annotated[tuple[SignInRecord, ...], BeforeValidator(as_tuple)] = ()
    active_signin: Id | None = None
    signin_attempts: Objects = ()
    signup_attempts: Objects = ()
    created_at: RecordInstant | None = None
    updated_at: RecordInstant | None = None
    last_activity_at: RecordInstant | None = None
    expires_at: RecordInstant | None = None
    idle: Annotated[int, Field(ge=1)] | None = None
    closed_at: RecordInstant | None = None

    @model_validator(mode="after")
    def _sign_in_is_listed(self) -> Self:
        if self.active_signin is not None and self.active_signin not in {signin.id for signin in self.signins}:
            raise ValueError("active_signin is not the id of one of the signins")
        return self


class Records(Record):
    """A whole file."""

    organizations: Annotated[tuple[OrganizationRecord, ...], BeforeValidator(as_tuple)] = ()
    workspaces: Annotated[tuple[WorkspaceRecord, ...], BeforeValidator(as_tuple)] = ()
    users: Annotated[tuple[UserRecord, ...], BeforeValidator(as_tuple)] = ()
    members: Annotated[tuple[MemberRecord, ...], BeforeValidator(as_tuple)] = ()
    projects: Annotated[tuple[ProjectRecord, ...], BeforeValidator(as_tuple)] = ()
    api_keys: Annotated[tuple[ApiKeyRecord, ...], BeforeValidator(as_tuple)] = ()
    sessions: Annotated[tuple[SessionRecord, ...], BeforeValidator(as_tuple)] = ()
