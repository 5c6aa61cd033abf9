"""Which generation serves. A swap takes effect at once, and each request ends in the generation that it began in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

from gateway.ext_authz.grpc_caller import CheckAnswer, GrpcCaller
from gateway.ext_authz.grpc_message import GrpcError
from gateway.ext_authz.statuses import UNAVAILABLE
from gateway.http1.downstream import DownstreamAnswer, DownstreamRequest, Serving
from gateway.model.decision import Response
from gateway.model.refusal import Refusal
from gateway.resilience.tasks import TaskKeeper
from gateway.wiring.generation import Generation


class _InFlight:
    """A generation, and the number of its requests and tunnels in flight."""

    __slots__ = ("count", "generation")

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.count = 0


class ActiveGeneration:
    """Hands each request to the current generation; an earlier one is closed when its last request has ended."""

    def __init__(self, tasks: TaskKeeper) -> None:
        self._tasks = tasks
        self._current: _InFlight | None = None
        self._earlier: set[_InFlight] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def swap(self, generation: Generation) -> None:
        """Let `generation` serve the requests that come from now on."""
        generation.begin()
        before, self._current = self._current, _InFlight(generation)
        if before is not None:
            self._earlier.add(before)
            self._close_if_idle(before)

    def serve(self, request: DownstreamRequest) -> Serving:
        """Answer one request, or begin to; see `PublicPort.serve`."""
        in_flight = self._current or self._required  # the property costs each request a call, and only it raises
        in_flight.count += 1
        request.generation = in_flight
        return in_flight.generation.public_port.serve(request)

    def check(self, message: bytes, caller: GrpcCaller) -> CheckAnswer:
        """Answer a question that came over gRPC, as `CheckPort.check`; raises GrpcError where there is no port."""
        in_flight = self._required
        port = in_flight.generation.check_port
        if port is None:
            raise GrpcError(UNAVAILABLE, "the config has no listen.grpc any more")
        answer = port.check(message, caller)
        if isinstance(answer, bytes):
            return answer
        in_flight.count += 1
        return self._checked(in_flight, answer)

    async def _checked(self, in_flight: _InFlight, answer: Coroutine[Any, Any, bytes]) -> bytes:
        try:
            return await answer
        finally:
            self._left(in_flight)

    def completed(self, request: DownstreamRequest, answer: DownstreamAnswer | None) -> None:
        """Record how a request ended, in the generation that it began in."""
        in_flight: _InFlight = request.generation
        in_flight.generation.public_port.completed(request, answer)
        self._left(in_flight)

    def _left(self, in_flight: _InFlight) -> None:
        in_flight.count -= 1
        if in_flight is not self._current:
            self._close_if_idle(in_flight)

    def refuse(self, refusal: Refusal, peer: str, seen: bytes) -> Response:
        """Return the answer to what never became a request."""
        return self._required.generation.public_port.refuse(refusal, peer, seen)

    def generations(self) -> Iterator[Generation]:
        """Yield every generation that may have something open, the current one first."""
        if self._current is not None:
            yield self._current.generation
        yield from [in_flight.generation for in_flight in self._earlier]

    async def close(self) -> None:
        """Close every generation, and wait for those that are being closed; the last request has ended."""
        for generation in tuple(self.generations()):
            await generation.close()
        if self._closing:
            await asyncio.wait(self._closing)
        self._current = None
        self._earlier.clear()

    @property
    def _required(self) -> _InFlight:
        if self._current is None:
            raise RuntimeError("a request came before the first generation")
        return self._current

    def _close_if_idle(self, in_flight: _InFlight) -> None:
        if not in_flight.count and in_flight in self._earlier:
            self._earlier.discard(in_flight)
            closing = self._tasks.start(in_flight.generation.close(), "closing of a generation")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
