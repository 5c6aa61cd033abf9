"""A client of Envoy's authorization service, and questions as Envoy asks them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc

from gateway.ext_authz.messages import CheckRequest, CheckResponse

PATIENCE = 10.0
CHECK = "/envoy.service.auth.v3.Authorization/Check"
OVERWRITE = 2


def question(
    target: str = "/echo/a",
    *lines: tuple[str, str],
    method: str = "GET",
    host: str = "app.test",
    source: str = "192.0.2.7",
    merged: bool = False,
) -> Any:
    """Return a CheckRequest with a client's header lines, each by itself, or `merged` as Envoy does by default."""
    made = CheckRequest()
    made.attributes.source.address.socket_address.address = source
    http = made.attributes.request.http
    http.method, http.path, http.host, http.scheme = method, target, host, "http"
    pseudo = ((":method", method), (":path", target), (":authority", host), (":scheme", "http"))
    for name, value in (*pseudo, ("x-forwarded-proto", "http"), *lines):
        if merged:
            http.headers[name] = f"{http.headers[name]},{value}" if name in http.headers else value
        else:
            http.header_map.headers.add(key=name, raw_value=value.encode("latin-1"))
    return made


class Answer:
    """What a CheckResponse says, and what a request with `lines` becomes by it."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.allowed = response.status.code == 0
        self.status = response.denied_response.status.code if response.HasField("denied_response") else 200
        self.removed = set(response.ok_response.headers_to_remove)
        self.body: str = response.denied_response.body

    def told(self) -> dict[str, str]:
        """Return the headers that the application gets, each in the place of a client's."""
        options = self.response.ok_response.headers
        assert {option.append_action for option in options} <= {OVERWRITE}
        return {option.header.key: option.header.value for option in options}

    def client(self) -> dict[str, list[str]]:
        """Return the headers that the client gets."""
        denied = self.response.denied_response.headers
        found: dict[str, list[str]] = {}
        for option in denied if not self.allowed else self.response.ok_response.response_headers_to_add:
            found.setdefault(option.header.key, []).append(option.header.value)
        return found


class Asking:
    """A channel to the service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    async def ask(self, asked: Any) -> Answer:
        raw = await self.channel.unary_unary(CHECK)(asked.SerializeToString(), timeout=PATIENCE)
        return Answer(CheckResponse.FromString(raw))

    async def fails(self, path: str, message: bytes, **how: Any) -> grpc.aio.AioRpcError:
        """Return how a call ends that is not answered."""
        try:
            await self.channel.unary_unary(path)(message, timeout=PATIENCE, **how)
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError("the call was answered")


@contextlib.asynccontextmanager
async def asking(at: str) -> AsyncIterator[Asking]:
    """Open a channel to `HOST:PORT` or `unix:PATH`."""
    async with grpc.aio.insecure_channel(at, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield Asking(channel)
