"""Whether a browser opens a page with this request, and so shows its answer to a person."""

from __future__ import annotations

import re

from gateway.model.headers import Headers

_METHODS = frozenset({"GET", "HEAD"})
_MODE, _ACCEPT = b"sec-fetch-mode", b"accept"
_NAMES_HTML = re.compile(rb"(?:^|,)[ \t]*text/html[ \t]*(?:[;,]|$)", re.IGNORECASE)
_NOT_AT_ALL = re.compile(rb"(?:^|,)[ \t]*text/html[^,]*;[ \t]*q=0(?:\.0*)?[ \t]*(?:[;,]|$)", re.IGNORECASE)

VARIES = (b"Vary", b"Accept, Sec-Fetch-Mode")
"""What the form of an answer depends on that is a page to some (RFC 9110 section 12.5.5)."""


def is_navigation(method: str, headers: Headers) -> bool:
    """Tell whether a person opens a page: by `Sec-Fetch-Mode` (Fetch Metadata, section 2.2), else by `Accept`.

    A script's `fetch()` has another mode, and a form that is sent is no page that could be opened again.
    """
    if method not in _METHODS:
        return False
    modes = headers.all(_MODE)
    if modes:
        return all(mode == b"navigate" for mode in modes)
    accepted = b",".join(headers.all(_ACCEPT))
    return _NAMES_HTML.search(accepted) is not None and _NOT_AT_ALL.search(accepted) is None


def begins_navigation(raw: bytes) -> bool:
    """Tell the same of a head that is refused as a whole, as far as its lines can be read; the last may be cut off."""
    first, *lines = raw.split(b"\r\n")
    fields = (line.partition(b":") for line in lines[:-1])
    headers = Headers((name, value.strip(b" \t")) for name, colon, value in fields if colon)
    return is_navigation(first.partition(b" ")[0].decode("latin-1"), headers)
