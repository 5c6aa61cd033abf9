import asyncio

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser

from gateway.front.trailers import TrailerGuard

HEAD = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n"


class Watched:
    """A guard beside the parser that it guards against."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16)
        self.guard = TrailerGuard()

    def admitted(self, data: bytes, *, parsed_all: bool = True) -> list[str]:
        """Return the paths of the requests that were let through."""
        began, _, _ = self._parser.feed_data(data)
        return [message.path for message, _ in began[: self.guard.admit(data, began, parsed_all=parsed_all)]]


async def test_the_parser_still_needs_guarding() -> None:
    loop = asyncio.get_running_loop()
    parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16)
    messages, _, _ = parser.feed_data(HEAD + b"0\r\nX-Api-Key: another's\r\n\r\n" + NEXT)
    assert messages[1][0].raw_headers[0] == (b"X-Api-Key", b"another's")


@pytest.mark.parametrize("body", [b"0\r\n\r\n", b"1\r\nx\r\n0\r\n\r\n", b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
async def test_a_request_follows_a_chunked_one_without_trailers(body: bytes, size: int) -> None:
    watched = Watched()
    whole = HEAD + body
    seen = [path for start in range(0, len(whole), size) for path in watched.admitted(whole[start : start + size])]
    assert seen == ["/a"]
    assert watched.admitted(NEXT) == ["/b"]
    assert not watched.guard.ended


@pytest.mark.parametrize(
    "end",
    [
        b"0\r\nX-Api-Key: k\r\n\r\n",
        b"0\r\nX: y\r\nZ: 0\r\n\r\n",
        b"0;x=y\r\n\r\n",
        b"000\r\n\r\n",
        b'0;x="\t0"\r\nX: 0\r\n\r\n',
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
async def test_nothing_follows_trailers_or_what_might_be_some(end: bytes, size: int) -> None:
    watched = Watched()
    whole = HEAD + b"1\r\nx\r\n" + end
    seen = [path for start in range(0, len(whole), size) for path in watched.admitted(whole[start : start + size])]
    assert seen == ["/a"]
    assert watched.guard.ended


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"0\r\nX-Api-Key: k\r\n\r\n"])
async def test_nothing_is_served_of_what_came_together_with_a_chunked_end(end: bytes) -> None:
    at_once, in_two = Watched(), Watched()
    assert at_once.admitted(NEXT + HEAD + end + NEXT + NEXT) == ["/b", "/a"]
    assert in_two.admitted(HEAD) == ["/a"]
    assert in_two.admitted(end + NEXT) == []
    assert at_once.guard.ended
    assert in_two.guard.ended


async def test_bytes_that_the_parser_holds_back_may_hide_trailers() -> None:
    paused, resumed = Watched(), Watched()
    assert paused.admitted(HEAD + b"0\r\n\r\n", parsed_all=False) == ["/a"]
    assert paused.guard.ended
    assert resumed.admitted(HEAD + b"0\r\n\r") == ["/a"]
    resumed.admitted(b"\n", parsed_all=False)
    assert resumed.guard.ended


async def test_requests_that_are_not_chunked_follow_each_other() -> None:
    watched = Watched()
    assert watched.admitted(NEXT + NEXT) == ["/b", "/b"]
    assert watched.admitted(b"POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + NEXT) == ["/c", "/b"]
    assert not watched.guard.ended
