"""API keys in HTTP Basic (RFC 7617), for programs that know no other way: git, docker, pip, Maven, WebDAV clients."""

from __future__ import annotations

from base64 import b64decode
from typing import Literal

from typing_extensions import override

from gateway.credentials.authorization import AUTHORIZATION, TOKEN68, AuthorizationScheme
from gateway.credentials.forms import Form, Place
from gateway.credentials.reader import UNREADABLE, Fingerprint, Reader, RepeatedError, only_value, value_of
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.values import StringList


class BasicSettings(CredentialSettings):
    """An API key as the password of HTTP Basic, or as its user name; the other half may be anything.

    With `prefix` each key begins with one of them.
    """

    kind: Literal["basic"]
    key: Literal["user", "password"] = "password"
    prefix: StringList = ()
    type: Literal["project", "user", "organization"]

    @property
    def form(self) -> Form:
        """What the keys look like."""
        return Form(self.prefix)

    @override
    def places(self) -> list[Place]:
        """Return where the key is looked for; another reader's form does not tell what Basic hides."""
        return [Place("header authorization", "basic")]


class BasicReader(Reader):
    """Reads `Authorization: Basic <name:password>`: `parts` is `(key,)`, and to authorities it is an API key as any.

    A browser that was once asked for a password sends it by itself, also for a foreign page: such a credential is
    `ambient`, and an `Origin` beside it counts as beside a cookie.
    """

    kind = CredentialKind.API_KEY
    headers = frozenset({AUTHORIZATION})
    cookies: frozenset[bytes] = frozenset()
    scheme = "basic"

    def __init__(self, name: str, settings: BasicSettings, fingerprint: Fingerprint) -> None:
        self.name = name
        self._is_user = settings.key == "user"
        self._scheme = AuthorizationScheme(self.scheme, TOKEN68)
        self._form = settings.form
        self._type = settings.type
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the key, `Ambiguous` for two `Authorization` fields, `None` for another scheme or none.

        What is no name and password, or has no key, reads as `UNREADABLE`, which every authority rejects.
        """
        values = access.headers.by_name.get(AUTHORIZATION)
        if values is None:
            return None
        try:
            pair = self._scheme.secret_of(only_value(values))
        except RepeatedError:
            return Ambiguous(self.name)
        if not pair:
            return None
        key = self._key(pair)
        parts = (key if key and self._form.includes(key) else UNREADABLE,)
        return Credential(self.name, self.kind, self._type, parts, self._fingerprint(parts), ambient=True)

    def _key(self, pair: str) -> str:
        """Return the half that is the key; the first colon ends the user name (RFC 7617 section 2)."""
        try:
            user, colon, password = b64decode(pair, validate=True).partition(b":")
        except ValueError:
            return ""
        return value_of(user if self._is_user else password) if colon else ""

    @override
    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: no header makes a client forget a password."""
        return ()


KIND = CredentialReaderKind(
    "basic",
    BasicSettings,
    lambda settings, parts: BasicReader(parts.name, settings, parts.fingerprint),
)
