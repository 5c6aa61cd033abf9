"""API keys, in a header of their own or behind a scheme in `Authorization`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator
from typing_extensions import override

from gateway.credentials.authorization import AUTHORIZATION, VISIBLE, AuthorizationScheme, SchemeName
from gateway.credentials.forms import Form, Place
from gateway.credentials.reader import UNREADABLE, Fingerprint, Reader, RepeatedError, only_value
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.names import FieldName
from gateway.source.values import StringList


class ApiKeySettings(CredentialSettings):
    """An API key in `header`; a key that the authority knows under another `type` is not this reader's.

    With a `scheme` it stands behind that word, in `Authorization` unless `header` says otherwise. With `prefix` each
    key begins with one of them.
    """

    kind: Literal["api_key"]
    header: FieldName | None = None
    scheme: SchemeName | None = None
    prefix: StringList = ()
    type: Literal["project", "user", "organization"]

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.scheme is None and self.header is None:
            raise ValueError("needs a header, or a scheme of Authorization")
        return self

    @property
    def form(self) -> Form:
        """What the keys look like."""
        return Form(self.prefix)

    @property
    def field(self) -> str:
        """The header's name in lower case."""
        return (self.header or AUTHORIZATION.decode("ascii")).lower()

    @override
    def places(self) -> list[Place]:
        """Return where the key is looked for."""
        return [Place(f"header {self.field}", (self.scheme or "").lower(), self.form)]


class ApiKeyReader(Reader):
    """Reads one header field as a key, whole or behind the scheme: `parts` is `(key,)`."""

    kind = CredentialKind.API_KEY
    cookies: frozenset[bytes] = frozenset()

    def __init__(self, name: str, settings: ApiKeySettings, fingerprint: Fingerprint) -> None:
        self.name = name
        self._header = settings.field.encode("ascii")
        self.headers = frozenset({self._header})
        self._scheme = AuthorizationScheme(settings.scheme, VISIBLE) if settings.scheme is not None else None
        self.scheme = self._scheme.name if self._scheme is not None else ""
        self._form = settings.form
        self._type = settings.type
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the key, `Ambiguous` for two such fields, `None` for none, an empty one or another scheme."""
        values = access.headers.by_name.get(self._header)
        if values is None:
            return None
        try:
            key = only_value(values)
        except RepeatedError:
            return Ambiguous(self.name)
        if self._scheme is not None:
            key = self._scheme.secret_of(key)
        if not key:
            return None
        parts = (key if self._form.includes(key) else UNREADABLE,)
        return Credential(self.name, self.kind, self._type, parts, self._fingerprint(parts))

    @override
    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: a client does not take its key from our answers."""
        return ()


KIND = CredentialReaderKind(
    "api_key",
    ApiKeySettings,
    lambda settings, parts: ApiKeyReader(parts.name, settings, parts.fingerprint),
)
