"""W3C Trace Context: the trace that a request belongs to (https://www.w3.org/TR/trace-context/)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from gateway.telemetry.request_ids import RandomHex
from gateway.telemetry.traced import Traced

_TRACEPARENT = re.compile(
    rb"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)
_LONGEST = 512  # a later version may be longer than the 55 bytes of version 00, but not without end
_SAMPLED = 0x01


class Trace(msgspec.Struct, frozen=True, gc=False):
    """The `traceparent` that goes upstream, and its trace id for the log.

    `continued` is false for a trace that begins here: a `tracestate` that came with the request belongs to another
    trace and must not be carried (section 3.3). `traced` is there when spans are to be made of the request.
    """

    traceparent: bytes
    trace_id: str
    continued: bool
    traced: Traced | None = None


class Traces:
    """Continues a valid trace or starts one; anybody may hand one in, since it decides nothing.

    A continued trace is passed on unmodified (section 3.4): no span of ours is exported, so naming one as the parent
    would cut the caller's tree in two. `sampled` is the flag of traces that start here: with it off, upstreams whose
    sampler follows the parent (OpenTelemetry's default) would record nothing any more.
    """

    def __init__(self, random_hex: RandomHex, *, sampled: bool = True) -> None:
        self._random_hex = random_hex
        self._flags = "01" if sampled else "00"

    def follow(self, values: Sequence[bytes]) -> Trace:
        """Return the trace of a request from its `traceparent` fields (section 3.2); two of them are none."""
        if len(values) == 1:
            continued = _continued(values[0])
            if continued is not None:
                return continued
        # Section 3.2.2.3 and 3.2.2.4 forbid ids of zeros alone; chance makes one in 2^64.
        trace_id, parent_id = self._random_hex.draw(), self._random_hex.draw()[:16]
        return Trace(f"00-{trace_id}-{parent_id}-{self._flags}".encode(), trace_id, continued=False)


def _continued(value: bytes) -> Trace | None:
    """Read one value strictly; a later version's is rewritten as version 00, the one that we know (section 3.2.4)."""
    found = _TRACEPARENT.fullmatch(value) if len(value) <= _LONGEST else None
    if found is None or found["version"] == b"ff":
        return None
    if not found["trace"].strip(b"0") or not found["parent"].strip(b"0"):
        return None
    trace_id = found["trace"].decode("ascii")
    if found["version"] == b"00":
        return None if found["rest"] else Trace(value, trace_id, continued=True)
    flags = int(found["flags"], 16) & _SAMPLED
    rewritten = b"00-%b-%b-%02x" % (found["trace"], found["parent"], flags)
    return Trace(rewritten, trace_id, continued=True)
