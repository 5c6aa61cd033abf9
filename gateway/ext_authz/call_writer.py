"""How calls of one connection are answered: headers, a message as far as the peer's window goes, and a status."""

from __future__ import annotations

from collections.abc import Callable

from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from gateway.ext_authz.grpc_call import GrpcCall
from gateway.ext_authz.grpc_message import GrpcError, write_message
from gateway.ext_authz.statuses import percent_encoded

_ANSWERED = [(b":status", b"200"), (b"content-type", b"application/grpc")]


class CallWriter:
    """Writes into `h2`, and tells `ended` of each call that is over; `answered` counts those with a message."""

    def __init__(self, h2: H2Connection, ended: Callable[[GrpcCall], None]) -> None:
        self._h2 = h2
        self._ended = ended
        self.answered = 0

    def tell(self, call: GrpcCall, message: bytes) -> None:
        """Answer a call with a message."""
        try:
            self._h2.send_headers(call.stream_id, _ANSWERED)
        except ProtocolError:  # it was taken back, or the connection is at its end
            self._ended(call)
            return
        call.unsent = write_message(message)
        self.send(call)

    def send(self, call: GrpcCall) -> None:
        """Send of an answer what the peer's window takes, and then its status."""
        try:
            while call.unsent:
                window = min(self._h2.local_flow_control_window(call.stream_id), self._h2.max_outbound_frame_size)
                if window <= 0:
                    return
                self._h2.send_data(call.stream_id, call.unsent[:window])
                call.unsent = call.unsent[window:]
        except ProtocolError:
            self._ended(call)
            return
        self.answered += 1
        self.end(call, [(b"grpc-status", b"0")])

    def fail(self, call: GrpcCall, error: GrpcError) -> None:
        """End a call with a status alone."""
        status = [(b"grpc-status", b"%d" % error.code), (b"grpc-message", percent_encoded(error.message))]
        self.end(call, status if call.unsent else [*_ANSWERED, *status])

    def end(self, call: GrpcCall, headers: list[tuple[bytes, bytes]]) -> None:
        """End a call with these headers, or trailers; whatever else it sends is not wanted (RFC 9113 section 8.1)."""
        try:
            self._h2.send_headers(call.stream_id, headers, end_stream=True)
            if not call.complete:
                self._h2.reset_stream(call.stream_id, ErrorCodes.NO_ERROR)
        except ProtocolError:
            pass
        self._ended(call)
