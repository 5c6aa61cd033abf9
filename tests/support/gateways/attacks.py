"""A gateway in front of a recording upstream, attacked with raw bytes: what was answered, and what got through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.clients.raw_http import RawClient, RawResponse, raw_client
from tests.support.gateways.serving import PROJECT_KEY, Examples, Gateway, config, serving
from tests.support.servers.recording_upstream import (
    Conversation,
    RecordedRequest,
    RecordingUpstream,
    answer_each,
    recording_upstream,
)

HOST = b"Host: gateway.test"
KEY = b"X-Api-Key: " + PROJECT_KEY.encode()
CLOSE = b"Connection: close"
MARKER = b"GET /public/marker HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n"
"""An honest request to send behind a dishonest one: it arrives as it is, or not at all."""


def request(line: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """Return a request of this line and these fields, with a Host field."""
    return b"\r\n".join((line, HOST, *fields, b"", b"")) + body


def get(target: bytes, *fields: bytes, method: bytes = b"GET") -> bytes:
    """Return a request without a body, the last one of its connection."""
    return request(method + b" " + target + b" HTTP/1.1", CLOSE, *fields)


@dataclass(frozen=True)
class Seen:
    """What one connection was answered, response by response, and the whole requests that the upstream got of it."""

    responses: tuple[RawResponse, ...]
    received: tuple[RecordedRequest, ...]

    @property
    def statuses(self) -> tuple[int, ...]:
        return tuple(response.status for response in self.responses)

    @property
    def targets(self) -> tuple[bytes, ...]:
        return tuple(received.target for received in self.received)


class Victim:
    """A running gateway and its upstream."""

    def __init__(self, gateway: Gateway, upstream: RecordingUpstream) -> None:
        self.gateway = gateway
        self.upstream = upstream

    async def attack(self, raw: bytes, *, head: bool = False) -> Seen:
        """Send bytes on a connection of their own and read every response until the gateway closes it."""
        before = len(self.upstream.requests)
        async with raw_client(self.gateway.port) as client:
            with contextlib.suppress(ConnectionError):
                await client.send(raw)
            responses = await _responses(client, head=head)
        return Seen(tuple(responses), tuple(self.upstream.requests[before:]))

    async def misjudged(
        self, attacks: Iterable[bytes], statuses: tuple[int, ...], targets: tuple[bytes, ...] = ()
    ) -> list[tuple[bytes, tuple[int, ...], tuple[bytes, ...]]]:
        """Try each attack; return those that were not answered with `statuses`, or let other `targets` through."""
        wrong = []
        for raw in attacks:
            seen = await self.attack(raw, head=raw.startswith(b"HEAD "))
            if (seen.statuses, seen.targets) != (statuses, targets):
                wrong.append((raw, seen.statuses, seen.targets))
        return wrong


async def _responses(client: RawClient, *, head: bool) -> list[RawResponse]:
    responses = []
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            responses.append(await client.response(head=head))
    return responses


@contextlib.asynccontextmanager
async def victim(
    examples: Examples, folder: Path, conversation: Conversation = answer_each, **sections: Any
) -> AsyncIterator[Victim]:
    """Run a gateway on the example records in front of an upstream that talks as `conversation`.

    `sections` replace those of the config; one that is a function is called with the upstream's URL.
    """
    async with recording_upstream(conversation) as upstream:
        url = f"http://127.0.0.1:{upstream.port}"
        own = {name: section(url) if callable(section) else section for name, section in sections.items()}
        settings = config(upstream.port, examples.settings(folder), **own)
        async with serving(settings, folder) as gateway:
            yield Victim(gateway, upstream)
