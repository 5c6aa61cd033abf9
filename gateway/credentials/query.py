"""Tokens and keys in the query, for what cannot send a header: a browser's WebSocket and EventSource.

A query ends up in logs, histories and Referer fields, so a route reads one only where it lists this reader, and what is
read is cut out of the target before it is sent (RFC 6750 section 2.3 advises against the rest of it).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import unquote_to_bytes

import msgspec
from pydantic import AfterValidator
from typing_extensions import override

from gateway.credentials.forms import Form, Place
from gateway.credentials.reader import UNREADABLE, Fingerprint, Reader, RepeatedError, only_value
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.values import StringList

_PARAMETER = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


def _parameter_name(value: str) -> str:
    if not _PARAMETER.fullmatch(value):
        raise ValueError("a parameter is letters, digits, dashes and underscores: access_token")
    return value


class QuerySettings(CredentialSettings):
    """A token in the query parameter `parameter`, or an API key where there is a `type`."""

    kind: Literal["query"]
    parameter: Annotated[str, AfterValidator(_parameter_name)]
    prefix: StringList = ()
    type: Literal["project", "user", "organization"] | None = None

    @override
    def places(self) -> list[Place]:
        """Return where the secret is looked for."""
        return [Place(f"query parameter {self.parameter}", form=Form(self.prefix))]


class QueryReader(Reader):
    """Reads one parameter, percent-decoded as forms are: `parts` is `(token,)` or `(key,)`."""

    headers: frozenset[bytes] = frozenset()
    cookies: frozenset[bytes] = frozenset()
    reads_target = True

    def __init__(self, name: str, settings: QuerySettings, fingerprint: Fingerprint) -> None:
        self.name = name
        self.kind = CredentialKind.API_KEY if settings.type else CredentialKind.BEARER
        self._parameter = settings.parameter.encode("ascii")
        self._form = Form(settings.prefix)
        self._type = settings.type or ""
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the value, `Ambiguous` for two such parameters, `None` for none or an empty one."""
        values = [_decoded(pair.partition("=")[2]) for pair in self._pairs(access) if self._is_ours(pair)]
        try:
            secret = only_value(values)
        except RepeatedError:
            return Ambiguous(self.name)
        if not secret:
            return None
        parts = (secret if self._form.includes(secret) else UNREADABLE,)
        return Credential(self.name, self.kind, self._type, parts, self._fingerprint(parts))

    @override
    def without(self, access: AccessRequest) -> AccessRequest:
        """Return the request without the parameter, every other byte of the query unchanged."""
        pairs = self._pairs(access)
        rest = [pair for pair in pairs if not self._is_ours(pair)]
        if len(rest) == len(pairs):
            return access
        return access.altered(msgspec.structs.replace(access.target, query="&".join(rest) or None), access.headers)

    @staticmethod
    def _pairs(access: AccessRequest) -> list[str]:
        query = access.target.query
        return query.split("&") if query is not None else []

    def _is_ours(self, pair: str) -> bool:
        return _decoded(pair.partition("=")[0]) == self._parameter

    @override
    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: a page writes its URLs by itself."""
        return ()


def _decoded(text: str) -> bytes:
    """Decode as `application/x-www-form-urlencoded` (URL standard section 5.1), which is how servers read queries."""
    return unquote_to_bytes(text.replace("+", " "))


KIND = CredentialReaderKind(
    "query",
    QuerySettings,
    lambda settings, parts: QueryReader(parts.name, settings, parts.fingerprint),
    explicit=True,
)
