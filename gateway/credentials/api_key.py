"""API keys, in a header of their own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.credentials.reader import Fingerprint
from gateway.credentials.single_value import RepeatedError, only_value
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading
from gateway.model.decision import AccessRequest
from gateway.source.names import FieldName
from gateway.source.values import SettingsModel, StringList


class ApiKeySettings(SettingsModel):
    """An API key in `header`; `type` is what the authority must say of it, or it is not this reader's key."""

    kind: Literal["api_key"]
    authority: StringList = Field(min_length=1)
    header: FieldName
    type: Literal["project", "user", "organization"]


class ApiKeyReader:
    """Reads the whole value of one header field as a key: `parts` is `(key,)`."""

    kind = CredentialKind.API_KEY
    cookies: frozenset[bytes] = frozenset()

    def __init__(self, name: str, settings: ApiKeySettings, fingerprint: Fingerprint) -> None:
        self.name = name
        self._header = settings.header.lower().encode("ascii")
        self.headers = frozenset({self._header})
        self._type = settings.type
        self._fingerprint = fingerprint

    def read(self, access: AccessRequest) -> Reading:
        """Return the key, `Ambiguous` for two such fields, `None` for none or an empty one."""
        shown = access.headers.by_name.get(self._header)
        if shown is None:
            return None
        try:
            key = only_value(shown)
        except RepeatedError:
            return Ambiguous(self.name)
        if not key:
            return None
        parts = (key,)
        return Credential(self.name, self.kind, self._type, parts, self._fingerprint(parts))

    def clearing(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return nothing: no client keeps a key because we answered with it."""
        return ()
