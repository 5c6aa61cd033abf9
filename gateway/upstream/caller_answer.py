"""An upstream's answer on the caller's side: composed and framed as the caller understands it, in few pieces."""

from __future__ import annotations

from msgspec import structs

from gateway.http1.response_head import ResponseHead, changed_lines, compose_head
from gateway.model.route import UpstreamAddress
from gateway.upstream.forward_context import ForwardContext
from gateway.upstream.public_paths import PublicPaths

_LAST_CHUNK = b"0\r\n\r\n"
_JOINED = 16 * 1024
"""Bytes of a body that is copied behind its head: up to there a copy costs less than a second piece to write."""


class CallerAnswer:
    """What of an answer has come and is to be written.

    `begun` tells whether bytes of it were written, so that there is no other answer to give; `unframed` that only the
    end of the connection says where its body ends. `keep_alive` tells, at the end, whether the caller's connection may
    carry another request.
    """

    __slots__ = ("_chunking", "_out", "_upstream", "begun", "context", "keep_alive", "unframed")

    def __init__(self, context: ForwardContext, upstream: UpstreamAddress) -> None:
        self.context = context
        self._upstream = upstream
        self._out: list[bytes] = []
        self._chunking = False
        self.unframed = False
        self.begun = False
        self.keep_alive = False

    def _compose(self, head: ResponseHead) -> bytes:
        """Return the caller's head, in the framing that the caller understands."""
        context = self.context
        record = context.record
        record.status = record.upstream_status = head.status
        changes, added = context.route.response_headers, context.decision.caller_headers
        is_changed = changes.names or added or context.route.rewrite_paths
        if head.plain and not (is_changed or context.http_1_0 or context.must_close):
            self.keep_alive = True
            return head.plain
        framing = self._framing(head) if head.declared is None else b"Content-Length: %b\r\n" % head.declared
        if self.unframed or context.must_close:
            framing += b"Connection: close\r\n"
        else:
            self.keep_alive = True
            if context.http_1_0:
                framing += b"Connection: keep-alive\r\n"
        if context.route.rewrite_paths:
            public = PublicPaths(context.route, self._upstream, context.decision.access)
            head = structs.replace(head, lines=public.put_right(head.lines))
        if changes:
            head = structs.replace(head, lines=changed_lines(head.lines, changes))
        return compose_head(head, framing, added)

    def _framing(self, head: ResponseHead) -> bytes:
        """Return the field that says how a body without a declared length ends, if one is needed."""
        if head.length is not None:
            return b""
        if self.context.http_1_0:
            self.unframed = True
            return b""
        self._chunking = True
        return b"Transfer-Encoding: chunked\r\n"

    def _take(self, data: bytes) -> None:
        """Frame a piece of the body."""
        self.context.record.bytes_out += len(data)
        if self._chunking:
            self._out += (b"%x\r\n" % len(data), data, b"\r\n")
        else:
            self._out.append(data)

    def _take_end(self) -> None:
        """End the body."""
        if self._chunking:
            self._out.append(_LAST_CHUNK)

    def _write(self) -> None:
        """Write what was taken."""
        out = self._out
        self.begun = True
        self._out = []
        if len(out) == 1:
            self.context.client.write(out[0])
        elif out:
            self.context.client.writelines(out)

    def _write_whole(self, head: bytes, body: bytes) -> None:
        """Write all of an answer that came in one piece, with its length."""
        self.context.record.bytes_out += len(body)
        self.begun = True
        if len(body) <= _JOINED:
            self.context.client.write(head + body)
        else:
            self.context.client.writelines((head, body))
