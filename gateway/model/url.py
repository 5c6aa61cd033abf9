"""URLs in messages: no part of a password is ever shown."""

from __future__ import annotations

import re

MASK = "[redacted]"

_URL = re.compile(r"://\S++")
_AUTHORITY_ENDS = re.compile(r"[/?#]")
_SERVER = re.compile(r"(?:\[[^\s\[\]@]*\]|[^\s\[\]:@]*)(?::[0-9]{1,5})?")


def without_passwords(text: str) -> str:
    """Return a text with the password of every URL in it masked, in a time that grows with the text alone.

    What stands between the first colon and the last `@` of a URL is its password, whatever is in between: to most
    programs a password ends at its first `/`, so that an error names a part of it as the port (RFC 3986 section 3.2.1
    wants such a character escaped). A path with a colon and an `@` is masked too.
    """
    return _URL.sub(_masked, text) if "@" in text else text


def _masked(match: re.Match[str]) -> str:
    head, _, behind = match[0].rpartition("@")
    user, colon, _ = head[len("://") :].partition(":")
    return f"://{user}:{MASK}@{behind}" if colon else match[0]


UNREADABLE = "cannot be read as a URL"
_NOT_ESCAPED = "has a password that is not percent-encoded: in a URL its / is %2F, its ? is %3F and its # is %23"


def fault_of_url(url: str) -> str:
    """Return why a server's URL cannot be used, without a word of it; empty when it can.

    A `/`, `?` or `#` that is not escaped ends the authority (RFC 3986 section 3.2): a part of the password is the host
    or the port then, the connection goes there, and every error names it. `host,host` is a list of servers.
    """
    authority, *behind = _AUTHORITY_ENDS.split(url.partition("://")[2])
    if any("@" in part for part in behind):
        return _NOT_ESCAPED
    servers = authority.rpartition("@")[2].split(",")
    return "" if all(_SERVER.fullmatch(server) for server in servers) else UNREADABLE
