"""Everything that is asked over gRPC: read, handed to its endpoint, written down, and worded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from google.protobuf.message import DecodeError

from gateway.endpoints.public_port import PublicPort
from gateway.ext_authz.check_request import CheckReading
from gateway.ext_authz.check_response import Wording
from gateway.ext_authz.grpc_caller import CheckAnswer, GrpcCaller
from gateway.ext_authz.grpc_message import GrpcError
from gateway.ext_authz.messages import CheckRequest
from gateway.ext_authz.statuses import INVALID_ARGUMENT, PERMISSION_DENIED
from gateway.http1.downstream import DownstreamConnection, DownstreamRequest
from gateway.http1.head_parser import HeadLimits, parse_head
from gateway.model.decision import Response
from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode, mistake


class CheckPort:
    """Answers the questions of one generation; `port` has the one endpoint, and the journal."""

    def __init__(
        self,
        port: PublicPort,
        reading: CheckReading,
        wording: Wording,
        limits: HeadLimits,
        is_peer: Callable[[str], bool],
    ) -> None:
        self._port = port
        self._reading = reading
        self._wording = wording
        self._limits = limits
        self._is_peer = is_peer

    def check(self, message: bytes, caller: GrpcCaller) -> CheckAnswer:
        """Answer one CheckRequest; raises GrpcError for whoever may not ask, and for what is none.

        Whatever can be read as one is answered in its own words, and then refused where Envoy cannot have sent it.
        """
        if not self._is_peer(caller.peer):
            self._port.refuse(_NOT_A_PEER, caller.peer, b"")
            raise GrpcError(PERMISSION_DENIED, "only ext_authz.peers may ask")
        try:
            question = CheckRequest.FromString(message)
        except DecodeError:
            self._port.refuse(_UNREADABLE, caller.peer, b"")
            raise GrpcError(INVALID_ARGUMENT, "the message is no CheckRequest") from None
        raw = b""
        try:
            raw = self._reading.head(question)
            head = parse_head(raw, self._limits, caller.memory)
        except MalformedError as error:
            return self._wording.word(self._port.refuse(error.refusal, caller.peer, raw), None, None)
        request = DownstreamRequest(head, None, cast("DownstreamConnection", caller))
        answer = self._port.serve(request)
        if answer is None or isinstance(answer, Response):
            return self._told(request, answer)
        return self._told_later(request, answer)

    async def _told_later(self, request: DownstreamRequest, answer: Coroutine[Any, Any, Response | None]) -> bytes:
        try:
            return self._told(request, await answer)
        except asyncio.CancelledError:
            self._port.completed(request, None)
            raise

    def _told(self, request: DownstreamRequest, answer: Response | None) -> bytes:
        if answer is None:
            raise RuntimeError("the endpoint answers in another way than was asked for")
        self._port.completed(request, answer)
        decision = request.record.decision if request.record is not None else None
        return self._wording.word(answer, decision, request.head.block.headers)


_NOT_A_PEER = Refusal(RefusalCode.FORBIDDEN, "not one of ext_authz.peers")
_UNREADABLE = mistake(RefusalCode.MALFORMED, "the message is no CheckRequest")
