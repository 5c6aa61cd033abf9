"""What a config may say of an authority that is asked over HTTP: its address, and how it is reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, ValidationInfo
from typing_extensions import override

from gateway.authorities.authority_kind import MOST_CREDENTIAL_BYTES, AuthorityBaseSettings
from gateway.source.addresses import is_loopback
from gateway.source.certificates import CaFile

Pairs = Sequence[tuple[str, str]]
"""Names and values, of header fields, query parameters or form fields."""


def _split(value: str) -> SplitResult:
    """Take a URL apart; raises ValueError for one that cannot be an authority's."""
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
    _split(value)
    return value


def require_tls(url: str, *, insecure_http: bool = False) -> None:
    """Refuse the URL of an issuer's keys or verdicts that whoever is on the way can alter; raises ValueError."""
    parts = _split(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or "") and not insecure_http:
        raise ValueError("must be https:// or on loopback: whoever answers here says who everybody is")


def trusted(url: str | None, info: ValidationInfo) -> str | None:
    """Return a URL of an issuer's keys or verdicts: `https://`, loopback, or any where `insecure_http` is true."""
    if url is not None:
        require_tls(url, insecure_http=bool(info.data.get("insecure_http")))
    return url


EndpointUrl = Annotated[str, AfterValidator(_endpoint)]
"""An `http://` or `https://` URL, its query included."""


class HttpAuthoritySettings(AuthorityBaseSettings):
    """The settings of every authority that is asked over HTTP; `timeout` is for one whole exchange.

    `proxy: environment` asks through what HTTP_PROXY, HTTPS_PROXY and NO_PROXY name; by default none is used.
    """

    ca_file: CaFile | None = None
    proxy: Literal["none", "environment"] = "none"


class AskedHttpSettings(HttpAuthoritySettings):
    """The settings of an authority that is asked about each credential; it is sent none of more `credential_bytes`."""

    credential_bytes: int = Field(default=MOST_CREDENTIAL_BYTES, ge=64)

    @property
    @override
    def longest_credential(self) -> int:
        return self.credential_bytes
