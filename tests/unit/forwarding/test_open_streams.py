from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from gateway.forwarding.open_streams import OpenStreams
from gateway.model.answers import Found
from gateway.model.credential import Credential, CredentialKind
from gateway.model.decision import Decision
from gateway.model.resolution import NOBODY, Resolution
from gateway.model.session import Session
from tests.support.requests import access_request


def decision(session_id: str = "", expires_at: datetime | None = None) -> Decision:
    if not session_id:
        return Decision(access=access_request())
    return Decision(
        access=access_request(),
        credential=Credential("token", CredentialKind.BEARER, "", (session_id,), b"f"),
        resolution=Resolution(answer=Found(Session(subject="u", id=session_id), expires_at=expires_at)),
    )


def handles(found: Decision) -> tuple[bytes, ...]:
    session = found.resolution.session
    assert session is not None
    return (str(session.id).encode(), b"everybody")


async def test_a_stream_is_ended_by_any_of_its_handles_and_only_by_them() -> None:
    streams, ended = OpenStreams(handles, lambda: 0.0), list[str]()
    one = streams.add("tunnel", decision("s1"), lambda code: ended.append(f"one {code}"))
    streams.add("event_stream", decision("s2"), lambda code: ended.append(f"two {code}"))
    streams.add("tunnel", decision(), lambda code: ended.append(f"nobody {code}"))
    assert streams.ended([b"s1", b"unknown"]) == 1
    assert ended == ["one 1008"]
    streams.remove(one)
    assert streams.ended([b"everybody", b"s2"]) == 1
    assert ended == ["one 1008", "two 1008"]
    assert (streams.count("tunnel"), streams.count("event_stream")) == (1, 1)


async def test_draining_ends_all_of_them() -> None:
    streams, ended = OpenStreams(handles, lambda: 0.0), list[int]()
    for name in ("", "s1"):
        streams.add("tunnel", decision(name), ended.append)
    assert streams.drain() == 2
    assert ended == [1001, 1001]


async def test_a_removed_stream_is_forgotten() -> None:
    streams = OpenStreams(handles, lambda: 0.0)
    streams.remove(streams.add("tunnel", decision("s1", datetime.fromtimestamp(1.0, UTC)), lambda _: None))
    assert (streams.ended([b"s1"]), streams.drain()) == (0, 0)


async def test_one_whose_time_has_passed_is_ended_at_once() -> None:
    ended = asyncio.get_running_loop().create_future()
    OpenStreams(handles, lambda: 100.0).add(
        "tunnel", decision("s1", datetime.fromtimestamp(99.0, UTC)), ended.set_result
    )
    assert not ended.done()
    assert await ended == 1008


async def test_only_those_with_a_credential_are_resolved_again() -> None:
    streams, ended, asked = OpenStreams(handles, lambda: 0.0), list[int](), list[str]()
    streams.add("tunnel", decision(), ended.append)
    streams.add("tunnel", decision("s1"), ended.append)

    async def resolve(credential: Credential) -> Resolution:
        asked.append(credential.parts[0])
        return NOBODY

    assert await streams.recheck(resolve) == 1
    assert (asked, ended) == (["s1"], [1008])
