"""The addresses of authorities, as a config spells them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator

from gateway.source.addresses import is_loopback


def _parts(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("not a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not value.isascii():
        raise ValueError("a URL of an authority begins with https:// or http:// and a host")
    if "@" in parts.netloc:
        raise ValueError("a URL may hold no user and password: they would be in every log")
    if parts.fragment or any(character.isspace() for character in value):
        raise ValueError("a URL may hold no fragment and no white space")
    return parts


def _endpoint(value: str) -> str:
    _parts(value)
    return value


def _trusted_endpoint(value: str) -> str:
    parts = _parts(value)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("must be https:// or on loopback: whoever answers here says who everybody is")
    return value


EndpointUrl = Annotated[str, AfterValidator(_endpoint)]
"""An `http://` or `https://` URL, its query included."""

TrustedEndpointUrl = Annotated[str, AfterValidator(_trusted_endpoint)]
"""A URL whose answers are keys or verdicts of an issuer: `https://`, or loopback (DESIGN section 7)."""
