"""API keys, in a header of their own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from typing_extensions import override

from gateway.credentials.reader import Fingerprint, Reader, RepeatedError, only_value
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.names import FieldName
from gateway.source.values import SettingsModel, StringList


class ApiKeySettings(SettingsModel):
    """An API key in `header`; a key that the authority knows under another `type` is not this reader's."""

    kind: Literal["api_key"]
    authority: StringList = Field(min_length=1)
    header: FieldName
    type: Literal["project", "user", "organization"]


class ApiKeyReader(Reader):
    """Reads the whole value of one header field as a key: `parts` is `(key,)`."""

    kind = CredentialKind.API_KEY
    cookies: frozenset[bytes] = frozenset()

    def __init__(self, name: str, settings: ApiKeySettings, fingerprint: Fingerprint) -> None:
        self.name = name
        self._header = settings.header.lower().encode("ascii")
        self.headers = frozenset({self._header})
        self._type = settings.type
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the key, `Ambiguous` for two such fields, `None` for none or an empty one."""
        values = access.headers.by_name.get(self._header)
        if values is None:
            return None
        try:
            key = only_value(values)
        except RepeatedError:
            return Ambiguous(self.name)
        if not key:
            return None
        parts = (key,)
        return Credential(self.name, self.kind, self._type, parts, self._fingerprint(parts))

    @override
    def clearing(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: a client does not take its key from our answers."""
        return ()
