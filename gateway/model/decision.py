"""What was decided about one request, complete enough to log and to explain."""

from __future__ import annotations

import msgspec

from gateway.model.access import AccessRequest
from gateway.model.credential import Credential
from gateway.model.refusal import Refusal
from gateway.model.resolution import NOBODY, Resolution
from gateway.model.route import Route

HeaderPairs = tuple[tuple[bytes, bytes], ...]


class Decision(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Allowed (route, identity headers) or refused.

    `rule` names what decided (`access`, `require.roles`, `origin`, ...). `identity` is what the upstream is told.
    `caller_headers` go on whatever answer the caller gets: a cookie to clear or renew, CORS and rate-limit fields.
    `answered` says that they are the whole answer (a preflight's): it is a 204, and nothing is carried.
    """

    access: AccessRequest
    route: Route | None = None
    credential: Credential | None = None
    resolution: Resolution = NOBODY
    refusal: Refusal | None = None
    rule: str = ""
    identity: HeaderPairs = ()
    caller_headers: HeaderPairs = ()
    answered: bool = False

    @property
    def allowed(self) -> bool:
        """Tell whether the request may be carried."""
        return self.refusal is None
