"""The table of the kinds of credential: from the name in the config to the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, assert_never

from pydantic import Field

from gateway.credentials.api_key import ApiKeyReader, ApiKeySettings
from gateway.credentials.bearer import BearerReader, BearerSettings
from gateway.credentials.cookie import CookieReader, CookieSettings
from gateway.credentials.reader import Fingerprint, Reader
from gateway.credentials.token_pair import TokenPairReader, TokenPairSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

ReaderSettings = Annotated[
    ApiKeySettings | BearerSettings | CookieSettings | TokenPairSettings,
    Field(discriminator="kind"),
]
"""An entry under `credentials` in the config; `kind` selects the class."""


def build_reader(name: str, settings: ReaderSettings, fingerprint: Fingerprint) -> Reader:
    """Make the reader that `settings` describe; `fingerprint` is made for this reader alone."""
    match settings:
        case ApiKeySettings():
            return ApiKeyReader(name, settings, fingerprint)
        case BearerSettings():
            return BearerReader(name, settings, fingerprint)
        case CookieSettings():
            return CookieReader(name, settings, fingerprint)
        case TokenPairSettings():
            return TokenPairReader(name, settings, fingerprint)
        case _ as never:
            assert_never(never)


def shared_places(readers: Mapping[str, ReaderSettings]) -> list[tuple[str, str, str]]:
    """Return `(name, earlier name, place)` for each two of `readers` that read the same header or cookie.

    On one route such two always find two credentials, so nobody would ever get in. A place reads `header x-api-key`.
    """
    first_at: dict[str, str] = {}
    shared = []
    for name, settings in readers.items():
        for place in _places(settings):
            earlier = first_at.setdefault(place, name)
            if earlier != name:
                shared.append((name, earlier, place))
    return shared


def _places(settings: ReaderSettings) -> list[str]:
    """Return where `settings` look for a credential; a pair's session id alone is no credential."""
    match settings:
        case ApiKeySettings():
            return [f"header {settings.header.lower()}"]
        case BearerSettings():
            return ["header authorization"]
        case CookieSettings():
            return [f"cookie {settings.name}"]
        case TokenPairSettings():
            return [f"header {settings.user_header.lower()}", f"header {settings.token_header.lower()}"]
        case _ as never:
            assert_never(never)
