"""The cases of `gateway test`: a request, who calls, and what is expected, in YAML."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationError, model_validator

from gateway.model.answers import Found, Reason, Rejected, Unavailable, Verdict
from gateway.model.decision import HeaderPairs
from gateway.model.errors import SettingsError
from gateway.model.session import ApiKey, Member, Organization, Project, Session, User, Workspace
from gateway.source.document import Document, load_document
from gateway.source.values import SettingsModel, StringList
from gateway.source.wording import problems_of
from gateway.wiring.explanation import CLIENT

_NO_TIME = datetime.fromtimestamp(0, UTC)


class CaseCaller(SettingsModel):
    """Who calls: a session in a few words, or the `answer` that a look-up would give instead of one.

    `by` is the reader that finds the credential, by default the first of the route. Without `user` the subject is a
    user; `user: null` says that there is none.
    """

    by: str = ""
    answer: Literal["unknown", "expired", "revoked", "gone", "forbidden", "ambiguous", "unavailable"] | None = None
    subject: str = ""
    session: str | None = None
    user: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    name: str | None = None
    roles: StringList = ()
    scopes: StringList = ()
    claims: dict[str, StringList] = Field(default_factory=dict)
    organization: str | None = None
    organization_name: str | None = None
    organization_role: str | None = None
    member: str | None = None
    workspace: str | None = None
    project: str | None = None
    project_id: str | None = None
    api_key: str | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if bool(self.subject) == (self.answer is not None):
            raise ValueError("needs a subject, or else the answer of the look-up")
        return self

    @property
    def verdict(self) -> Verdict:
        """What the look-up of this caller's credential says."""
        if self.answer == "unavailable":
            return Unavailable("the case says so")
        return Rejected(Reason(self.answer)) if self.answer is not None else Found(self._as_session())

    def _as_session(self) -> Session:
        user = self.user if "user" in self.model_fields_set else self.subject
        member = self.member or (self.subject if self.organization_role else None)
        return Session(
            subject=self.subject,
            id=self.session,
            user=User(id=user, email=self.email, email_verified=self.email_verified, name=self.name) if user else None,
            organization=Organization(id=self.organization, name=self.organization_name) if self.organization else None,
            member=Member(id=member, role=self.organization_role, email=self.email, name=self.name) if member else None,
            workspace=Workspace(id=self.workspace) if self.workspace else None,
            project=_project(self.project, self.project_id) if self.project else None,
            api_key=_api_key(self.api_key) if self.api_key else None,
            roles=self.roles,
            scopes=self.scopes,
            claims=self.claims,
        )


class Expected(SettingsModel):
    """What is expected; a key that is not written is not looked at.

    `status` is the gateway's own answer. `headers` are what the upstream gets; `null` says that it gets none of that
    name. `route: null` says that no route is met, and `own: true` that the gateway answers by itself.
    """

    allowed: bool | None = None
    status: int | None = None
    route: str | None = None
    rule: str | None = None
    headers: dict[str, str | None] = Field(default_factory=dict)
    own: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("must expect something: allowed, status, route, rule, headers, own")
        return self


def _listed(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {name: [each] if isinstance(each, str) else each for name, each in value.items()}


def _spelling_of_caller(value: object) -> str:
    """Tell a caller that is described from one that is named, so that a mistake is told of the one that is meant."""
    return "nobody" if value is None else "described" if isinstance(value, dict | CaseCaller) else "name"


class Case(SettingsModel):
    """One request, `[METHOD] URL`, who sends it, from which `peer`, and what is expected of it.

    `caller` is a name in `callers`, or a caller; nothing is a request that shows what its headers show, which then is
    nobody's.
    """

    request: str = Field(min_length=1)
    headers: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_listed)] = Field(default_factory=dict)
    caller: Annotated[
        Annotated[str, Tag("name")] | Annotated[CaseCaller, Tag("described")] | Annotated[None, Tag("nobody")],
        Discriminator(_spelling_of_caller),
    ] = None
    peer: str = CLIENT
    expect: Expected

    @property
    def method_and_url(self) -> tuple[str, str]:
        """The two words of `request`; a URL alone is asked for by GET."""
        method, space, url = self.request.partition(" ")
        return (method, url.strip()) if space else ("GET", self.request)

    def fields(self) -> HeaderPairs:
        """Return the header fields in order."""
        return tuple((name.encode(), value.encode()) for name, values in self.headers.items() for value in values)


def _some(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    if not cases:
        raise ValueError("must not be empty")
    return cases


class Cases(SettingsModel):
    """The content of a file of cases; `callers` have names, so that many cases can have one."""

    callers: dict[str, CaseCaller] = Field(default_factory=dict)
    cases: Annotated[tuple[Case, ...], AfterValidator(_some)]

    def caller(self, case: Case) -> CaseCaller | None:
        """Return who sends a case's request; raises KeyError for a name that `callers` lacks."""
        return self.callers[case.caller] if isinstance(case.caller, str) else case.caller


def read_cases(path: Path) -> tuple[Cases, Document]:
    """Read a file of cases; raises SettingsError with every problem found."""
    document = load_document(path)
    try:
        return Cases.model_validate(document.data if document.data is not None else {}), document
    except ValidationError as error:
        raise SettingsError(problems_of(error, document)) from None


def _project(nano_id: str, project_id: str | None) -> Project:
    return Project(
        auto_id=0,
        id=project_id or nano_id,
        nano_id=nano_id,
        org_id="",
        name="",
        email="",
        created_at=_NO_TIME,
        updated_at=_NO_TIME,
    )


def _api_key(key_id: str) -> ApiKey:
    return ApiKey(auto_id=0, id=key_id, type="", name="", created_at=_NO_TIME, updated_at=_NO_TIME)
