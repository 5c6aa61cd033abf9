"""The table of the kinds of credential: from the name in the config to the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, assert_never

from pydantic import Field

from gateway.credentials.api_key import ApiKeyReader, ApiKeySettings
from gateway.credentials.basic import BasicReader, BasicSettings
from gateway.credentials.bearer import BearerReader, BearerSettings
from gateway.credentials.cookie import CookieReader, CookieSettings
from gateway.credentials.reader import Fingerprint, Reader
from gateway.credentials.token_pair import TokenPairReader, TokenPairSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.credentials.forms import Place

ReaderSettings = Annotated[
    ApiKeySettings | BasicSettings | BearerSettings | CookieSettings | TokenPairSettings,
    Field(discriminator="kind"),
]
"""An entry under `credentials` in the config; `kind` selects the class."""


def build_reader(name: str, settings: ReaderSettings, fingerprint: Fingerprint) -> Reader:
    """Make the reader that `settings` describe; `fingerprint` is made for this reader alone."""
    match settings:
        case ApiKeySettings():
            return ApiKeyReader(name, settings, fingerprint)
        case BasicSettings():
            return BasicReader(name, settings, fingerprint)
        case BearerSettings():
            return BearerReader(name, settings, fingerprint)
        case CookieSettings():
            return CookieReader(name, settings, fingerprint)
        case TokenPairSettings():
            return TokenPairReader(name, settings, fingerprint)
        case _ as never:
            assert_never(never)


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
