"""Any product's JSON session endpoint, spoken as the config describes it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from msgspec.structs import replace
from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from typing_extensions import override

from gateway.dialects.claims import ClaimMap, instant_at, session_of_claims
from gateway.dialects.custom_conditions import AnswerCondition, SessionAnswer, conditions
from gateway.dialects.dialect import DialectClient, RemoteRequest, RemoteResponse
from gateway.dialects.dialect_kind import ClientFactory, DialectKind, SpokenSettings
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential
from gateway.source.json_paths import JsonPath, JsonPlace
from gateway.source.names import CookieName, FieldName, FixedFields, is_token
from gateway.source.values import SettingsModel, field_faults

_WORD = re.compile(r"[!-~]+", re.ASCII)
_COOKIE_VALUE = re.compile(r"[!-:<-~]+", re.ASCII)
"""What a secret may hold to be sent: behind a line end another field would begin, and behind `;` another cookie."""


def _scheme(value: str) -> str:
    if not is_token(value):
        raise ValueError("a scheme is one word: Token, ApiKey")
    return value


class SendSettings(SettingsModel):
    """Where the credential is sent: a cookie, a header (behind a `scheme`, where it has one), or as a bearer token."""

    cookie: CookieName | None = None
    header: FieldName | None = None
    scheme: Annotated[str, AfterValidator(_scheme)] | None = None
    bearer: Literal[True] | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_not_told_to_logs(cls, data: Any) -> Any:
        if isinstance(data, dict) and "query" in data:
            raise field_faults({"query": "is refused: a query is in the logs of all who carry it; name a header"})
        return data

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        ways = [name for name in ("cookie", "header", "bearer") if getattr(self, name)]
        if len(ways) != 1:
            raise ValueError("is one of {cookie: NAME}, {header: NAME} and {bearer: true}")
        if self.scheme is not None and self.header is None:
            raise field_faults({"scheme": "stands before a credential in a header"})
        return self

    @property
    def field(self) -> str:
        """The header field that carries it."""
        return self.header or ("Cookie" if self.cookie else "Authorization")

    def value(self, secret: str) -> str | None:
        """Return the field's value, `None` for a secret that cannot stand there."""
        if not (_COOKIE_VALUE if self.cookie else _WORD).fullmatch(secret):
            return None
        if self.cookie:
            return f"{self.cookie}={secret}"
        scheme = "Bearer" if self.bearer else self.scheme
        return f"{scheme} {secret}" if scheme else secret


class CustomClaimMap(ClaimMap):
    """Where the fields of a session are in the answer, by their paths; what is not named is not read."""

    subject: JsonPlace = Field(min_length=1)
    session: JsonPlace = ""
    email: JsonPlace = ""
    email_verified: JsonPlace = ""
    name: JsonPlace = ""
    username: JsonPlace = ""
    first_name: JsonPlace = ""
    last_name: JsonPlace = ""
    image_url: JsonPlace = ""
    roles: JsonPath = ""
    scopes: JsonPath = ""
    organization: JsonPlace = ""
    organization_name: JsonPlace = ""
    organization_role: JsonPlace = ""
    workspace: JsonPlace = ""
    expires_at: JsonPlace = ""


Conditions = Annotated[tuple[AnswerCondition, ...], BeforeValidator(conditions)]
"""One condition or a list; a number is a status alone."""


class CustomSettings(SpokenSettings):
    """How a product's endpoint is asked, and how its answer is read.

    `nobody` and `forbidden` are looked at before `found`; a 401 is nobody by itself. `claims` say where the session's
    fields are in the answer.
    """

    send: SendSettings
    method: Literal["GET", "POST"] = "GET"
    headers: FixedFields = Field(default_factory=dict)
    found: AnswerCondition = AnswerCondition()
    nobody: Conditions = ()
    forbidden: Conditions = ()
    claims: CustomClaimMap

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        faults = {}
        if self.found in (*self.nobody, *self.forbidden):
            faults["found"] = "is nobody's or forbidden too, which is looked at first: nobody would ever be found"
        if self.send.field.lower() in map(str.lower, self.headers):
            faults["headers"] = f"{self.send.field} carries the credential"
        if faults:
            raise field_faults(faults)
        return self


class Custom(DialectClient):
    """Asks any JSON session endpoint, as the config says; a claim that rules or headers ask for is in `claims.free`."""

    name = "custom"

    def __init__(self, settings: CustomSettings) -> None:
        self._settings = settings
        self._free = tuple(settings.claims.free)
        self._fixed = tuple((name, value.get_secret_value()) for name, value in settings.headers.items())

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the credential where the config says; one of two parts has no place there."""
        value = self._settings.send.value(credential.parts[0]) if len(credential.parts) == 1 else None
        if value is None or session_id:
            return None
        return RemoteRequest(((self._settings.send.field, value), *self._fixed), method=self._settings.method)

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return whose session it is; what is neither `found` nor `nobody` says nothing."""
        answer, settings = SessionAnswer.of(response), self._settings
        if any(condition.is_met_by(answer) for condition in settings.forbidden):
            return Rejected(Reason.FORBIDDEN, "the authority's answer is one of `forbidden`")
        if response.status == _UNAUTHORIZED or any(condition.is_met_by(answer) for condition in settings.nobody):
            return Rejected(Reason.UNKNOWN, "the authority's answer is one of `nobody`")
        if not answer.is_object or not settings.found.is_met_by(answer):
            return Undecided(f"{answer.described}, which is neither `found` nor `nobody`", response.retry_after or 1)
        return self._found(answer)

    def _found(self, answer: SessionAnswer) -> Found | Unavailable:
        session = session_of_claims(answer.document, self._settings.claims, free=self._free, numbers=True)
        if session is None:
            return Undecided(f"the authority's answer has no id at {self._settings.claims.subject}")
        try:
            expires_at = instant_at(answer.document, self._settings.claims.expires_at)
        except ValueError:
            return Undecided(f"the authority's answer has no time at {self._settings.claims.expires_at}")
        return Found(session if expires_at is None else replace(session, expires_at=expires_at))


_UNAUTHORIZED = 401

KIND = DialectKind("custom", spoken=ClientFactory(Custom, CustomSettings))
