"""Tokens and keys among the protocols of a WebSocket's handshake, the one field that a page can write there."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Literal

from pydantic import field_validator
from typing_extensions import override

from gateway.credentials.forms import Form, Place
from gateway.credentials.reader import UNREADABLE, Fingerprint, Reader, RepeatedError, only_value, value_of
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.model.headers import Headers
from gateway.source.names import is_token

_FIELD = b"sec-websocket-protocol"


class WebSocketProtocolSettings(CredentialSettings):
    """A token behind `begins` in a protocol of `Sec-WebSocket-Protocol`, or an API key where there is a `type`.

    `base64url` says that it is encoded so (RFC 4648 section 5), as Kubernetes does behind
    `base64url.bearer.authorization.k8s.io.`.
    """

    kind: Literal["websocket_protocol"]
    begins: str
    base64url: bool = False
    type: Literal["project", "user", "organization"] | None = None

    @field_validator("begins")
    @classmethod
    def _is_token(cls, value: str) -> str:
        if not is_token(value):
            raise ValueError("a protocol begins with letters, digits and signs as `.`: bearer.")
        return value

    @override
    def places(self) -> list[Place]:
        """Return where the secret is looked for."""
        return [Place("protocol of a WebSocket", form=Form((self.begins,)))]


class WebSocketProtocolReader(Reader):
    """Reads one protocol of the list: `parts` is `(token,)` or `(key,)`."""

    headers: frozenset[bytes] = frozenset()  # the field itself stays, for the other protocols in it
    cookies: frozenset[bytes] = frozenset()

    def __init__(self, name: str, settings: WebSocketProtocolSettings, fingerprint: Fingerprint) -> None:
        self.name = name
        self.kind = CredentialKind.API_KEY if settings.type else CredentialKind.BEARER
        self._begins = settings.begins.encode("ascii")
        self._is_encoded = settings.base64url
        self._type = settings.type or ""
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the secret, `Ambiguous` for two such protocols, `None` for none."""
        if _FIELD not in access.headers.by_name:
            return None
        try:
            secret = only_value([each for each in _protocols(access) if each.startswith(self._begins)])
        except RepeatedError:
            return Ambiguous(self.name)
        if not secret:
            return None
        parts = (self._secret(secret) or UNREADABLE,)
        return Credential(self.name, self.kind, self._type, parts, self._fingerprint(parts))

    def _secret(self, protocol: str) -> str:
        """Return what stands behind the beginning, empty for what is nothing or not encoded as it should be."""
        if protocol == UNREADABLE:
            return ""
        secret = protocol[len(self._begins) :]
        if not self._is_encoded:
            return secret
        try:
            return value_of(urlsafe_b64decode(secret.rstrip("=") + "=" * (-len(secret.rstrip("=")) % 4)))
        except (binascii.Error, ValueError):
            return ""

    @override
    def without(self, access: AccessRequest) -> AccessRequest:
        """Return the request without such protocols; the others stay, in one field."""
        protocols = list(_protocols(access))
        further = [each for each in protocols if not each.startswith(self._begins)]
        if len(further) == len(protocols):
            return access
        fields = [field for field in access.headers.raw if field[0].lower() != _FIELD]
        rest = [(b"Sec-WebSocket-Protocol", b", ".join(further))] if further else []
        return access.altered(access.target, Headers((*fields, *rest)))

    @override
    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: a page writes its protocols by itself."""
        return ()


def _protocols(access: AccessRequest) -> Iterator[bytes]:
    """Yield the protocols of every such field, in order (RFC 6455 section 11.3.4: several fields are one list)."""
    for value in access.headers.all(_FIELD):
        for each in value.split(b","):
            protocol = each.strip(b" \t")
            if protocol:
                yield protocol


KIND = CredentialReaderKind(
    "websocket_protocol",
    WebSocketProtocolSettings,
    lambda settings, parts: WebSocketProtocolReader(parts.name, settings, parts.fingerprint),
    explicit=True,
)
