from typing import Any

import msgspec
import pytest

from gateway.endpoints.json_document import JsonDocumentEndpoint
from gateway.http1.downstream import DownstreamRequest
from gateway.model.decision import Response
from gateway.telemetry.record import RequestRecord
from tests.support.builders.requests import access_request
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.servers.fronts import front

KEY = {"kty": "EC", "crv": "P-256", "kid": "1", "x": "a", "y": "b", "use": "sig", "alg": "ES256"}


class Ring:
    def __init__(self) -> None:
        self.keys = [KEY]

    def jwks(self) -> dict[str, Any]:
        return {"keys": self.keys}


async def ask(ring: Ring, method: str = "GET") -> RawResponse:
    path = "/.well-known/jwks.json"
    endpoint = JsonDocumentEndpoint("jwks", path, lambda: msgspec.json.encode(ring.jwks()), "public, max-age=300")

    async def handler(request: DownstreamRequest) -> Response:
        return await endpoint.answer(
            request, access_request(request.head.method, request.head.target), RequestRecord("req-1", 0.0)
        )

    async with front(handler) as port:
        request = f"{method} /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        return await exchange(port, request.encode(), head=method == "HEAD")


async def test_the_key_set_may_be_kept_by_anybody_for_a_while() -> None:
    answer = await ask(Ring())
    assert (answer.status, answer.json()) == (200, {"keys": [KEY]})
    assert answer.one(b"content-type") == b"application/json"
    assert answer.one(b"cache-control") == b"public, max-age=300"


async def test_a_rotated_ring_shows_at_once() -> None:
    ring = Ring()
    ring.keys = [{**KEY, "kid": "2"}, KEY]
    assert [key["kid"] for key in (await ask(ring)).json()["keys"]] == ["2", "1"]


async def test_head_is_answered_like_get_without_the_body() -> None:
    answer = await ask(Ring(), "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.one(b"content-length") or b"0") > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nobody_can_write(method: str) -> None:
    answer = await ask(Ring(), method)
    assert (answer.status, answer.one(b"allow")) == (405, b"GET, HEAD")
