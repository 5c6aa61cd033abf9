from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import pytest

from gateway.model.decision import Decision
from gateway.model.refusal import Refusal, RefusalCode
from gateway.telemetry.record import RequestRecord
from gateway.upstream.balancer import HealthLimits, Upstreams
from gateway.upstream.forwarded import Forwarded
from gateway.upstream.http_forwarder import HttpForwarder
from gateway.upstream.open_streams import OpenStreams
from gateway.upstream.pool import PoolLimits
from gateway.upstream.request_head import RequestHeads, Stripped
from tests.support.builders.carriages import client_request
from tests.support.builders.requests import access_request
from tests.support.fakes.fake_transport import FakeClient
from tests.support.gateways.carrying import route_to
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream


@pytest.fixture
async def upstream() -> AsyncIterator[RecordingUpstream]:
    async with recording_upstream() as found:
        yield found


class Forwarding:
    """A forwarder to one upstream, and what it makes of one request."""

    def __init__(self, port: int) -> None:
        self.route = route_to(port)
        upstreams = Upstreams([self.route], PoolLimits(), HealthLimits(), dns_ttl=1.0, tls=ssl.create_default_context)
        streams = OpenStreams(lambda: 0.0)
        self.forwarder = HttpForwarder(upstreams, RequestHeads(Stripped()), streams, lambda: 5.0)
        self.record = RequestRecord("r", 0.0)
        self.client = FakeClient()

    async def forward(self) -> Forwarded | Refusal:
        decision = Decision(access=access_request(), route=self.route, identity=((b"X-User-Id", b"u"),))
        request = client_request(connection=self.client)
        return await self.forwarder.forward(request, decision, ((b"X-Request-Id", b"r"),), self.record)


async def test_a_carried_request_fills_its_record(upstream: RecordingUpstream) -> None:
    forwarding = Forwarding(upstream.port)
    carried = await forwarding.forward()
    assert isinstance(carried, Forwarded)
    assert (carried.status, carried.keep_alive) == (200, True)
    assert forwarding.client.fake.written == upstream.answer
    assert upstream.requests[0].headers[1:] == ((b"X-Request-Id", b"r"), (b"X-User-Id", b"u"))
    record = forwarding.record
    assert (record.status, record.upstream_status, record.bytes_out, record.fault) == (200, 200, 2, "")
    assert (record.upstream, record.upstream_began, record.upstream_first_byte) == (
        f"http://127.0.0.1:{upstream.port}", 5.0, 5.0,
    )  # fmt: skip
    assert forwarding.client.watcher is None
    await forwarding.forwarder.close()


async def test_a_fault_is_told_as_a_refusal(upstream: RecordingUpstream) -> None:
    upstream.answer = b"nonsense\r\n\r\n"
    forwarding = Forwarding(upstream.port)
    refusal = await forwarding.forward()
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.BAD_GATEWAY
    assert forwarding.record.fault == "bad response"
    assert forwarding.client.fake.written == b""
    await forwarding.forwarder.close()


async def test_a_connection_is_used_again(upstream: RecordingUpstream) -> None:
    forwarding = Forwarding(upstream.port)
    for _ in range(3):
        assert isinstance(await forwarding.forward(), Forwarded)
    assert upstream.connections == 1
    await forwarding.forwarder.close()
