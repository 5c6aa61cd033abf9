from __future__ import annotations

from gateway.http1.downstream import Forwarded
from tests.support.builders.carriages import downstream_request
from tests.support.fakes.fake_transport import FakeClient


def test_an_answer_goes_to_the_connection_that_the_request_came_over() -> None:
    client, answer = FakeClient(), Forwarded(200, keep_alive=True)
    request = downstream_request(connection=client)
    request.complete(answer)
    assert client.answers == [answer]


def test_a_request_begins_with_nothing_noted() -> None:
    request = downstream_request()
    assert (request.body, request.record, request.generation) == (None, None, None)
