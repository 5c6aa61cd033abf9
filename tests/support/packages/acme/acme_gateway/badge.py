"""A badge in the header `X-Acme-Badge`, as a kind of credential."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from gateway.credentials.forms import Place
from gateway.credentials.reader import Fingerprint, Reader, RepeatedError, only_value
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest

_HEADER = b"x-acme-badge"


class BadgeSettings(CredentialSettings):
    """A badge, which begins with `begins`."""

    kind: Literal["acme_badge"]
    begins: str = "B-"

    @override
    def places(self) -> list[Place]:
        return [Place("header x-acme-badge")]


class BadgeReader(Reader):
    """Reads one field as a token."""

    kind = CredentialKind.BEARER
    headers = frozenset({_HEADER})
    cookies: frozenset[bytes] = frozenset()

    def __init__(self, name: str, begins: str, fingerprint: Fingerprint) -> None:
        self.name = name
        self._begins = begins
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        try:
            badge = only_value(access.headers.all(_HEADER))
        except RepeatedError:
            return Ambiguous(self.name)
        if not badge.startswith(self._begins):
            return None
        return Credential(self.name, self.kind, "", (badge,), self._fingerprint((badge,)))

    @override
    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        return ()


KIND = CredentialReaderKind(
    "acme_badge", BadgeSettings, lambda settings, parts: BadgeReader(parts.name, settings.begins, parts.fingerprint)
)
