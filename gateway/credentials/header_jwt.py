"""Signed tokens in a header that a proxy in front of us writes: Cloudflare Access, Google's IAP, Amazon's ALB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from typing_extensions import override

from gateway.credentials.forms import Place
from gateway.credentials.reader import UNREADABLE, Fingerprint, Reader, RepeatedError, only_value
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.names import FieldName


class HeaderJwtSettings(CredentialSettings):
    """A signed token that is the whole value of `header`, where one of `trusted_proxies` sends it."""

    kind: Literal["header_jwt"]
    header: FieldName

    @override
    def places(self) -> list[Place]:
        """Return where the token is looked for."""
        return [Place(f"header {self.header.lower()}")]


class HeaderJwtReader(Reader):
    """Reads one header field as a token: `parts` is `(token,)`.

    From a peer that is not trusted it is nobody's, whatever its signature: whoever got hold of such a token, out of an
    application's log for one, could else show it here and pass the proxy by.
    """

    kind = CredentialKind.BEARER
    cookies: frozenset[bytes] = frozenset()

    def __init__(
        self, name: str, settings: HeaderJwtSettings, fingerprint: Fingerprint, trusts: Callable[[str], bool]
    ) -> None:
        self.name = name
        self._header = settings.header.lower().encode("ascii")
        self.headers = frozenset({self._header})
        self._fingerprint = fingerprint
        self._trusts = trusts

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the token, `Ambiguous` for two such fields, `None` for none or an empty one."""
        values = access.headers.by_name.get(self._header)
        if values is None:
            return None
        try:
            token = only_value(values)
        except RepeatedError:
            return Ambiguous(self.name)
        if not token:
            return None
        parts = (token if self._trusts(access.peer) else UNREADABLE,)
        return Credential(self.name, self.kind, "", parts, self._fingerprint(parts))

    @override
    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: a proxy writes it anew each time."""
        return ()


KIND = CredentialReaderKind(
    "header_jwt",
    HeaderJwtSettings,
    lambda settings, parts: HeaderJwtReader(parts.name, settings, parts.fingerprint, parts.trusts),
)
