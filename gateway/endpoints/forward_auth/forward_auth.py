"""The forward-auth endpoint of one proxy: who may ask, what is judged, and an answer that the proxy understands."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import msgspec

from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.forward_auth.client_fields import ClientFields
from gateway.endpoints.forward_auth.original import OriginalReader, original_access
from gateway.endpoints.networks import Networks
from gateway.endpoints.refusals import decision_refusal
from gateway.gate import Gate
from gateway.http1.downstream import DownstreamRequest, Serving
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.decision import AccessRequest, Decision, HeaderPairs, Response
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.record import RequestRecord

_DECIDING_FIELDS = frozenset(
    {
        b"access-control-request-method",
        b"cookie",
        b"origin",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"upgrade",
    }
)
"""The fields that a decision depends on besides those of the credentials and of the proxy.

A preflight has no credential and is allowed: cached without the fields that make it a preflight, that allow would serve
every OPTIONS request.
"""


class AllowCaching(msgspec.Struct, frozen=True):
    """How a proxy may cache an allow: for `max_age` seconds, 0 for not at all; `vary` are the fields it depends on."""

    max_age: int = 0
    vary: bytes = b""


def allow_caching(max_age: float, reader: OriginalReader, credential_fields: Iterable[bytes]) -> AllowCaching:
    """Return the AllowCaching of an endpoint; `max_age` is in seconds, `credential_fields` are lower-case names."""
    names = sorted(_DECIDING_FIELDS | reader.trusted_fields | frozenset(credential_fields))
    return AllowCaching(int(max_age), b", ".join(names))


class AskingProxy(msgspec.Struct, frozen=True):
    """The proxy of one endpoint: how its requests are read, its addresses, the path it uses, and what it may cache."""

    reader: OriginalReader
    peers: Networks
    path: str
    caching: AllowCaching


class ForwardAuthEndpoint:
    """Answers decision requests of the proxy's peers: 200 with every identity header, or the refusal.

    Every identity header, empty where there is no value: proxies copy only headers that are present, and one that a
    client forged must not survive (Traefik CVE-2024-45410). Everybody else gets 403.

    `now` is the monotonic clock of the records, in seconds.
    """

    hosts: frozenset[str] = frozenset()

    def __init__(
        self,
        proxy: AskingProxy,
        gate: Gate,
        identity: IdentityHeaders,
        fields: ClientFields,
        accesses: AccessReader,
        now: Callable[[], float],
    ) -> None:
        reader = proxy.reader
        self.name = f"forward_auth.{reader.name}"
        self.paths: tuple[str, ...] = () if reader.is_prefix else (proxy.path,)
        self.beneath = proxy.path if reader.is_prefix else ""
        self._proxy = proxy
        self._gate = gate
        self._identity = identity
        self._fields = fields
        self._accesses = accesses
        self._now = now

    def answer(
        self,
        request: DownstreamRequest,  # noqa: ARG002 - the protocol's
        access: AccessRequest,
        record: RequestRecord,
    ) -> Serving:
        """Return the answer, or what has to be awaited for it."""
        if not self._proxy.peers.include(access.peer):
            return self._refuse(_NOT_A_PEER, Decision(access=access, refusal=_NOT_A_PEER, rule="peer"), record)
        try:
            original = self._original(access)
        except MalformedError as error:
            return self._refuse(error.refusal, Decision(access=access, refusal=error.refusal, rule="original"), record)
        record.method, record.path = original.method, original.target.path
        record.host, record.client = original.host.name, original.client
        judged = self._gate.decide_now(original)
        return self._worded(judged, record) if isinstance(judged, Decision) else self._when_judged(judged, record)

    async def _when_judged(self, judged: Coroutine[Any, Any, Decision], record: RequestRecord) -> Response:
        return self._worded(await judged, record)

    def _worded(self, decision: Decision, record: RequestRecord) -> Response:
        """Word a decision for the proxy that asked."""
        record.decided = self._now()
        if decision.refusal is not None:
            return self._refuse(decision.refusal, decision, record)
        record.decision = decision
        return self._allow(decision)

    def _original(self, access: AccessRequest) -> AccessRequest:
        """Return what the proxy asks about; equal questions of one connection are read once."""
        original: AccessRequest | None = access.made.get(self)
        if original is not None:
            return original.again(access.received_at, access.request_id)
        self._fields.require_no_stray(access.headers)
        original = access.made[self] = original_access(self._proxy.reader, access, self._accesses)
        return original

    def _refuse(self, refusal: Refusal, decision: Decision, record: RequestRecord) -> Response:
        """Record the decision as it is, and answer with a status that the proxy passes on."""
        record.decision = decision
        reader = self._proxy.reader
        return decision_refusal(
            decision, reader.translate(refusal), sends_to_login=reader.sends_to_login, signs_in=False
        )

    def _allow(self, decision: Decision) -> Response:
        max_age = self._max_age(decision)
        caching: HeaderPairs = ((b"Cache-Control", b"no-store"),)
        if max_age > 0:
            caching = ((b"Cache-Control", b"private, max-age=%d" % max_age), (b"Vary", self._proxy.caching.vary))
        keeps = decision.route is not None and decision.route.forward_credentials
        of_client = self._fields.response_fields(decision.access.headers, keep_credentials=keeps)
        identity = self._identity.compose_every(decision.identity)
        return Response(200, caching + of_client + identity + decision.caller_headers)

    def _max_age(self, decision: Decision) -> int:
        """Return how many seconds this allow may be cached: never past the session's end, and 0 under a rate limit."""
        if decision.route is None or decision.route.rate_limit is not None:
            return 0
        expires_at = decision.resolution.expires_at
        if expires_at is None:
            return self._proxy.caching.max_age
        return min(self._proxy.caching.max_age, int(expires_at.timestamp() - decision.access.received_at))


_NOT_A_PEER = Refusal(RefusalCode.FORBIDDEN, "not one of the endpoint's peers")
