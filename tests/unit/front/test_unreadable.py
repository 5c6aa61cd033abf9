from __future__ import annotations

import asyncio

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser
from aiohttp.streams import EMPTY_PAYLOAD

from gateway.front.unreadable import QueuedMessage, Refused, refusal_of, refuse_long_heads
from gateway.model.refusal import Refusal, RefusalCode

LINE, FIELD, FIELDS = 100, 200, 4


class Unread:
    """Stands for what aiohttp queues instead of a request."""

    def __init__(self, exc: BaseException) -> None:
        self.exc = exc


def parsed(data: bytes) -> list[QueuedMessage]:
    loop = asyncio.get_running_loop()
    parser = HttpRequestParser(
        BaseProtocol(loop), loop, 2**16, max_line_size=LINE, max_field_size=FIELD, max_headers=FIELDS
    )
    return list(parser.feed_data(data)[0])


@pytest.mark.parametrize(
    ("data", "code", "detail"),
    [
        (b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n" % (b"x" * 120), RefusalCode.TARGET_TOO_LONG, "limits.target_bytes"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: %b\r\n\r\n" % (b"x" * 220), RefusalCode.HEAD_TOO_LARGE, "limits.head_bytes"),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 5 + b"\r\n", RefusalCode.HEAD_TOO_LARGE, "limits.headers"),
        (b"GET / HTTP/1.1\r\nsecret of the caller\r\n\r\n", RefusalCode.MALFORMED, "BadHttpMessage"),
        (b"secret of the caller\r\n\r\n", RefusalCode.MALFORMED, "BadHttpMethod"),
    ],
)
async def test_what_the_parser_refuses_is_said_in_our_words(data: bytes, code: RefusalCode, detail: str) -> None:
    with pytest.raises(HttpProcessingError) as found:
        parsed(data)
    refusal = refusal_of(Unread(found.value), LINE)
    assert (refusal.code, refusal.detail) == (code, detail)


def test_a_refusal_of_our_own_is_kept() -> None:
    refusal = Refusal(RefusalCode.TIMEOUT, "limits.head_timeout")
    assert refusal_of(Refused(refusal), LINE) is refusal


async def test_only_heads_that_are_too_long_are_refused_and_each_in_its_place() -> None:
    short = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    messages = parsed(short + b"GET /b HTTP/1.1\r\nHost: h\r\nX: %b\r\n\r\n" % (b"x" * 60) + short)
    refused = Refused(Refusal(RefusalCode.TIMEOUT, "before"))
    messages.append((refused, EMPTY_PAYLOAD))
    refuse_long_heads(messages, 50)
    assert [getattr(message, "path", None) for message, _ in messages] == ["/a", None, "/a", None]
    assert refusal_of(messages[1][0], LINE).code is RefusalCode.HEAD_TOO_LARGE
    assert messages[3][0] is refused
