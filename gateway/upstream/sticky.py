"""Which upstream a caller stays with: its session's, or that of a cookie of ours, which needs no session."""

from __future__ import annotations

import re
from secrets import token_hex

from gateway.model.route import Sticky
from gateway.upstream.forward_context import ForwardContext

STICKY_COOKIE = b"gateway_upstream"
"""Its value is a number drawn by us, which says nothing: callers are spread by its hash."""

_NUMBER = re.compile(rb"(?:^|;)[ \t]*gateway_upstream=([0-9a-f]{32})[ \t]*(?:;|$)")
_NUMBER_BYTES = 16


def caller_of(context: ForwardContext) -> str:
    """Return by what a route with `sticky` tells its callers apart, empty for one that it cannot tell.

    Who has no such cookie is given one with the answer, for as long as the browser runs.
    """
    if context.route.sticky is Sticky.SESSION:
        session = context.decision.resolution.session
        return "" if session is None else session.id or session.subject
    access = context.decision.access
    found = _NUMBER.search(b"; ".join(access.headers.by_name.get(b"cookie", ())))
    if found is not None:
        return found[1].decode("ascii")
    number = token_hex(_NUMBER_BYTES)
    secure = b"; Secure" if access.scheme == "https" else b""
    cookie = b"%b=%b; Path=/; HttpOnly; SameSite=Lax%b" % (STICKY_COOKIE, number.encode("ascii"), secure)
    context.decision = context.decision.with_caller_headers(((b"Set-Cookie", cookie),))
    return number
