"""Bearer tokens in `Authorization` (RFC 6750 section 2.1)."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from gateway.credentials.authorization import AUTHORIZATION, TOKEN68, AuthorizationScheme
from gateway.credentials.forms import Form, Place
from gateway.credentials.reader import UNREADABLE, Fingerprint, Reader, RepeatedError, only_value
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.values import StringList


class BearerSettings(CredentialSettings):
    """A bearer token in `Authorization`.

    `form: jwt` takes signed tokens alone, `prefix` those that begin with one of them, so that other readers may take
    the rest.
    """

    kind: Literal["bearer"]
    form: Literal["any", "jwt"] = "any"
    prefix: StringList = ()

    @override
    def places(self) -> list[Place]:
        """Return where the token is looked for."""
        return [Place("header authorization", "bearer", Form(self.prefix, self.form == "jwt"))]


class BearerReader(Reader):
    """Reads `Authorization: Bearer <token>`: `parts` is `(token,)`.

    Tokens in query or body (RFC 6750 sections 2.2 and 2.3) are not read, as they would end up in logs.
    """

    kind = CredentialKind.BEARER
    headers = frozenset({AUTHORIZATION})
    cookies: frozenset[bytes] = frozenset()
    scheme = "bearer"

    def __init__(self, name: str, settings: BearerSettings, fingerprint: Fingerprint) -> None:
        self.name = name
        self._scheme = AuthorizationScheme(self.scheme, TOKEN68)
        self._form = settings.places()[0].form
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the token, `Ambiguous` for two `Authorization` fields, `None` for another scheme or none.

        A malformed token after `Bearer`, or one of another form, reads as `UNREADABLE`, which every authority rejects.
        """
        values = access.headers.by_name.get(AUTHORIZATION)
        if values is None:
            return None
        try:
            token = self._scheme.secret_of(only_value(values))
        except RepeatedError:
            return Ambiguous(self.name)
        if not token:
            return None
        parts = (token if self._form.includes(token) else UNREADABLE,)
        return Credential(self.name, self.kind, "", parts, self._fingerprint(parts))

    @override
    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: clients store tokens by themselves."""
        return ()


KIND = CredentialReaderKind(
    "bearer",
    BearerSettings,
    lambda settings, parts: BearerReader(parts.name, settings, parts.fingerprint),
)
