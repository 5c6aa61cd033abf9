"""The calls of one connection that are not over yet, and what their unfinished messages hold of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.ext_authz.grpc_call import GrpcCall

_MESSAGES_IN_ALL = 16
"""Times the longest message that the unfinished ones of one connection may be long together."""


class OpenCalls:
    """Calls by the number of their stream; `rested` is called when the last one is over."""

    def __init__(self, rested: Callable[[], None]) -> None:
        self._rested = rested
        self._calls: dict[int, GrpcCall] = {}
        self._unfinished_bytes = 0

    def __len__(self) -> int:
        """Return how many calls are under way."""
        return len(self._calls)

    def all(self) -> list[GrpcCall]:
        """Return the calls, also for whoever ends some of them meanwhile."""
        return list(self._calls.values())

    def begin(self, stream_id: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Note a new call."""
        self._calls[stream_id] = GrpcCall(stream_id, headers)

    def get(self, stream_id: int) -> GrpcCall | None:
        """Return the call of a stream, until it is over."""
        return self._calls.get(stream_id)

    def unfinished(self, stream_id: int) -> GrpcCall | None:
        """Return the call of a stream while its last byte has not come."""
        call = self._calls.get(stream_id)
        return None if call is None or call.complete else call

    def add(self, call: GrpcCall, data: bytes, message_bytes: int) -> bool:
        """Add bytes to a call's message; tell whether it, and all of them together, are no longer than they may be."""
        call.body += data
        self._unfinished_bytes += len(data)
        return len(call.body) <= message_bytes and self._unfinished_bytes <= _MESSAGES_IN_ALL * message_bytes

    def complete(self, call: GrpcCall) -> None:
        """Note that a call's last byte has come."""
        call.complete = True
        self._count_out(call)

    def forget(self, call: GrpcCall) -> None:
        """Note that a call is over."""
        self._count_out(call)
        self._calls.pop(call.stream_id, None)
        if not self._calls:
            self._rested()

    def cancel(self) -> None:
        """Give up what is being done for each call: nobody is there to hear it."""
        for call in self._calls.values():
            call.cancel()
        self._calls.clear()

    def _count_out(self, call: GrpcCall) -> None:
        if not call.counted_out:
            call.counted_out = True
            self._unfinished_bytes -= len(call.body)
