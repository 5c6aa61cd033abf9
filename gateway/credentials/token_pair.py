"""A user id and a token, in two headers (Rocket.Chat's way)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator
from typing_extensions import override

from gateway.credentials.forms import Place
from gateway.credentials.reader import Fingerprint, Reader, RepeatedError, only_value
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.names import FieldName


class TokenPairSettings(CredentialSettings):
    """A user id in `user_header` and a token in `token_header`.

    `session_header` names the session, for remote authorities that must be asked about one of the user's sessions.
    """

    kind: Literal["token_pair"]
    user_header: FieldName
    token_header: FieldName
    session_header: FieldName | None = None

    @override
    def places(self) -> list[Place]:
        """Return where the pair is looked for; its session id alone is no credential."""
        return [Place(f"header {header.lower()}") for header in (self.user_header, self.token_header)]

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        names = [name.lower() for name in (self.user_header, self.token_header, self.session_header) if name]
        if len(set(names)) < len(names):
            raise ValueError("user_header, token_header and session_header must be different headers")
        return self


class TokenPairReader(Reader):
    """Reads both headers: `parts` is `(user id, token)`, or `(user id, token, session id)` where one is named."""

    kind = CredentialKind.TOKEN_PAIR
    cookies: frozenset[bytes] = frozenset()

    def __init__(self, name: str, settings: TokenPairSettings, fingerprint: Fingerprint) -> None:
        self.name = name
        self._user = settings.user_header.lower().encode("ascii")
        self._token = settings.token_header.lower().encode("ascii")
        self._session = settings.session_header.lower().encode("ascii") if settings.session_header else None
        self.headers = frozenset(header for header in (self._user, self._token, self._session) if header is not None)
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the pair, `None` for half of one, and `Ambiguous` when any of its fields is there twice."""
        headers = access.headers
        if self.headers.isdisjoint(headers.by_name):
            return None
        try:
            user = only_value(headers.all(self._user))
            token = only_value(headers.all(self._token))
            session = only_value(headers.all(self._session)) if self._session is not None else ""
        except RepeatedError:
            return Ambiguous(self.name)
        if not (user and token):
            return None
        parts = (user, token, session) if session else (user, token)
        return Credential(self.name, self.kind, "", parts, self._fingerprint(parts))

    @override
    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: clients store pairs by themselves."""
        return ()


KIND = CredentialReaderKind(
    "token_pair",
    TokenPairSettings,
    lambda settings, parts: TokenPairReader(parts.name, settings, parts.fingerprint),
)
