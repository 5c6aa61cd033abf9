"""Requests that the front refuses by itself: what stands in their place, and why, in our words."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any

from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from gateway.model.refusal import Refusal, RefusalCode

QueuedMessage = tuple[Any, StreamReader]
"""What waits to be served: a request's head, aiohttp's error or our `Refused` in its place, and its body."""

HEAD_TOO_LONG = Refusal(RefusalCode.HEAD_TOO_LARGE, "limits.head_bytes")

_TOO_MANY_FIELDS = "Too many headers received"
"""How aiohttp's parser words that limit; it has no error class of its own."""


class Refused:
    """Stands in the queue of requests for one that could not be read."""

    __slots__ = ("refusal",)

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def refuse_long_heads(messages: MutableSequence[QueuedMessage], most: int) -> None:
    """Weigh one by one the heads that arrived together with more than `most` bytes; put `Refused` for those over it."""
    for position, (message, _) in enumerate(messages):
        if isinstance(message, RawRequestMessage) and size_of(message) > most:
            messages[position] = (Refused(HEAD_TOO_LONG), EMPTY_PAYLOAD)


def refusal_of(message: object, most_line: int) -> Refusal:
    """Say in our words why there is no request; the parser's own hold the caller's bytes.

    `most_line` is the parser's limit for the request line, in bytes; that for a field is another number, which is all
    that tells the two errors apart.
    """
    if isinstance(message, Refused):
        return message.refusal
    error = getattr(message, "exc", None)
    if isinstance(error, LineTooLong):
        if error.args[1] == most_line:
            return Refusal(RefusalCode.TARGET_TOO_LONG, "limits.target_bytes")
        return HEAD_TOO_LONG
    if isinstance(error, BadHttpMessage) and error.message == _TOO_MANY_FIELDS:
        return Refusal(RefusalCode.HEAD_TOO_LARGE, "limits.headers")
    return Refusal(RefusalCode.MALFORMED, type(error).__name__)


def size_of(message: RawRequestMessage) -> int:
    """Return about how many bytes a head has: without white space around values, and without its first line's ends."""
    return len(message.path) + sum(len(name) + len(value) + 4 for name, value in message.raw_headers)
