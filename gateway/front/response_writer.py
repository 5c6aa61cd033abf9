"""How an answer of our own is sent: head and body in one piece, so that it is one write."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

from gateway.front.caller_transport import CallerTransport
from gateway.http1.head_parser import RequestHead
from gateway.model.decision import Response

_HTTP_1_1 = (1, 1)
_SERVER = b"Server: gateway\r\n"
"""Who answers, on our own answers alone (RFC 9110 section 10.2.4), and neither version nor language."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_CLOSE = b"Connection: close\r\n\r\n"
_STAY_1_0 = b"Connection: keep-alive\r\n\r\n"  # what HTTP/1.0 does not take for granted (RFC 9112 section 9.3)
_END = b"\r\n"


class ResponseWriter:
    """Writes answers. `clock` is in epoch seconds; the date is composed anew once a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = -1
        self._constant = b""

    def send(self, caller: CallerTransport, response: Response, head: RequestHead | None, *, closes: bool) -> bool:
        """Answer `head`, or what could not be read as one; return whether the connection may stay."""
        closes = closes or response.closes
        head_request = http_1_0 = False
        if head is not None:
            closes = closes or not head.keep_alive
            head_request, http_1_0 = head.method == "HEAD", head.version < _HTTP_1_1
        caller.write(self.compose(response, head_request=head_request, http_1_0=http_1_0, closes=closes))
        return not closes

    def compose(self, response: Response, *, head_request: bool, http_1_0: bool, closes: bool) -> bytes:
        """Return head and body; without a body in answer to HEAD, and without a length where none may be said.

        RFC 9110 sections 6.6.1 (Date), 8.6 (Content-Length) and 9.3.2 (HEAD). Raises ValueError for a field of two
        lines.
        """
        said = b"".join([b"%b: %b\r\n" % field for field in response.fields])
        if not said.count(b"\r") == said.count(b"\n") == len(response.fields):
            raise ValueError("a field holds a line break")  # it would begin a response of its own
        bodiless = response.status in _BODILESS
        length = b"" if bodiless else b"Content-Length: %d\r\n" % len(response.body)
        end = _CLOSE if closes else _STAY_1_0 if http_1_0 else _END
        body = b"" if bodiless or head_request else response.body
        return b"".join((_STATUS_LINES[response.status], said, length, self._dated(), end, body))

    def _dated(self) -> bytes:
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._constant = b"Date: " + formatdate(second, usegmt=True).encode("ascii") + b"\r\n" + _SERVER
        return self._constant
