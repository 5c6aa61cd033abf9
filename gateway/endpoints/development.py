"""wacht's token in the query, for deployments marked as development (DIALECTS, "wacht").

A browser sends no cookie from `localhost:3000` to a server elsewhere, so that product's pages carry the session token
in `__dev_session__` while they are being developed. What it stands for is the cookie.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_plus

import msgspec

from gateway.model.decision import AccessRequest
from gateway.model.headers import Headers
from gateway.model.target import Target

DEV_SESSION = "__dev_session__"

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+", re.ASCII)
_GARBLED = b"(unreadable)"
"""Stands for a value that cannot be a token. It is shown all the same, so it must not pass for nobody."""


def without_dev_session(target: Target) -> tuple[Target, tuple[str, ...]]:
    """Return `target` without `__dev_session__`, everything else byte for byte, and the values that were there."""
    if target.query is None or "_" not in target.query:
        return target, ()
    kept, shown = [], []
    for pair in target.query.split("&"):
        name, _, value = pair.partition("=")
        if unquote_plus(name) == DEV_SESSION:
            shown.append(unquote_plus(value))
        else:
            kept.append(pair)
    if not shown:
        return target, ()
    return msgspec.structs.replace(target, query="&".join(kept) or None), tuple(shown)


def dev_session_as_cookie(access: AccessRequest, cookies: Sequence[bytes]) -> AccessRequest:
    """Return the request as it would be with a cookie, of the first name in `cookies`, for each token in the query.

    A real cookie stays beside it: two of one name are ambiguous, as ever.
    """
    target, shown = without_dev_session(access.target)
    if not shown or not cookies:
        return access
    fields = tuple((b"Cookie", cookies[0] + b"=" + _value(token)) for token in shown if token)
    headers = Headers((*access.headers.raw, *fields))
    return msgspec.structs.replace(access, target=target, headers=headers)


def _value(token: str) -> bytes:
    """Return a cookie value; a token with a `;` in it would be read as two cookies."""
    return token.encode("ascii") if _TOKEN.fullmatch(token) else _GARBLED
