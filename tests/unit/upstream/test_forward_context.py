from __future__ import annotations

import pytest
from aiohttp.streams import EMPTY_PAYLOAD

from gateway.model.decision import Decision
from gateway.model.route import Timeouts
from gateway.upstream.forward_context import ForwardContext
from tests.support.builders.carriages import body_stream, carriage, client_request
from tests.support.builders.requests import access_request
from tests.support.fakes.fake_transport import FakeClient


async def test_a_plain_request_leaves_the_connection_open() -> None:
    assert not carriage().must_close


@pytest.mark.parametrize("reason", ["caller", "draining", "body", "upgrade"])
async def test_the_connection_ends_with_the_answer(reason: str) -> None:
    client = FakeClient()
    client.draining = reason == "draining"
    content = body_stream() if reason == "body" else EMPTY_PAYLOAD
    request = client_request(keep_alive=reason != "caller", content=content, connection=client)
    fields = ((b"Connection", b"upgrade"), (b"Upgrade", b"websocket")) if reason == "upgrade" else ()
    assert carriage(request, fields).must_close


async def test_a_total_time_has_an_end() -> None:
    assert carriage().ends_at == 0.0
    assert carriage(timeouts=Timeouts(total=5.0)).ends_at > 5.0


async def test_a_refused_request_is_not_carried() -> None:
    job = carriage()
    with pytest.raises(ValueError, match="allowed"):
        ForwardContext(job.request, Decision(access=access_request()), (), job.record, job.streams, 0.0)
