"""The table of the kinds of credential: from the name in the config to the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import PlainValidator

from gateway.credentials import (
    api_key,
    basic,
    bearer,
    cookie,
    header_jwt,
    query,
    token_pair,
    websocket_protocol,
)
from gateway.credentials.reader import Fingerprint, Reader
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings, ReaderParts
from gateway.source.kind_table import KindTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.credentials.forms import Place

CREDENTIALS = KindTable(
    CredentialReaderKind,
    "session_gateway.credentials",
    (
        api_key.KIND,
        basic.KIND,
        bearer.KIND,
        cookie.KIND,
        header_jwt.KIND,
        query.KIND,
        token_pair.KIND,
        websocket_protocol.KIND,
    ),
)
"""Every kind of credential; installed packages add theirs."""


def _nobody(_peer: str) -> bool:
    return False


def build_reader(
    name: str, settings: CredentialSettings, fingerprint: Fingerprint, trusts: Callable[[str], bool] = _nobody
) -> Reader:
    """Make the reader that `settings` describe; `fingerprint` is made for this reader alone.

    `trusts` tells whether a peer is one of the trusted proxies.
    """
    return CREDENTIALS.named(settings.kind).build(settings, ReaderParts(name, fingerprint, trusts))


def _probe(kind: CredentialReaderKind, settings: CredentialSettings) -> None:
    reader = kind.build(settings, ReaderParts("probe", lambda _parts: b"", _nobody))
    _ = settings.places(), reader.kind, reader.headers, reader.cookies, reader.clearing()


ReaderSettings = Annotated[
    CredentialSettings, PlainValidator(CREDENTIALS.validator("kind", lambda kind, _: kind.settings, _probe))
]
"""An entry under `credentials` in the config; `kind` selects the class."""


def read_by_default(readers: Mapping[str, CredentialSettings]) -> tuple[str, ...]:
    """Return the names of the readers of a route that lists none."""
    return tuple(name for name, settings in readers.items() if not in_url(settings))


def in_url(settings: CredentialSettings) -> bool:
    """Tell whether a secret is part of what a proxy that asks us sends on by itself."""
    return CREDENTIALS.named(settings.kind).explicit


def shared_places(readers: Mapping[str, CredentialSettings]) -> list[tuple[str, str, str]]:
    """Return `(name, earlier name, place)` for each two of `readers` that may both find one secret.

    On one route such two always find two credentials, so nobody would ever get in. A place reads `header x-api-key`.
    """
    earlier: list[tuple[str, Place]] = []
    shared = []
    for name, settings in readers.items():
        places = settings.places()
        shared += [(name, other, str(one)) for one in places for other, two in earlier if one.meets(two)]
        earlier += [(name, place) for place in places]
    return shared
