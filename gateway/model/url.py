"""URLs in messages, and what is wrong with one: no part of a password is ever shown."""

from __future__ import annotations

import re

MASK = "[redacted]"

_URL = re.compile(r"://\S++")
_IN_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&\s]++", re.IGNORECASE)
_AUTHORITY_ENDS = re.compile(r"[/?#]")
_SERVER = re.compile(r"(?:\[[^\s\[\]@]*\]|[^\s\[\]:@]*)(?::(?P<port>[0-9]{0,5}))?")
_PORTS = 65536


def without_passwords(text: str) -> str:
    """Return a text with the password of every URL in it masked, in a time that grows with the text alone.

    What stands between the first colon and the last `@` of a URL is its password, whatever is in between: to most
    programs a password ends at its first `/`, so that an error names a part of it as the port (RFC 3986 section 3.2.1
    wants such a character escaped). A path with a colon and an `@` is masked too.
    """
    masked = _URL.sub(_masked, text) if "@" in text else text
    return _IN_QUERY.sub(rf"\g<1>{MASK}", masked) if "://" in masked else masked


def _masked(match: re.Match[str]) -> str:
    head, _, behind = match[0].rpartition("@")
    user, colon, _ = head[len("://") :].partition(":")
    return f"://{user}:{MASK}@{behind}" if colon else match[0]


_UNREADABLE = "cannot be read as a URL"
_NOT_ESCAPED = "has a password that is not percent-encoded: in a URL its / is %2F, its ? is %3F and its # is %23"
NO_PORT = "has a port that there is not: ports are 1 to 65535"


def fault_of_url(url: str) -> str:
    """Return why a server's URL cannot be used, without a word of it; empty when it can.

    A `/`, `?` or `#` that is not escaped ends the authority (RFC 3986 section 3.2): a part of the password is the host
    or the port then, the connection goes there, and every error names it. `host,host` is a list of servers.
    """
    authority, *behind = _AUTHORITY_ENDS.split(url.partition("://")[2])
    if any("@" in part for part in behind):
        return _NOT_ESCAPED
    servers = [_SERVER.fullmatch(server) for server in authority.rpartition("@")[2].split(",")]
    ports = [server["port"] for server in servers if server is not None]
    if len(ports) < len(servers):
        return _UNREADABLE
    return "" if all(0 < int(port or 1) < _PORTS for port in ports) else NO_PORT
