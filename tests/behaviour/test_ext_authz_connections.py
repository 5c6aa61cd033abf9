"""The port of gRPC, attacked by frames: whoever floods it or talks nonsense is cut off, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from gateway.ext_authz.messages import CheckResponse
from tests.support.clients.authorization_client import CHECK, asking, question
from tests.support.clients.raw_http2 import PREFACE, RawHttp2, raw_http2
from tests.support.gateways.serving import Examples, Gateway, config, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTEN = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0", "grpc": "127.0.0.1:0"}
CALL = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", CHECK),
    (":authority", "gateway"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
)
ASKED = question("/public/").SerializeToString()
BODY = b"\0" + len(ASKED).to_bytes(4, "big") + ASKED
CALM = 11  # ENHANCE_YOUR_CALM (RFC 9113 section 7)


def with_field(name: str, value: str) -> tuple[tuple[str, str], ...]:
    return (*(field for field in CALL if field[0] != name), (name, value))


def settings_of(examples: Examples, folder: Path, **ext_authz: Any) -> dict[str, Any]:
    more = {"peers": ["127.0.0.0/8"], **ext_authz}
    return config(1, examples.settings(folder), listen=LISTEN, ext_authz=more)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("connections")
    async with serving(settings_of(examples, folder), folder) as running:
        yield running
        async with asking(f"127.0.0.1:{running.grpc_port}") as to:
            assert (await to.ask(question("/public/"))).allowed, "everybody else is served on"
        assert b"Traceback" not in running.log()


async def answered(client: RawHttp2, stream: int = 1) -> bool:
    fields, body = await client.answer(stream)
    return fields.get("grpc-status") == "0" and CheckResponse.FromString(body[5:]).status.code == 0


async def test_a_call_by_hand_is_answered(gateway: Gateway) -> None:
    async with raw_http2(gateway.grpc_port) as client:
        await client.send(client.headers(1, CALL), DataFrame(1, BODY[:7]), PingFrame(0, b"12345678"))
        await client.send(
            PriorityFrame(3, depends_on=0), DataFrame(1, BODY[7:]), DataFrame(1, b"", flags=["END_STREAM"])
        )
        assert await answered(client)


@pytest.mark.parametrize(
    "opening",
    [
        b"GET /_gateway/auth/envoy_grpc/public/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        PREFACE.replace(b"SM", b"XX") + bytes(50),
        bytes(100),
    ],
    ids=["HTTP/1.1", "h2c", "TLS", "another preface", "nothing"],
)
async def test_nothing_but_http2_is_spoken(gateway: Gateway, opening: bytes) -> None:
    async with raw_http2(gateway.grpc_port, begins=False) as client:
        await client.send(opening)
        while (frame := await client.frame()) is not None:
            assert isinstance(frame, SettingsFrame | GoAwayFrame)


async def test_floods_of_frames_cut_off_or_slow_down_whoever_sends_them(gateway: Gateway) -> None:
    many = 4000
    for frames in (
        [SettingsFrame(0, {4: 65535})] * many,
        [PingFrame(0, b"abcdefgh")] * many,
        [WindowUpdateFrame(0, 1)] * many,
        [PriorityFrame(1, depends_on=0)] * many,
        [frame for place in range(many) for frame in (HeadersFrame(2 * place + 1), RstStreamFrame(2 * place + 1, 8))],
    ):
        async with raw_http2(gateway.grpc_port) as client:
            for place, frame in enumerate(frames):
                if isinstance(frame, HeadersFrame):
                    frames[place] = client.headers(frame.stream_id, CALL)
            await client.send(*frames)
        async with raw_http2(gateway.grpc_port) as other:
            await other.send(other.headers(1, CALL), DataFrame(1, BODY, flags=["END_STREAM"]))
            assert await answered(other)


async def test_calls_that_are_taken_back_again_and_again_end_the_connection(gateway: Gateway) -> None:
    async with raw_http2(gateway.grpc_port) as client:
        for stream in range(1, 2 * 1200, 2):
            await client.send(client.headers(stream, CALL), RstStreamFrame(stream, 8))
        assert await client.until_closed() in {CALM, None}


async def test_a_call_that_is_taken_back_while_it_waits_is_written_down(gateway: Gateway) -> None:
    """Also where it is taken back before anybody has begun to look the key up."""
    before = gateway.log().count(b"client gone")
    async with raw_http2(gateway.grpc_port) as client:
        for stream in range(1, 2 * 10, 2):
            asked = question("/echo/a", ("x-api-key", f"nobody's {stream}")).SerializeToString()
            body = b"\0" + len(asked).to_bytes(4, "big") + asked
            whole = DataFrame(stream, body, flags=["END_STREAM"])
            await client.send(client.headers(stream, CALL), whole, RstStreamFrame(stream, 8))
        await client.send(client.headers(99, CALL), DataFrame(99, BODY, flags=["END_STREAM"]))
        assert await answered(client, 99)
    lines = [json.loads(line) for line in gateway.log().splitlines() if b"client gone" in line]
    assert len(lines) - before == 10
    assert {line["endpoint"] for line in lines} == {"forward_auth.envoy_grpc"}


async def test_headers_without_end_are_not_kept(gateway: Gateway) -> None:
    async with raw_http2(gateway.grpc_port) as client:
        block = client.headers(1, (*CALL, *((f"x-{number}", "a" * 500) for number in range(60))))
        pieces = [block.data[at : at + 16000] for at in range(0, len(block.data), 16000)]
        await client.send(HeadersFrame(1, pieces[0]), *(ContinuationFrame(1, piece) for piece in pieces[1:]))
        await client.send(ContinuationFrame(1, b"", flags=["END_HEADERS"]))
        assert await client.until_closed() is not None
    async with raw_http2(gateway.grpc_port) as client:
        await client.send(HeadersFrame(1, b""), *([ContinuationFrame(1, b"")] * 200))
        assert await client.until_closed() is not None


async def test_what_http2_forbids_ends_the_connection(gateway: Gateway) -> None:
    upper = with_field("content-type", "application/grpc")
    for name, frames in {
        "data without a call": lambda _: [DataFrame(1, BODY)],
        "a stream of ours": lambda client: [client.headers(2, CALL, end=True)],
        "a push": lambda _: [PushPromiseFrame(1, promised_stream_id=2, data=b"", flags=["END_HEADERS"])],
        "a window that overflows": lambda _: [WindowUpdateFrame(0, 2**31 - 1)],
        "a reset of what never began": lambda _: [RstStreamFrame(9, 8)],
        "an upper-case field": lambda client: [client.headers(1, (*upper, ("X-Api-Key", "a")), end=True)],
        "a field of a connection": lambda client: [client.headers(1, (*CALL, ("connection", "close")), end=True)],
        "no path": lambda client: [client.headers(1, [field for field in CALL if field[0] != ":path"], end=True)],
        "two paths": lambda client: [client.headers(1, ((":path", "/"), *CALL), end=True)],
        "a longer table": lambda _: [SettingsFrame(0, {5: 1})],
    }.items():
        async with raw_http2(gateway.grpc_port) as client:
            await client.send(*frames(client))
            assert await client.until_closed() is not None, name


async def test_what_is_no_call_has_a_status_of_http(gateway: Gateway) -> None:
    async with raw_http2(gateway.grpc_port) as client:
        for stream, (name, value, status) in enumerate(
            (
                (":method", "GET", "405"),
                ("content-type", "application/json", "415"),
                ("content-type", "application/grpc-web", "415"),
                ("content-type", "application/grpc+json", "415"),
            )
        ):
            await client.send(client.headers(2 * stream + 1, sorted(with_field(name, value)), end=True))
            fields, body = await client.answer(2 * stream + 1)
            assert (fields[":status"], body) == (status, b"")
            assert "grpc-status" not in fields


async def test_what_is_no_message_has_a_status_of_grpc(gateway: Gateway) -> None:
    async with raw_http2(gateway.grpc_port) as client:
        for place, (body, status) in enumerate(
            (
                (b"", "3"),
                (b"\0\0", "3"),
                (BODY[:-1], "3"),
                (BODY + BODY, "3"),
                (BODY + b"\0", "3"),
                (b"\1" + BODY[1:], "12"),
                (b"\2" + BODY[1:], "3"),
                (b"\0\xff\xff\xff\xff", "3"),
                (b"\0\0\0\0\0", "0"),  # an empty CheckRequest: answered, and no allow
            )
        ):
            stream = 2 * place + 1
            await client.send(client.headers(stream, CALL), DataFrame(stream, body, flags=["END_STREAM"]))
            fields, told = await client.answer(stream)
            assert fields["grpc-status"] == status, body
            assert not told or CheckResponse.FromString(told[5:]).denied_response.status.code == 400


async def test_an_answer_waits_for_a_window(gateway: Gateway) -> None:
    async with raw_http2(gateway.grpc_port, begins=False) as client:
        await client.send(PREFACE, SettingsFrame(0, {4: 0}))
        await client.send(client.headers(1, CALL), DataFrame(1, BODY, flags=["END_STREAM"]), PingFrame(0, b"12345678"))
        while not isinstance(frame := await client.frame(), PingFrame):
            assert not isinstance(frame, DataFrame)
        await client.send(WindowUpdateFrame(1, 3), WindowUpdateFrame(1, 60000))
        body = b""
        while not (isinstance(frame := await client.frame(), HeadersFrame) and "END_STREAM" in frame.flags):
            body += frame.data if isinstance(frame, DataFrame) else b""
        assert CheckResponse.FromString(body[5:]).status.code == 0


async def test_calls_without_end_have_their_time_and_the_connection_stays(examples: Examples, tmp_path: Path) -> None:
    settings = settings_of(examples, tmp_path, call_timeout="50ms")
    async with serving(settings, tmp_path) as gateway, raw_http2(gateway.grpc_port) as client:
        await client.send(client.headers(1, CALL), DataFrame(1, BODY[:9]))
        fields, _ = await client.answer(1)
        assert fields["grpc-status"] == "4"
        await client.send(client.headers(3, CALL), DataFrame(3, BODY, flags=["END_STREAM"]))
        assert await answered(client, 3)


async def test_messages_that_pile_up_are_refused(examples: Examples, tmp_path: Path) -> None:
    settings = settings_of(examples, tmp_path, message_bytes=1024)
    async with serving(settings, tmp_path) as gateway, raw_http2(gateway.grpc_port) as client:
        streams = range(1, 2 * 60, 2)
        for stream in streams:
            await client.send(client.headers(stream, CALL), DataFrame(stream, bytes(900)))
        fields, _ = await client.answer(streams[-1])
        assert fields["grpc-status"] == "8"


async def test_connections_and_calls_beyond_the_limit_are_refused(examples: Examples, tmp_path: Path) -> None:
    settings = settings_of(examples, tmp_path, connections=2, streams=100)
    async with (
        serving(settings, tmp_path) as gateway,
        raw_http2(gateway.grpc_port) as first,
        raw_http2(gateway.grpc_port) as second,
    ):
        for client in (first, second):
            await client.send(client.headers(1, CALL), DataFrame(1, BODY, flags=["END_STREAM"]))
            assert await answered(client)
        async with raw_http2(gateway.grpc_port) as third:
            assert await third.until_closed() is None
        for stream in range(3, 2 * 110, 2):
            await first.send(first.headers(stream, CALL))
        assert await first.until_closed() is not None
        await second.send(second.headers(3, CALL), DataFrame(3, BODY, flags=["END_STREAM"]))
        assert await answered(second, 3)


async def test_strangers_take_no_place_of_a_peer(examples: Examples, tmp_path: Path) -> None:
    settings = settings_of(examples, tmp_path, peers=["192.0.2.1/32"], call_timeout="50ms")
    async with serving(settings, tmp_path) as gateway:
        async with raw_http2(gateway.grpc_port) as client:
            assert await client.until_closed() == 0, "after a while"
        async with raw_http2(gateway.grpc_port) as client:
            await client.send(*([PingFrame(0, b"abcdefgh")] * 4000))
            assert await client.until_closed() is None, "at once"
        async with asking(f"127.0.0.1:{gateway.grpc_port}") as to:
            error = await to.fails(CHECK, ASKED)
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
