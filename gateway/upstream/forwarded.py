"""The upstream's answer, which has already gone out."""

from __future__ import annotations

import msgspec

from gateway.model.decision import Response


class Forwarded(msgspec.Struct, frozen=True, gc=False):
    """Stands for an answer whose bytes were written as they came.

    `keep_alive` tells whether the caller's connection may carry another request.
    """

    status: int
    keep_alive: bool


EndpointAnswer = Forwarded | Response
"""What a request ends in: the upstream's answer, or one of our own that is yet to be sent."""
