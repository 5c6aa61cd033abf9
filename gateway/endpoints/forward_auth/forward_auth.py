"""The endpoint of one proxy: who may ask, what is asked, and the answer in words that the proxy understands."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.forward_auth.original import OriginalReader, malformed, restore
from gateway.endpoints.networks import Networks
from gateway.endpoints.refusals import refusal_response
from gateway.gate import Gate
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.decision import AccessRequest, Decision, HeaderPairs, Response
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest

_DECIDES_TOO = frozenset(
    {
        b"access-control-request-method",
        b"cookie",
        b"origin",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"upgrade",
    }
)
"""What a decision depends on besides the credentials' own fields and what the proxy tells. A preflight shows no
credential and is allowed: kept without what makes it one, that allow would be every OPTIONS request's."""


class Keeping(msgspec.Struct, frozen=True):
    """How long an allow may be kept: `max_age` in seconds, 0 for not at all; `vary` are the fields it depends on."""

    max_age: int = 0
    vary: bytes = b""


def keeping(max_age: float, reader: OriginalReader, credential_fields: Iterable[bytes]) -> Keeping:
    """Return the Keeping; `credential_fields` are the lower-case headers in which credentials are shown."""
    names = sorted(_DECIDES_TOO | reader.told | frozenset(credential_fields))
    return Keeping(int(max_age), b", ".join(names))


class AskingProxy(msgspec.Struct, frozen=True):
    """Who asks at one endpoint: how it tells what it asks about, from where, at which path, and what it may keep."""

    reader: OriginalReader
    peers: Networks
    path: str
    kept: Keeping


class ForwardAuthEndpoint:
    """Answers decision requests of the proxy's peers: 200 with every identity header, or the refusal.

    Every identity header, empty where nothing is known: a proxy copies only what is there, and one that its client
    forged must not survive (Traefik CVE-2024-45410). Everybody else is told 403, whatever they say.
    """

    hosts: frozenset[str] = frozenset()

    def __init__(
        self,
        proxy: AskingProxy,
        gate: Gate,
        identity: IdentityHeaders,
        accesses: AccessReader,
        now: Callable[[], float],
    ) -> None:
        reader = proxy.reader
        self.name = f"forward_auth.{reader.name}"
        self.paths: tuple[str, ...] = () if reader.every_path else (proxy.path,)
        self.beneath = proxy.path if reader.every_path else ""
        self._proxy = proxy
        self._gate = gate
        self._identity = identity
        self._accesses = accesses
        self._now = now

    async def answer(
        self,
        request: DownstreamRequest,  # noqa: ARG002 - the protocol's
        access: AccessRequest,
        record: RequestRecord,
    ) -> Response:
        """Return the answer, complete and not yet sent."""
        if not self._proxy.peers.include(access.peer):
            return self._refuse(_STRANGER, Decision(access=access, refusal=_STRANGER, rule="peer"), record)
        try:
            original = self._original(access)
        except MalformedError as error:
            return self._refuse(error.refusal, Decision(access=access, refusal=error.refusal, rule="original"), record)
        record.method, record.path = original.method, original.target.path
        record.host, record.client = original.host.name, original.client
        decision = await self._gate.decide(original)
        record.decided = self._now()
        if decision.refusal is not None:
            return self._refuse(decision.refusal, decision, record)
        record.decision = decision
        return self._allow(decision)

    def _original(self, access: AccessRequest) -> AccessRequest:
        if self._identity.misspelt(name for name, _ in access.headers.raw):
            raise malformed("an identity header in a spelling that the proxy does not overwrite")
        return restore(self._proxy.reader, access, self._accesses)

    def _refuse(self, refusal: Refusal, decision: Decision, record: RequestRecord) -> Response:
        """Write down what was really decided, and answer with what the proxy understands of it."""
        record.decision = decision
        return refusal_response(self._proxy.reader.fold(refusal), record.request_id, decision.caller_headers)

    def _allow(self, decision: Decision) -> Response:
        age = self._age(decision)
        kept: HeaderPairs = ((b"Cache-Control", b"no-store"),)
        if age > 0:
            kept = ((b"Cache-Control", b"private, max-age=%d" % age), (b"Vary", self._proxy.kept.vary))
        return Response(200, kept + self._identity.compose_every(decision.identity) + decision.caller_headers)

    def _age(self, decision: Decision) -> int:
        """Return how many seconds this allow may be kept: never past the session's end, and no counted one at all."""
        if decision.route is None or decision.route.rate_limit is not None:
            return 0
        ends = decision.resolution.expires_at
        if ends is None:
            return self._proxy.kept.max_age
        return min(self._proxy.kept.max_age, int(ends.timestamp() - decision.access.received_at))


_STRANGER = Refusal(RefusalCode.FORBIDDEN, "not one of the endpoint's peers")
