"""Request methods: which are known, which may be repeated, and which are carried (RFC 9110 section 9)."""

from __future__ import annotations

import re
from collections.abc import Collection

from gateway.model.errors import MalformedError
from gateway.model.refusal import RefusalCode, mistake

STANDARD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""The methods of RFC 9110 and RFC 5789 that are carried."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Of the standard ones (RFC 9110 section 9.2.1). What another one does, say PROPFIND, is its upstream's secret."""

IDEMPOTENT = SAFE | frozenset(
    {
        *("ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "DELETE", "LABEL", "LINK", "MERGE"),
        *("MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PROPFIND"),
        *("PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK"),
        *("UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL"),
    }
)
"""What may be sent again by its definition: the IANA registry of methods (RFC 9110 section 16.1.1)."""

_NEVER_CARRIED = frozenset({"CONNECT", "PRI", "TRACE", "TRACK"})
"""A tunnel that nobody judges, HTTP/2's preface, and what answers with the request's own fields (TRACK is IIS's)."""

_REGISTERED = IDEMPOTENT | _NEVER_CARRIED | frozenset({"LOCK", "PATCH", "POST"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_LONGEST = 64
"""Characters; the longest that is registered has 17."""


def read_method(method: str, listed: Collection[str] = ()) -> str:
    """Return a method that is carried, as it came; raises MalformedError (400, 405 or 501) for any other.

    Any token is one, but a lower-case spelling of one that is registered or `listed` by a route: servers that fold
    case (Django) would take `delete` for what a route guards as DELETE.
    """
    if method in STANDARD:
        return method
    if not _TOKEN.fullmatch(method):
        raise MalformedError(mistake(RefusalCode.MALFORMED, "the method is no token"))
    folded = method.upper()
    if folded in _NEVER_CARRIED:
        raise MalformedError(mistake(RefusalCode.METHOD_NOT_ALLOWED, "a method that is never carried"))
    if len(method) > _LONGEST:
        raise MalformedError(mistake(RefusalCode.NOT_IMPLEMENTED, "a method that is too long"))
    if folded != method and (folded in _REGISTERED or folded in listed):
        raise MalformedError(mistake(RefusalCode.NOT_IMPLEMENTED, "a known method in another case"))
    return method
