"""Opens the HTTP client of an authority; aiohttp is loaded then and not before.

It takes as long to load as all the rest of a command that only reads a config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.authorities.http_settings import HttpAuthoritySettings

if TYPE_CHECKING:
    from gateway.authorities.http_client import HttpClient


def open_http_client(url: str, settings: HttpAuthoritySettings, *, accept: str = "application/json") -> HttpClient:
    """Return a client of one URL, for answers of the types that `accept` names."""
    from gateway.authorities.http_client import HttpClient  # noqa: PLC0415 - see the module's docstring

    return HttpClient(url, settings, accept=accept)
