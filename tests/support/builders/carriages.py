"""Requests on their way, for tests that begin behind the endpoint."""

from __future__ import annotations

import asyncio

from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from gateway.model.decision import Decision, HeaderPairs
from gateway.model.route import Match, Route, Timeouts
from gateway.telemetry.record import RequestRecord
from gateway.upstream.client_request import DownstreamRequest
from gateway.upstream.forward_context import ForwardContext
from gateway.upstream.open_streams import OpenStreams
from tests.support.builders.requests import access_request
from tests.support.fakes.fake_transport import FakeClient, FakeTransport


def client_request(
    method: str = "GET",
    version: tuple[int, int] = (1, 1),
    *,
    keep_alive: bool = True,
    content: StreamReader = EMPTY_PAYLOAD,
    connection: FakeClient | None = None,
) -> DownstreamRequest:
    """A request that no front has read."""
    return DownstreamRequest(method, "/", version, (), keep_alive, content, connection or FakeClient())


def body_stream() -> StreamReader:
    """A request's body that the test feeds."""
    protocol = BaseProtocol(asyncio.get_running_loop())
    protocol.connection_made(FakeTransport())
    return StreamReader(protocol, 65536, loop=asyncio.get_running_loop())


def carriage(
    request: DownstreamRequest | None = None,
    fields: HeaderPairs = (),
    *,
    target: str = "/",
    added: HeaderPairs = (),
    timeouts: Timeouts | None = None,
    caller_headers: HeaderPairs = (),
    **route: object,
) -> ForwardContext:
    request = request or client_request()
    decision = Decision(
        access=access_request(request.method, target, fields),
        route=Route(name="all", match=Match("/"), timeouts=timeouts or Timeouts(), **route),  # type: ignore[arg-type]
        caller_headers=caller_headers,
    )
    return ForwardContext(
        request,
        decision,
        added,
        RequestRecord("req-1", 0.0),
        OpenStreams(lambda: 0.0),
        asyncio.get_running_loop().time(),
    )
