"""Web origins and host names, as a config spells them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from gateway.model.errors import MalformedError
from gateway.model.host import DEFAULT_PORTS, parse_authority


def _origin(value: str) -> str:
    """Check an origin, and spell it as browsers do: lower case, without the scheme's own port."""
    scheme, mark, authority = value.partition("://")
    try:
        host = parse_authority(authority, scheme) if mark and scheme in DEFAULT_PORTS else None
    except MalformedError:
        host = None
    if host is None:
        raise ValueError("an origin is scheme, host and port alone: https://app.example.com")
    port = "" if host.port == DEFAULT_PORTS[scheme] else f":{host.port}"
    return f"{scheme}://{host.name}{port}"


def host_name(value: str) -> str:
    """Check a host name, and spell it as hosts are matched: lower case, without a trailing dot; raises ValueError."""
    try:
        host = parse_authority(value, "http")
    except MalformedError:
        raise ValueError("a host is a name: api.example.com") from None
    if host.name != value.lower().removesuffix("."):
        raise ValueError("a host is matched without its port: leave the port out")
    return host.name


Origin = Annotated[str, AfterValidator(_origin)]
"""A web origin (RFC 6454 section 6.2). `*` is none: answers that depend on a credential are not for everybody."""

HostName = Annotated[str, AfterValidator(host_name)]
"""A host name without a port."""
