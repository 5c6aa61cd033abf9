"""The request under judgement, what was decided about it, and an answer that the gateway gives itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from gateway.model.answers import NOBODY, Resolution
from gateway.model.credential import Credential
from gateway.model.headers import Headers
from gateway.model.host import Host
from gateway.model.refusal import Refusal
from gateway.model.route import Route
from gateway.model.target import Target

HeaderPairs = tuple[tuple[bytes, bytes], ...]
"""Names and values of header fields, in order."""


class AccessRequest(msgspec.Struct, frozen=True, gc=False):
    """What the gate judges; each endpoint makes one out of what its proxy or client sends.

    `scheme` is `http` or `https` as the client used it; `peer` is the address that the socket shows, `client` the
    address after the headers of trusted proxies (the same, by default). `received_at` is in epoch seconds. `authority`
    is the `host` as a trusted proxy spelled it, empty where it is that of the Host field, and `prefix` the path that
    it took off the target, without a slash at its end.

    `made` holds what pure functions made of the other fields but `received_at` and `request_id`, each under a key of
    its own: equal requests of one connection share it. Whoever changes a field does it by `altered`.
    """

    method: str
    scheme: str
    host: Host
    target: Target
    headers: Headers
    peer: str
    client: str
    received_at: float
    request_id: str
    authority: str = ""
    prefix: str = ""
    made: dict[object, Any] = msgspec.field(default_factory=dict)

    def again(self, received_at: float, request_id: str) -> AccessRequest:
        """Return the same request as it comes at another time, with all that was made of it."""
        return msgspec.structs.replace(self, received_at=received_at, request_id=request_id)

    def altered(self, target: Target, headers: Headers) -> AccessRequest:
        """Return the request with another target and other fields, and nothing made of the old ones."""
        return msgspec.structs.replace(self, target=target, headers=headers, made={})

    @property
    def is_upgrade(self) -> bool:
        """Tell whether the client asks for a WebSocket; any other offer is ignored (RFC 9110 section 7.8)."""
        return any(b"websocket" in value.lower() for value in self.headers.by_name.get(b"upgrade", ()))


class Decision(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Allowed (route, identity headers) or refused; complete enough to log and to explain.

    `rule` names what decided (`access`, `require.roles`, `origin`, ...). `identity` are the headers that tell the
    upstream who is calling. `caller_headers` go on whatever answer the caller gets: a cookie to clear or renew, CORS
    and rate-limit fields. `answered` says that they are the whole answer to a preflight: 204, and nothing is forwarded.
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
        """Tell whether the request may be forwarded."""
        return self.refusal is None

    def with_caller_headers(self, fields: HeaderPairs) -> Decision:
        """Return the decision with `fields` on the caller's answer besides those it has."""
        return msgspec.structs.replace(self, caller_headers=(*self.caller_headers, *fields))


class Response(msgspec.Struct, frozen=True, gc=False):
    """An answer of our own: status, fields and the whole body.

    The connection adds length, date and server. `closes` ends the connection afterwards: the bytes that follow the
    request may be no request.
    """

    status: int
    fields: HeaderPairs = ()
    body: bytes = b""
    closes: bool = False


def json_fields(cache_control: bytes = b"no-store", content_type: bytes = b"application/json") -> HeaderPairs:
    """Return the fields of a JSON answer; by default no cache may store it (RFC 9111 section 5.2.2.5)."""
    return ((b"Content-Type", content_type), (b"Cache-Control", cache_control))


Judged = Decision | Coroutine[Any, Any, Decision]
"""A decision, or what has to be awaited for one: a session that is not in memory, or a shared bucket."""


def then(judged: Judged, step: Callable[[Decision], Judged]) -> Judged:
    """Take a further step, at once or when the decision is there."""
    return step(judged) if isinstance(judged, Decision) else _when_judged(judged, step)


async def _when_judged(judged: Coroutine[Any, Any, Decision], step: Callable[[Decision], Judged]) -> Decision:
    further = step(await judged)
    return further if isinstance(further, Decision) else await further
