"""Which methods are answered: Envoy's one question, and the health check of gRPC."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from gateway.ext_authz.grpc_caller import CheckAnswer, GrpcCaller
from gateway.ext_authz.grpc_message import GrpcError
from gateway.ext_authz.messages import HealthCheckRequest, HealthCheckResponse
from gateway.ext_authz.statuses import INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED

CHECK = b"/envoy.service.auth.v3.Authorization/Check"
HEALTH = b"/grpc.health.v1.Health/Check"

_SERVICES = frozenset({"", "envoy.service.auth.v3.Authorization"})
_SERVING, _NOT_SERVING = 1, 2


class CheckHandler(Protocol):
    """Answers questions in the config that is current when they come."""

    def check(self, message: bytes, caller: GrpcCaller) -> CheckAnswer:
        """Answer a CheckRequest; see `CheckPort.check`."""


class GrpcServices:
    """Answers whole messages; `draining` is what the health check tells."""

    def __init__(self, handler: CheckHandler) -> None:
        self._handler = handler
        self.draining = False

    def answer(self, method: bytes, message: bytes, caller: GrpcCaller) -> bytes | Coroutine[Any, Any, bytes]:
        """Return the answer to a call, or what has to be awaited for it; raises GrpcError."""
        if method == CHECK:
            return self._handler.check(message, caller)
        if method == HEALTH:
            return self._health(message)
        raise GrpcError(UNIMPLEMENTED, "there is no such method")

    def _health(self, message: bytes) -> bytes:
        try:
            question = HealthCheckRequest.FromString(message)
        except DecodeError:
            raise GrpcError(INVALID_ARGUMENT, "the message is no HealthCheckRequest") from None
        if question.service not in _SERVICES:
            raise GrpcError(NOT_FOUND, "there is no such service")
        answer: bytes = HealthCheckResponse(status=_NOT_SERVING if self.draining else _SERVING).SerializeToString()
        return answer
