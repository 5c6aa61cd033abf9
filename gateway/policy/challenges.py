"""What a 401 of a route asks for, where it is no bearer token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.refusal import Refusal, RefusalCode
from gateway.model.route import Challenge, Route

if TYPE_CHECKING:
    from gateway.model.decision import HeaderPairs

_BASIC: HeaderPairs = ((b"WWW-Authenticate", b'Basic realm="gateway", charset="UTF-8"'),)


def challenge_of(route: Route, refusal: Refusal | None) -> HeaderPairs:
    """Return the challenge of a route that asks for a password (RFC 7617 section 2), where the refusal is a 401."""
    asks = refusal is not None and refusal.code is RefusalCode.UNAUTHENTICATED and route.challenge is Challenge.BASIC
    return _BASIC if asks else ()
