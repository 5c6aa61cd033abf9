"""The table of the kinds of credential: from the name in the config to the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, assert_never

from pydantic import Field

from gateway.credentials.api_key import ApiKeyReader, ApiKeySettings
from gateway.credentials.basic import BasicReader, BasicSettings
from gateway.credentials.bearer import BearerReader, BearerSettings
from gateway.credentials.cookie import CookieReader, CookieSettings
from gateway.credentials.header_jwt import HeaderJwtReader, HeaderJwtSettings
from gateway.credentials.query import QueryReader, QuerySettings
from gateway.credentials.reader import Fingerprint, Reader
from gateway.credentials.token_pair import TokenPairReader, TokenPairSettings
from gateway.credentials.websocket_protocol import WebSocketProtocolReader, WebSocketProtocolSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.credentials.forms import Place

ReaderSettings = Annotated[
    ApiKeySettings
    | BasicSettings
    | BearerSettings
    | CookieSettings
    | HeaderJwtSettings
    | QuerySettings
    | TokenPairSettings
    | WebSocketProtocolSettings,
    Field(discriminator="kind"),
]
"""An entry under `credentials` in the config; `kind` selects the class."""


_EXPLICIT = (QuerySettings, WebSocketProtocolSettings)
"""What a route reads only where it says so: a URL is written down in many places."""


def _nobody(_peer: str) -> bool:
    return False


def build_reader(
    name: str, settings: ReaderSettings, fingerprint: Fingerprint, trusts: Callable[[str], bool] = _nobody
) -> Reader:
    """Make the reader that `settings` describe; `fingerprint` is made for this reader alone.

    `trusts` tells whether a peer is one of the trusted proxies.
    """
    reader: Reader
    match settings:
        case ApiKeySettings():
            reader = ApiKeyReader(name, settings, fingerprint)
        case BasicSettings():
            reader = BasicReader(name, settings, fingerprint)
        case BearerSettings():
            reader = BearerReader(name, settings, fingerprint)
        case CookieSettings():
            reader = CookieReader(name, settings, fingerprint)
        case HeaderJwtSettings():
            reader = HeaderJwtReader(name, settings, fingerprint, trusts)
        case QuerySettings():
            reader = QueryReader(name, settings, fingerprint)
        case TokenPairSettings():
            reader = TokenPairReader(name, settings, fingerprint)
        case WebSocketProtocolSettings():
            reader = WebSocketProtocolReader(name, settings, fingerprint)
        case _ as never:
            assert_never(never)
    return reader


def read_by_default(readers: Mapping[str, ReaderSettings]) -> tuple[str, ...]:
    """Return the names of the readers of a route that lists none."""
    return tuple(name for name, settings in readers.items() if not isinstance(settings, _EXPLICIT))


def in_url(settings: ReaderSettings) -> bool:
    """Tell whether a secret is part of what a proxy that asks us sends on by itself."""
    return isinstance(settings, _EXPLICIT)


def shared_places(readers: Mapping[str, ReaderSettings]) -> list[tuple[str, str, str]]:
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
