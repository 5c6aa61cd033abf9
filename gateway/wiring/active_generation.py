"""Which generation serves: one name, swapped at once, and each request ends in the generation that it began in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from gateway.model.decision import Response
from gateway.model.refusal import Refusal
from gateway.resilience.tasks import TaskKeeper
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forwarded import EndpointAnswer
from gateway.wiring.generation import Generation


class _InFlight:
    """A generation, and how many requests and tunnels are in it."""

    __slots__ = ("generation", "under_way")

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.under_way = 0


class ActiveGeneration:
    """Hands every request to the generation of its moment; an earlier one is closed when its last request has ended."""

    def __init__(self, tasks: TaskKeeper) -> None:
        self._tasks = tasks
        self._current: _InFlight | None = None
        self._earlier: set[_InFlight] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def swap(self, generation: Generation) -> None:
        """Let `generation` serve whatever comes from now on."""
        before, self._current = self._current, _InFlight(generation)
        if before is not None:
            self._earlier.add(before)
            self._close_if_over(before)

    async def answer(self, request: DownstreamRequest) -> EndpointAnswer:
        """Answer one request; see `PublicPort.answer`."""
        playing = self._current or self._playing  # the property costs each request a call, and only it raises
        playing.under_way += 1
        try:
            return await playing.generation.front.answer(request)
        finally:
            playing.under_way -= 1
            if playing is not self._current:
                self._close_if_over(playing)

    def refuse(self, refusal: Refusal) -> Response:
        """Word what never became a request."""
        return self._playing.generation.front.refuse(refusal)

    def living(self) -> Iterator[Generation]:
        """Yield every generation in which something may still be open, the one that serves first."""
        if self._current is not None:
            yield self._current.generation
        yield from [playing.generation for playing in self._earlier]

    async def close(self) -> None:
        """Close every generation, and wait for those that are being closed; the last request is over."""
        for generation in tuple(self.living()):
            await generation.close()
        if self._closing:
            await asyncio.wait(self._closing)
        self._current = None
        self._earlier.clear()

    @property
    def _playing(self) -> _InFlight:
        if self._current is None:
            raise RuntimeError("a request came before the first generation")
        return self._current

    def _close_if_over(self, playing: _InFlight) -> None:
        if not playing.under_way and playing in self._earlier:
            self._earlier.discard(playing)
            closing = self._tasks.start(playing.generation.close(), "closing of a generation")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
