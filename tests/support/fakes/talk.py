"""A caller's connection without a socket, whose bytes and time a test moves."""

from __future__ import annotations

from gateway.front.client_connection import ClientConnection
from gateway.front.server import GatewayServer
from gateway.front.serving import FrontLimits
from gateway.http1.downstream import DownstreamRequest, Forwarded, Serving
from gateway.http1.faults import ExchangeError
from gateway.model.decision import Response
from gateway.wiring.clock import wall_clock
from tests.support.fakes.fake_transport import FakeTransport
from tests.support.fakes.manual_loop import ManualLoop
from tests.support.servers.fronts import Answering, Handler

GET = b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n"


def tell_target(request: DownstreamRequest) -> Serving:
    return Response(200, body=request.head.target.encode())


class Consumer:
    """Keeps what comes of a body, the end as a word."""

    def __init__(self) -> None:
        self.seen: list[bytes | str] = []

    def body(self, data: bytes) -> None:
        self.seen.append(data)

    def body_end(self) -> None:
        self.seen.append("end")

    def body_failed(self, error: ExchangeError) -> None:
        self.seen.append(error.fault.value)


class Talk:
    """A connection whose bytes and time a test moves; requests wait in `requests` unless `answering` answers them."""

    def __init__(self, limits: FrontLimits | None = None, answering: Answering | None = None) -> None:
        self.requests: list[DownstreamRequest] = []
        self.handler = Handler(answering or self._keep)
        self.loop = ManualLoop()
        self.server = GatewayServer(self.handler, limits or FrontLimits(), wall_clock)
        self.connection = ClientConnection(self.server, self.loop.as_loop)
        self.transport = FakeTransport(self.connection)
        self.connection.connection_made(self.transport)
        self.sends = self.connection.data_received

    def _keep(self, request: DownstreamRequest) -> Serving:
        self.requests.append(request)
        return None

    def answer(self, answer: Response | Forwarded | None = None) -> None:
        self.requests[-1].complete(answer or Response(200))

    @property
    def statuses(self) -> list[int]:
        return [int(part[:3]) for part in self.transport.written.split(b"HTTP/1.1 ")[1:]]
