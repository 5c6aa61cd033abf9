"""What the table of kinds says of a kind of credential: its settings, and how its reader is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from pydantic import Field

from gateway.credentials.forms import Place
from gateway.credentials.reader import Fingerprint, Reader
from gateway.source.values import SettingsModel, StringList


class CredentialSettings(SettingsModel):
    """An entry under `credentials`: the name of its kind, and the authorities that are asked, in their order."""

    kind: str
    authority: StringList = Field(min_length=1)

    def places(self) -> list[Place]:
        """Return where the reader looks, so that `check` finds two readers of one place.

        Raises NotImplementedError: each kind has its own.
        """
        raise NotImplementedError


class ReaderParts(msgspec.Struct, frozen=True):
    """What a reader is built with besides its settings; `trusts` tells whether a peer is one of the trusted proxies."""

    name: str
    fingerprint: Fingerprint
    trusts: Callable[[str], bool]


class CredentialReaderKind(msgspec.Struct, frozen=True):
    """One kind of credential; `explicit` says that a route reads it only where it lists the reader."""

    name: str
    settings: type[CredentialSettings]
    build: Callable[[Any, ReaderParts], Reader]
    explicit: bool = False
