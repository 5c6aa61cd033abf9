from __future__ import annotations

import pytest
from aiohttp import ClientConnectionResetError, web

from gateway.http1.faults import ExchangeError, Fault
from gateway.model.headers import Headers
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.request_body import RequestBody
from tests.support.builders.carriages import body_stream, client_request

CHUNKED = [(b"Transfer-Encoding", b"chunked")]


def body(request: DownstreamRequest, fields: list[tuple[bytes, bytes]], most: int = 0) -> RequestBody:
    return RequestBody(request.content, request.version, Headers(fields), most, RequestRecord("r", 0.0))


async def test_no_body_is_complete_at_once() -> None:
    found = body(client_request(), [])
    assert (found.complete, found.begun, found.framing) == (True, False, b"\r\n")


@pytest.mark.parametrize(("fields", "framed"), [([], b"abc"), (CHUNKED, b"3\r\nabc\r\n0\r\n\r\n")])
async def test_a_body_that_has_come_is_taken_in_one_piece(fields: list[tuple[bytes, bytes]], framed: bytes) -> None:
    stream = body_stream()
    stream.feed_data(b"abc")
    stream.feed_eof()
    found = body(client_request("POST", content=stream), fields)
    assert found.received
    assert found.whole() == framed
    assert (found.complete, found.begun) == (True, True)


async def test_a_body_is_read_piece_by_piece() -> None:
    stream = body_stream()
    found = body(client_request("POST", content=stream), CHUNKED)
    stream.feed_data(b"abc")
    assert await found.read() == b"3\r\nabc\r\n"
    stream.feed_eof()
    assert (await found.read(), found.complete) == (b"", False)
    assert (found.end(), found.complete) == (b"0\r\n\r\n", True)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ExchangeError(Fault.CLIENT_STALLED), Fault.CLIENT_STALLED),
        (web.RequestPayloadError("broken"), Fault.BODY_BROKEN),
        (ClientConnectionResetError("gone"), Fault.CLIENT_GONE),
        (ConnectionResetError("gone"), Fault.CLIENT_GONE),
    ],
)
async def test_a_fault_of_the_caller_is_called_so(error: Exception, fault: Fault) -> None:
    stream = body_stream()
    stream.set_exception(error)
    with pytest.raises(ExchangeError) as failed:
        await body(client_request("POST", content=stream), []).read()
    assert failed.value.fault is fault


async def test_a_limit_holds_for_what_is_announced_and_for_what_comes() -> None:
    with pytest.raises(ExchangeError):
        body(client_request("POST", content=body_stream()), [(b"Content-Length", b"4")], 3)
    stream = body_stream()
    stream.feed_data(b"abcd")
    with pytest.raises(ExchangeError) as failed:
        await body(client_request("POST", content=stream), CHUNKED, 3).read()
    assert failed.value.fault is Fault.BODY_TOO_LARGE


@pytest.mark.parametrize(
    ("version", "early", "invited"), [((1, 1), b"", True), ((1, 0), b"", False), ((1, 1), b"a", False)]
)
async def test_a_waiting_caller_is_invited_once(version: tuple[int, int], early: bytes, invited: bool) -> None:
    stream = body_stream()
    stream.feed_data(early)
    found = body(client_request("POST", version, content=stream), [(b"Expect", b"100-continue")])
    assert bool(found.invitation()) == invited
    assert not found.invitation()
