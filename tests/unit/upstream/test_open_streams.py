from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from gateway.model.answers import NOBODY, Found, Resolution
from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import Decision
from gateway.model.session import Session
from gateway.upstream.open_streams import OpenStreams
from tests.support.builders.requests import access_request


def decision(session_id: str = "", expires_at: datetime | None = None) -> Decision:
    if not session_id:
        return Decision(access=access_request())
    return Decision(
        access=access_request(),
        credential=Credential("token", CredentialKind.BEARER, "", (session_id,), b"f"),
        resolution=Resolution(answer=Found(Session(subject="u", id=session_id), expires_at=expires_at)),
    )


class Resolver:
    """Knows the sessions of `live`, and remembers whom it was asked about."""

    def __init__(self, *live: str) -> None:
        self.live = live
        self.asked: list[str] = []

    async def __call__(self, credential: Credential) -> Resolution:
        session_id = credential.parts[0]
        self.asked.append(session_id)
        return decision(session_id).resolution if session_id in self.live else NOBODY


async def test_draining_ends_all_of_them() -> None:
    streams, ended = OpenStreams(lambda: 0.0), list[int]()
    for name in ("", "s1"):
        streams.add("tunnel", decision(name), ended.append)
    assert streams.drain() == 2
    assert ended == [1001, 1001]


async def test_one_that_comes_while_all_are_drained_is_ended_as_soon_as_it_stands() -> None:
    streams, ended = OpenStreams(lambda: 0.0), asyncio.get_running_loop().create_future()
    streams.drain()
    streams.add("tunnel", decision("s1"), ended.set_result)
    assert not ended.done()
    assert await ended == 1001


async def test_a_removed_stream_is_forgotten() -> None:
    streams, resolver = OpenStreams(lambda: 0.0), Resolver()
    streams.remove(streams.add("tunnel", decision("s1", datetime.fromtimestamp(1.0, UTC)), lambda _: None))
    assert (await streams.recheck(resolver), streams.drain()) == (0, 0)
    assert await streams.recheck(resolver, unseen_only=True) == 0
    assert (resolver.asked, streams.count("tunnel")) == ([], 0)


async def test_one_whose_time_has_passed_is_ended_at_once() -> None:
    ended = asyncio.get_running_loop().create_future()
    OpenStreams(lambda: 100.0).add("tunnel", decision("s1", datetime.fromtimestamp(99.0, UTC)), ended.set_result)
    assert not ended.done()
    assert await ended == 1008


async def test_those_whose_session_is_over_are_ended_and_those_without_one_are_left_alone() -> None:
    streams, ended, resolver = OpenStreams(lambda: 0.0), list[str](), Resolver("s2")
    streams.add("tunnel", decision(), lambda code: ended.append(f"nobody {code}"))
    streams.add("tunnel", decision("s1"), lambda code: ended.append(f"s1 {code}"))
    streams.add("event_stream", decision("s2"), lambda code: ended.append(f"s2 {code}"))
    assert (streams.count("tunnel"), streams.count("event_stream")) == (2, 1)
    assert await streams.recheck(resolver) == 1
    assert (sorted(resolver.asked), ended) == (["s1", "s2"], ["s1 1008"])


async def test_a_session_that_was_ended_while_its_stream_began_is_found() -> None:
    opened, ended, resolver = list[None](), list[int](), Resolver()
    streams = OpenStreams(lambda: 0.0, lambda: opened.append(None))
    streams.add("tunnel", decision(), ended.append)
    streams.add("tunnel", decision("s1"), ended.append)
    assert len(opened) == 1
    assert await streams.recheck(resolver, unseen_only=True) == 1
    assert await streams.recheck(resolver, unseen_only=True) == 0
    assert (resolver.asked, ended) == (["s1"], [1008])


async def test_many_streams_let_other_work_have_its_turn() -> None:
    streams, resolver, turns = OpenStreams(lambda: 0.0), Resolver("s1"), list[int]()
    for _ in range(250):
        streams.add("tunnel", decision("s1"), lambda _: None)

    async def other_work() -> None:
        turns.append(len(resolver.asked))

    _, gone = await asyncio.gather(streams.recheck(resolver), other_work())
    assert gone is None
    assert 0 < turns[0] < 250
