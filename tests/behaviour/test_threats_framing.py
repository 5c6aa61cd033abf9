"""docs/THREATS.md section 4, framing: what two servers could read in two ways is refused, what follows unserved."""

import contextlib

import pytest

from tests.support.builders.variants import positions
from tests.support.clients.raw_http import raw_client
from tests.support.gateways.attacks import CLOSE, KEY, MARKER, Victim, get, request

POST = b"POST /public/ HTTP/1.1"
CHUNKED = b"Transfer-Encoding: chunked"
BODY = b"3\r\nabc\r\n0\r\n\r\n"
HUGE = b"300000\r\n" + b"x" * 0x300000 + b"\r\n"
"""More than is read ahead of an upstream: the parser holds the rest back, and its end comes without new bytes."""


LENGTHS = (
    b"",
    b"+4",
    b"-4",
    b"4, 4",
    b"4,4",
    b"4;",
    b"4.0",
    b"4 4",
    b"0x4",
    b"04",
    b"010",
    b"00",
    b"4_0",
    b"1e1",
    b"\xb2",
    b"four",
    b"4\x0b",
    b"18446744073709551616",
    b"9" * 40,
)
CODINGS = (
    b"",
    b"xchunked",
    b"chunkedx",
    b"chunked,",
    b",chunked",
    b"chunked, chunked",
    b"gzip, chunked",
    b"chunked, gzip",
    b"identity",
    b"identity, chunked",
    b"gzip",
    b"chunked;q=1",
    b'"chunked"',
    b"chun ked",
    b"\x0bchunked",
    b"chunked\x0c",
    b"chunked\x00",
    b"chunke\xc4\x8d",
)


async def test_a_length_has_one_reading(attacked: Victim) -> None:
    attacks = [request(POST, b"Content-Length:" + b" " + length, body=b"abcd" + MARKER) for length in LENGTHS]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_a_transfer_coding_is_chunked_alone(attacked: Victim) -> None:
    attacks = [request(POST, b"Transfer-Encoding: " + coding, body=BODY + MARKER) for coding in CODINGS]
    assert await attacked.misjudged(attacks, (400,)) == []


LENGTH = b"Content-Length: 4"
DOUBLED = (
    (LENGTH, LENGTH),
    (LENGTH, b"Content-Length: 5"),
    (b"content-length: 4", LENGTH),
    (LENGTH, CHUNKED),
    (CHUNKED, LENGTH),
    (b"Content-Length: 0", CHUNKED),
    (CHUNKED, CHUNKED),
    (CHUNKED, b"Transfer-Encoding: identity"),
    (b"Transfer-Encoding: identity", CHUNKED),
    (b"transfer-encoding: x", CHUNKED),
)


@pytest.mark.parametrize("between", [(), (b"X: y",)])
async def test_two_framings_are_none(attacked: Victim, between: tuple[bytes, ...]) -> None:
    attacks = [request(POST, first, *between, second, body=BODY + MARKER) for first, second in DOUBLED]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_chunked_is_no_part_of_http_1_0(attacked: Victim) -> None:
    for keep in (b"Connection: keep-alive", b"X: y"):
        raw = request(b"POST /public/ HTTP/1.0", CHUNKED, keep, body=BODY + MARKER)
        assert await attacked.misjudged([raw], (400,)) == []


async def test_nothing_is_served_that_comes_later_than_refused_framing(attacked: Victim) -> None:
    async with raw_client(attacked.gateway.port) as client:
        await client.send(request(POST, b"Transfer-Encoding: gzip, chunked", body=BODY))
        response = await client.response()
        assert (response.status, response.one(b"connection")) == (400, b"close")
        await client.send(MARKER)
        assert await client.read_all() == b""
    assert attacked.upstream.requests == []


FIELDS_THAT_ARE_NONE = (
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\t: chunked",
    b" Transfer-Encoding: chunked",
    b"X: y\r\n Transfer-Encoding: chunked",
    b"X: y\r\n\tz",
    b"X:\r\n y",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\n\nGET /public/smuggled HTTP/1.1",
    b"X: y\rTransfer-Encoding: chunked",
    b"X: y\r\rz",
    b"X: y\x00z",
    b"X: \x01",
    b"X: \x0b",
    b"X: \x7f",
    b"X\x00: y",
    b"X Y: z",
    b"X(: y",
    b"X\xc3\xa9: y",
    b"X@: y",
    b'"X": y',
    b"{X}: y",
    b": y",
    b":",
    b"X",
    b"X-Api-Key",
)


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_field_line_has_one_reading(attacked: Victim, place: int) -> None:
    attacks = []
    for field in FIELDS_THAT_ARE_NONE:
        fields = [b"Host: gateway.test", b"A: b"]
        fields.insert(place, field)
        attacks.append(b"\r\n".join((b"GET /public/ HTTP/1.1", *fields, b"", b"")) + MARKER)
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_bare_line_feeds_end_no_line(attacked: Victim) -> None:
    honest = b"GET /public/ HTTP/1.1\r\nHost: gateway.test\r\nX: y\r\n\r\n"
    parts = honest.split(b"\r\n")
    for ending in (b"\n", b"\r", b"\n\r", b"\r\r\n", b"\x0b\n"):
        attacks = [b"\r\n".join(parts[:place]) + ending + b"\r\n".join(parts[place:]) for place in range(1, 4)]
        assert await attacked.misjudged([attack + MARKER for attack in attacks], (400,)) == []


async def test_a_request_line_has_one_reading(attacked: Victim) -> None:
    marks = (b"\t", b"\x0b", b"\x0c", b"\x00", b"\xa0", b"\x85", b"\r")
    attacks = [line + b"\r\nHost: a\r\n\r\n" + MARKER for line in positions(POST, marks) if not line.startswith(b"\r")]
    assert await attacked.misjudged(attacks, (400,)) == []


VERSIONS = (
    b"HTTP/0.9",
    b"HTTP/1.2",
    b"HTTP/1.10",
    b"HTTP/01.1",
    b"HTTP/1",
    b"HTTP/1.",
    b"HTTP/2.0",
    b"HTTP/3",
    b"http/1.1",
    b"HTTPS/1.1",
    b"HTTP/1.1x",
    b"HTTP/1,1",
    b"HTTP 1.1",
    b"ICE/1.0",
    b"RTSP/1.0",
    b"HTTP/1.1 HTTP/1.1",
    b"",
)


@pytest.mark.parametrize("version", VERSIONS)
async def test_versions_other_than_two_are_refused(attacked: Victim, version: bytes) -> None:
    raw = b"GET /public/ " + version + b"\r\nHost: gateway.test\r\n\r\n" + MARKER
    assert await attacked.misjudged([raw], (400,)) == []


BROKEN_CHUNKS = (
    b"0x3\r\nabc\r\n0\r\n\r\n",
    b"+3\r\nabc\r\n0\r\n\r\n",
    b"-3\r\nabc\r\n0\r\n\r\n",
    b" 3\r\nabc\r\n0\r\n\r\n",
    b"3 \r\nabc\r\n0\r\n\r\n",
    b"3\t\r\nabc\r\n0\r\n\r\n",
    b"3_\r\nabc\r\n0\r\n\r\n",
    b"3\x00\r\nabc\r\n0\r\n\r\n",
    b"\r\nabc\r\n0\r\n\r\n",
    b";x\r\nabc\r\n0\r\n\r\n",
    b"g\r\nabc\r\n0\r\n\r\n",
    b"3\nabc\n0\n\n",
    b"3\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\n0\r\n\r\n",
    b"3\r\nabc\r\n0\n\r\n",
    b"3\r\nabc\r\n0\r\n\n",
    b"3\r\nabc\r\n0\r\n\r\r\n",
    b"3\rabc\r\n0\r\n\r\n",
    b"3;\nx\r\nabc\r\n0\r\n\r\n",
    b"3;x\nabc\r\n0\r\n\r\n",
    b"3;x\rabc\r\n0\r\n\r\n",
    b'3;x="y\r\n"\r\nabc\r\n0\r\n\r\n',
    b"3\r\nabcd\r\n0\r\n\r\n",
    b"3\r\nabc0\r\n\r\n",
    b"2\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabcXX0\r\n\r\n",
    b"10000000000000000\r\nabc\r\n0\r\n\r\n",
    b"FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\r\n0\r\nX y\r\n\r\n",
    b"3\r\nabc\r\n0\r\nX : y\r\n\r\n",
    b"3\r\nabc\r\n0\r\nX: y\n\r\n",
    b"3\r\nabc\r\n0\r\n X: y\r\n\r\n",
    b"3\r\nabc\r\n0\r\nGET /public/smuggled HTTP/1.1\r\n\r\n",
)


async def test_a_chunk_has_one_reading(attacked: Victim) -> None:
    attacks = [request(POST, CHUNKED, body=chunks + MARKER) for chunks in BROKEN_CHUNKS]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_a_broken_chunk_ends_the_exchange_whenever_it_comes(attacked: Victim) -> None:
    for chunks in BROKEN_CHUNKS:
        async with raw_client(attacked.gateway.port) as client:
            await client.send(request(POST, CHUNKED, b"Expect: 100-continue"))
            assert (await client.response(interim=True)).status == 100  # the head was read alone, and is being served
            await client.send(b"5\r\nfirst\r\n")
            await client.send(chunks + MARKER)
            assert (await client.response()).status == 400
            assert await client.read_all() == b""
    assert attacked.upstream.requests == []


MOSTLY_FRAMING = (
    b"3;" + b"x" * 70_000 + b"\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\r\n0;" + b"x" * 70_000 + b"\r\n\r\n",
    b"0" * 70_000 + b"3\r\nabc\r\n0\r\n\r\n",
    (b"1;" + b"x" * 100 + b"\r\na\r\n") * 1_000 + b"0\r\n\r\n",
)


async def test_framing_that_is_longer_than_a_head_may_be_is_no_body(attacked: Victim) -> None:
    attacks = [request(POST, CHUNKED, body=chunks + MARKER) for chunks in MOSTLY_FRAMING]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_trailers_are_bounded_as_heads_are(attacked: Victim) -> None:
    trailers = (b"X: y\r\n" * 7_000, b"X: " + b"y" * 70_000 + b"\r\n")
    attacks = [request(POST, CHUNKED, body=b"3\r\nabc\r\n0\r\n" + lines + b"\r\n" + MARKER) for lines in trailers]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_an_extension_without_an_end_is_not_read_for_ever(attacked: Victim) -> None:
    async with raw_client(attacked.gateway.port) as client:
        await client.send(request(POST, CHUNKED, body=b"3\r\nabc\r\n3;"))
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                await client.send(b"x" * 1_000)
        assert (await client.response()).status == 400
        assert await client.read_all() == b""
    assert attacked.upstream.requests == []


async def test_a_body_of_tiny_chunks_arrives_however_long_it_is(attacked: Victim) -> None:
    tiny = b"00000001;x=y\r\na\r\n" * 30_000
    seen = await attacked.attack(request(POST, CHUNKED, CLOSE, body=tiny + b"0\r\n\r\n"))
    assert seen.statuses == (200,)
    assert seen.received[0].body == b"a" * 30_000


async def test_chunks_are_framed_anew(attacked: Victim) -> None:
    odd = b"003;a=b\r\nabc\r\n1;c\r\nd\r\n00;x\r\nX-User-Id: forged\r\nX: y\r\n\r\n"
    seen = await attacked.attack(request(POST, CHUNKED, CLOSE, body=odd))
    assert seen.statuses == (200,)
    (received,) = seen.received
    assert received.body == b"abcd"
    assert received.raw.partition(b"\r\n\r\n")[2] in {b"4\r\nabcd\r\n0\r\n\r\n", b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"}


TRAILERS = (
    b"X-Api-Key: sk_live_abc123xyz456",
    b"Cookie: __session=x",
    b"X-User-Id: forged",
    b"Authorization: Bearer x",
    b"X-Forwarded-For: 192.0.2.1",
)


@pytest.mark.parametrize("trailer", TRAILERS)
async def test_trailers_are_dropped_and_never_become_the_next_requests_fields(attacked: Victim, trailer: bytes) -> None:
    body = b"3\r\nabc\r\n0\r\nX-Other: z\r\n" + trailer + b"\r\n\r\n"
    at_once = await attacked.attack(request(POST, CHUNKED, body=body + get(b"/echo/")))
    assert (at_once.statuses, at_once.targets) == ((200, 401), (b"/public/",))
    assert at_once.received[0].raw.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    async with raw_client(attacked.gateway.port) as client:
        await client.send(request(POST, CHUNKED, body=body))
        assert (await client.response()).status == 200
        await client.send(get(b"/echo/"))
        assert (await client.response()).status == 401
    assert {received.target for received in attacked.upstream.requests} == {b"/public/"}


async def test_trailers_that_speak_of_framing_are_refused(attacked: Victim) -> None:
    trailers = (
        b"Content-Length: 100", b"Transfer-Encoding: chunked", b"Host: evil.test", b"Connection: close",
        b"Expect: 100-continue",
    )  # fmt: skip
    attacks = [request(POST, CHUNKED, body=b"0\r\n" + trailer + b"\r\n\r\n" + MARKER) for trailer in trailers]
    assert await attacked.misjudged(attacks, (400,)) == []


async def test_a_chunked_request_without_trailers_leaves_its_connection_open(attacked: Victim) -> None:
    async with raw_client(attacked.gateway.port) as client:
        for body in (BODY, HUGE + b"0\r\n\r\n", BODY):
            await client.send(request(POST, CHUNKED, body=body))
            assert (await client.response()).status == 200
    assert len(attacked.upstream.requests) == 3


async def test_trailers_behind_a_body_that_was_held_back_are_dropped_too(attacked: Victim) -> None:
    body = HUGE + b"0\r\nX-Api-Key: sk_live_abc123xyz456\r\n\r\n"
    seen = await attacked.attack(request(POST, CHUNKED, body=body + get(b"/echo/")))
    assert (seen.statuses, seen.targets) == ((200, 401), (b"/public/",))


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (b"POST /public/ HTTP/1.1", (b"Upgrade: websocket", b"Content-Length: 3")),
        (b"POST /public/ HTTP/1.1", (b"Upgrade: websocket", b"Content-Length: 0")),
        (b"GET /public/ HTTP/1.1", (b"Upgrade: websocket", b"Content-Length: 3")),
        (b"GET /public/ HTTP/1.1", (b"Upgrade: websocket", CHUNKED)),
        (b"OPTIONS /public/ HTTP/1.1", (b"Upgrade: websocket",)),
    ],
)
@pytest.mark.parametrize("connection", [b"Connection: Upgrade", b"Connection: keep-alive, uPGRADE, http2-settings"])
async def test_an_upgrade_has_one_reading(
    attacked: Victim, line: bytes, fields: tuple[bytes, ...], connection: bytes
) -> None:
    raw = request(line, KEY, connection, *fields, body=BODY + MARKER)
    assert await attacked.misjudged([raw], (400,)) == []


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (b"GET /public/ HTTP/1.0", (b"Upgrade: websocket",)),
        (b"GET /public/ HTTP/1.1", (b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")),
        (b"GET /public/ HTTP/1.1", (b"Upgrade: websocket, h2c",)),
        (b"GET /public/ HTTP/1.1", (b"Upgrade: h2c", b"Upgrade: websocket")),
        (b"GET /public/ HTTP/1.1", (b"Upgrade: TLS/1.0",)),
        (b"GET /public/ HTTP/1.1", (b"Upgrade: ",)),
    ],
)
@pytest.mark.parametrize("connection", [b"Connection: Upgrade", b"Connection: keep-alive, uPGRADE, http2-settings"])
async def test_an_offer_that_is_ignored_changes_nothing(
    attacked: Victim, line: bytes, fields: tuple[bytes, ...], connection: bytes
) -> None:
    """RFC 9110 section 7.8: a server may ignore the field, and then what follows is HTTP/1.1 as before."""
    stays = line.endswith(b"1.1") or b"keep-alive" in connection
    seen = await attacked.attack(request(line, KEY, connection, *fields) + MARKER)
    assert seen.statuses == ((200, 200) if stays else (200,))
    assert seen.targets == ((b"/public/", b"/public/marker") if stays else (b"/public/",))
    for name in (b"upgrade", b"http2-settings", b"connection"):
        assert not seen.received[0].all(name)


async def test_a_cookie_beside_an_offer_that_is_ignored_needs_no_origin(attacked: Victim) -> None:
    """Java's HttpClient offers h2c with each first request; a WebSocket with a cookie is another matter."""
    cookie = attacked.gateway.showing("cookie")
    for offer, status in ((b"h2c", 200), (b"foo/1", 200), (b"websocket", 403)):
        seen = await attacked.attack(
            request(b"GET /echo/ HTTP/1.1", cookie, b"Connection: Upgrade, close", b"Upgrade: " + offer)
        )
        assert seen.statuses == (status,), offer


async def test_what_follows_an_upgrade_that_was_not_granted_is_no_request(attacked: Victim) -> None:
    upgrade = request(b"GET /public/ws HTTP/1.1", b"Connection: Upgrade", b"Upgrade: websocket")
    seen = await attacked.attack(upgrade + MARKER)
    assert (seen.statuses, seen.targets) == ((200,), (b"/public/ws",))


@pytest.mark.parametrize("expectation", [b"100-continue, x", b"", b"200-ok", b"100-continue\r\nExpect: 100-continue"])
async def test_an_expectation_is_one(attacked: Victim, expectation: bytes) -> None:
    raw = request(POST, b"Expect: " + expectation, b"Content-Length: 3", body=b"abc" + MARKER)
    assert await attacked.misjudged([raw], (400,)) == []


async def test_honest_requests_follow_each_other(attacked: Victim) -> None:
    pipelined = (
        b"\r\n"
        + request(POST, b"Content-Length: 3", body=b"abc")
        + request(b"GET /public/second HTTP/1.1")
        + request(b"GET /echo/ HTTP/1.1")
        + request(POST, b"Content-Length:4 \t", body=b"abcd")
        + MARKER
    )
    seen = await attacked.attack(pipelined)
    assert seen.statuses == (200, 200, 401, 200, 200)
    assert seen.targets == (b"/public/", b"/public/second", b"/public/", b"/public/marker")


async def test_what_a_caller_says_of_its_connection_is_nothing_to_another(attacked: Victim) -> None:
    """llhttp takes `Proxy-Connection` for `Connection`, and a parser that was told to close refuses what follows."""
    for field in (b"Proxy-Connection: close", b"Proxy-Connection: upgrade\r\nUpgrade: h2c", CLOSE):
        for length, body in ((b"0", b""), (b"2", b"ok")):
            async with raw_client(attacked.gateway.port) as client:
                await client.send(request(POST, field, b"Content-Length: " + length, body=body))
                assert (await client.response()).status == 200
            assert (await attacked.attack(get(b"/public/"))).statuses == (200,)
