"""Equal header blocks have an equal meaning: what is remembered of them changes nothing that anybody could see."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.clients.raw_http import RawClient, raw_client
from tests.support.gateways.attacks import Victim, victim
from tests.support.gateways.serving import PROJECT_KEY, Examples

KEY = b"X-Api-Key: " + PROJECT_KEY.encode()
FIELDS = (
    KEY, b"x-api-key: wrong", b"X-Api-Key:", b"Cookie: a=b; __session=x", b"Cookie: a=b", b"X-User-Id: forged",
    b"X_User_Id: forged", b"Connection: keep-alive", b"Connection: close", b"Connection: X-Kept", b"X-Kept: 1",
    b"Origin: https://evil.test", b"Content-Length: 0", b"Content-Length: 3", b"Transfer-Encoding: chunked",
    b"Expect: 100-continue", b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"TraceParent: 00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", b"tracestate: a=b",
    b"X-Request-Id: one", b"x-request-id: two", b"X-Forwarded-For: 192.0.2.1", b"Host: other.test", b"Upgrade: h2c",
    b"X-Bad: \x01", b"traceparent: \x01", b" folded", b"X-Long: " + b"y" * 3000,
)  # fmt: skip
LINES = (b"GET /echo/ HTTP/1.1", b"GET /public/ HTTP/1.1", b"POST /echo/ HTTP/1.1", b"GET /echo/ HTTP/1.0",
         b"GET /public/..%2fadmin HTTP/1.1", b"DELETE /admin/ HTTP/1.1", b"OPTIONS /echo/ HTTP/1.1")  # fmt: skip

ONCE = frozenset({b"traceparent", b"x-request-id"})

Head = tuple[bytes, tuple[bytes, ...]]
Turn = tuple[Head, int]
"""A head, and the number of the connection that it is sent on."""
heads = st.tuples(st.sampled_from(LINES), st.lists(st.sampled_from(FIELDS), max_size=4).map(tuple))
conversations = st.lists(heads, min_size=1, max_size=3).flatmap(
    lambda few: st.lists(st.tuples(st.sampled_from(few), st.integers(0, 1)), min_size=2, max_size=8)
)


Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def both(examples: Examples, tmp_path: Path, run: Run) -> Iterator[tuple[Victim, Victim]]:
    """A gateway that remembers and one that does not, on a loop of their own."""
    stack = contextlib.AsyncExitStack()

    async def begin() -> tuple[Victim, Victim]:
        remembering = await stack.enter_async_context(victim(examples, tmp_path / "a"))
        limits = {"remembered_bytes": 0}
        return remembering, await stack.enter_async_context(victim(examples, tmp_path / "b", limits=limits))

    for name in "ab":
        (tmp_path / name).mkdir()
    try:
        yield run(begin())
    finally:
        run(stack.aclose())


async def told(attacked: Victim, conversation: list[Turn]) -> list[object]:
    """Return all that the caller and the upstream saw, but for what names one request alone."""
    attacked.upstream.requests.clear()
    seen: list[object] = []
    async with contextlib.AsyncExitStack() as stack:
        clients: dict[int, RawClient] = {}
        for (line, fields), number in conversation:
            client = clients.get(number) or await stack.enter_async_context(raw_client(attacked.gateway.port))
            clients[number] = client
            body = b"abc" if b"Content-Length: 3" in fields else b""
            body += b"3\r\nabc\r\n0\r\n\r\n" if b"Transfer-Encoding: chunked" in fields else b""
            try:
                await client.send(b"\r\n".join((line, b"Host: gateway.test", *fields, b"", b"")) + body)
                response = await client.response()
                while response.status == 100:
                    response = await client.response()
            except (ConnectionError, asyncio.IncompleteReadError):
                seen.append("closed")
                del clients[number]
                continue
            seen.append((response.status, response.one(b"connection"), response.one(b"www-authenticate")))
    for received in attacked.upstream.requests:
        others = [field for field in received.headers if field[0].lower() not in ONCE]
        seen.append((received.method, received.target, others, len(received.headers), received.body))
    return seen


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(conversation=conversations)
def test_nobody_sees_whether_a_block_was_remembered(
    both: tuple[Victim, Victim], run: Run, conversation: list[Turn]
) -> None:
    with_memory, without = (run(told(each, conversation)) for each in both)
    assert with_memory == without


def test_what_may_change_is_looked_at_for_a_remembered_block_too(both: tuple[Victim, Victim], run: Run) -> None:
    remembering, _ = both

    async def ask() -> list[int]:
        statuses = []
        async with raw_client(remembering.gateway.port) as client:
            for round_ in range(6):
                if round_ == 4:
                    key = RevocationTarget(RevocationKind.API_KEY, "550e8400-e29b-41d4-a716-446655440003")
                    assert await remembering.gateway.worker.revoke(key)
                await client.send(b"GET /echo/ HTTP/1.1\r\nHost: gateway.test\r\n" + KEY + b"\r\n\r\n")
                statuses.append((await client.response()).status)
        return statuses

    assert run(ask()) == [200] * 4 + [401] * 2
