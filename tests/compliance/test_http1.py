"""An HTTP/1.1 conformance probe: what RFC 9110 and RFC 9112 require of a server, asked of a real process byte by byte.

Where the gateway is stricter than it must be, the case says so by its statuses; where it departs from a MUST, it stands
in `DEPARTURES` with the reason, and a strict xfail tells when it no longer does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from _pytest.mark import ParameterSet

from tests.support.clients.raw_http import RawClient, raw_client
from tests.support.gateways.running import Running, running, written
from tests.support.servers.recording_upstream import RecordingUpstream, UpstreamSide, recording_upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYED = """\
  - {name: keyed, match: {path: /keyed/}, credentials: [key], upstream: "http://127.0.0.1:1"}
credentials:
  key: {kind: api_key, header: x-api-key, type: project, authority: nobody}
authorities:
  nobody: {kind: introspection, url: "http://127.0.0.1:1/", client_id: a, client_secret: b}
"""
LINE = b"GET /public/ HTTP/1.1\r\n"
HOST = b"Host: h\r\n"
END = b"\r\n"
CHUNKED = b"POST /public/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
TE = b"Transfer-Encoding: "
LENGTH = b"Content-Length: "
BAD = frozenset({400})
GOOD = frozenset({200})


@dataclass(frozen=True)
class Case:
    """A request, the section that it is about, and the statuses that it may be answered with."""

    section: str
    title: str
    request: bytes
    statuses: frozenset[int] = GOOD

    def __str__(self) -> str:
        return f"{self.section} {self.title}"


def get(*fields: bytes) -> bytes:
    return LINE + b"".join(field + END for field in (b"Host: h", *fields)) + END


def post(*fields: bytes, body: bytes = b"") -> bytes:
    return b"POST /public/ HTTP/1.1\r\n" + b"".join(field + END for field in (b"Host: h", *fields)) + END + body


CASES = (
    # Message format
    Case("9112 2.2", "an empty line before the request line is passed over", END + LINE + HOST + END),
    Case("9112 2.2", "white space behind the request line begins no field", LINE + b" X: y\r\n" + HOST + END, BAD),
    Case("9112 2.2", "a bare CR is no line's end", LINE + b"X: a\rb\r\n" + HOST + END, BAD),
    Case("9112 2.2", "a bare LF is no line's end", b"GET /public/ HTTP/1.1\nHost: h\n\n", BAD),
    Case("9112 2.3", "HTTP/1.0 is read", b"GET /public/ HTTP/1.0\r\nHost: h\r\n\r\n"),
    Case("9112 2.3", "another major version", b"GET /public/ HTTP/2.0\r\nHost: h\r\n\r\n", BAD | {505}),
    Case("9112 2.3", "the version's name has one case", b"GET /public/ http/1.1\r\nHost: h\r\n\r\n", BAD),
    Case("9112 2.3", "a version of two digits", b"GET /public/ HTTP/1.10\r\nHost: h\r\n\r\n", BAD),
    # Request line
    Case("9112 3", "two spaces in the request line", b"GET  /public/ HTTP/1.1\r\nHost: h\r\n\r\n", BAD | GOOD),
    Case("9112 3", "a tab in the request line", b"GET\t/public/ HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
    Case("9112 3", "no version", b"GET /public/\r\nHost: h\r\n\r\n", BAD),
    Case("9112 3", "a space in the target", b"GET /public/a b HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
    Case("9112 3", "a space behind the version", b"GET /public/ HTTP/1.1 \r\nHost: h\r\n\r\n", BAD),
    Case("9110 9.1", "a method is a token", b"G(T /public/ HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
    Case("9110 9.1", "a method's case counts", b"get /public/ HTTP/1.1\r\nHost: h\r\n\r\n", BAD | {501}),
    Case("9110 9.1", "a method that is not known", b"BREW /public/ HTTP/1.1\r\nHost: h\r\n\r\n", GOOD | {501}),
    Case("9110 9.3.8", "TRACE is not allowed", b"TRACE /public/ HTTP/1.1\r\nHost: h\r\n\r\n", frozenset({405, 501})),
    Case("9110 9.3.6", "CONNECT is not allowed", b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", BAD | {405, 501}),
    Case("9112 3.2.1", "a fragment is no part of a target", b"GET /public/#a HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
    Case("9112 3.2.2", "the absolute form", b"GET http://h/public/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    Case("9112 3.2.4", "the asterisk form of OPTIONS", b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", frozenset({200, 204})),
    Case("9112 3.2.4", "the asterisk form of GET", b"GET * HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
    Case(
        "9112 3",
        "a target beyond any bound",
        b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\n" + HOST + END,
        frozenset({414}),
    ),
    # Host
    Case("9112 3.2", "no Host", LINE + END, BAD),
    Case("9112 3.2", "two Hosts", LINE + HOST + HOST + END, BAD),
    Case("9112 3.2", "a Host that is none", LINE + b"Host: a b\r\n\r\n", BAD),
    Case("9112 3.2", "a Host with a user", LINE + b"Host: u@h\r\n\r\n", BAD),
    Case("9112 3.2", "a Host of HTTP/1.1 that is empty, to a server of names", LINE + b"Host:\r\n\r\n", GOOD | BAD),
    Case("9110 7.2", "a Host with a port", LINE + b"Host: h:8080\r\n\r\n"),
    Case("9110 7.2", "an IPv6 literal", LINE + b"Host: [::1]:8080\r\n\r\n"),
    # Fields
    Case("9112 5", "a field without white space", get(b"X:y")),
    Case("9112 5", "white space around a value", get(b"X: \t y \t")),
    Case("9112 5", "an empty value", get(b"X:")),
    Case("9112 5.1", "white space before the colon", get(b"X : y"), BAD),
    Case("9112 5.1", "a line without a colon", get(b"X"), BAD),
    Case("9112 5.1", "a field without a name", get(b": y"), BAD),
    Case("9110 5.1", "a name that is no token", get(b"X(: y"), BAD),
    Case("9110 5.1", "every sign of a token", get(b"!#$%&'*+-.^_`|~1aZ: y")),
    Case("9112 5.2", "a folded line", get(b"X: a", b" b"), BAD),
    Case("9110 5.5", "a NUL in a value", get(b"X: a\x00b"), BAD),
    Case("9110 5.5", "a control character in a value", get(b"X: a\x01b"), BAD | GOOD),
    Case("9110 5.5", "bytes beyond ASCII in a value", get(b"X: \xc3\xa9")),
    Case("6585 5", "more fields than anybody needs", get(*(b"X: y" for _ in range(1000))), frozenset({431})),
    Case("6585 5", "a field beyond any bound", get(b"X: " + b"y" * 100_000), frozenset({431})),
    # Framing
    Case("9112 6.1", "both framings", post(LENGTH + b"5", TE + b"chunked", body=b"0\r\n\r\n"), BAD),
    Case("9112 6.1", "chunked twice", post(TE + b"chunked, chunked", body=b"0\r\n\r\n"), BAD),
    Case("9112 6.1", "chunked is not last", post(TE + b"chunked, gzip", body=b"0\r\n\r\n"), BAD),
    Case("9112 6.1", "a coding that is not known", post(TE + b"x", body=b""), BAD | {501}),
    Case("9112 6.1", "a coding before chunked", post(TE + b"gzip, chunked", body=b"0\r\n\r\n"), BAD | {501}),
    Case("9112 6.1", "the coding's case does not count", post(TE + b"Chunked", body=b"0\r\n\r\n")),
    Case(
        "9112 6.1",
        "chunked in HTTP/1.0",
        b"POST /public/ HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    Case("9112 6.2", "a length", post(LENGTH + b"5", body=b"hello")),
    Case("9112 6.2", "a length of nothing", post(LENGTH + b"0")),
    Case("9112 6.3", "no length is no body", post()),
    Case("9112 6.3", "a length that is no number", post(LENGTH + b"5x", body=b"hello"), BAD),
    Case("9112 6.3", "a length with a sign", post(LENGTH + b"+5", body=b"hello"), BAD),
    Case("9112 6.3", "a length below nothing", post(LENGTH + b"-1"), BAD),
    Case("9112 6.3", "two lengths", post(LENGTH + b"5", LENGTH + b"6", body=b"hello"), BAD),
    Case("9112 6.3", "a list of two lengths", post(LENGTH + b"5, 6", body=b"hello"), BAD),
    Case("9110 8.6", "the same length twice", post(LENGTH + b"5", LENGTH + b"5", body=b"hello"), BAD | GOOD),
    Case("9110 8.6", "a length beyond any integer", post(LENGTH + b"9" * 40), BAD | {413}),
    Case("9110 9.3.1", "a GET with a body", LINE + HOST + LENGTH + b"5\r\n\r\nhello", GOOD | BAD),
    # Chunks
    Case("9112 7.1", "chunks", CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"),
    Case("9112 7.1", "a size in either case", CHUNKED + b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
    Case("9112 7.1", "zeros before a size", CHUNKED + b"0005\r\nhello\r\n000\r\n\r\n"),
    Case("9112 7.1.1", "extensions are passed over", CHUNKED + b'5;a=b;c="d"\r\nhello\r\n0\r\n\r\n'),
    Case("9112 7.1.2", "trailers are read", CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
    Case("9112 7.1", "a size that is none", CHUNKED + b"g\r\nhello\r\n0\r\n\r\n", BAD),
    Case("9112 7.1", "a size with a prefix", CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", BAD),
    Case("9112 7.1", "a size with a sign", CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", BAD),
    Case("9112 7.1", "no size", CHUNKED + b"\r\nhello\r\n0\r\n\r\n", BAD),
    Case("9112 7.1", "a size beyond any integer", CHUNKED + b"f" * 20 + b"\r\nhello\r\n0\r\n\r\n", BAD | {413}),
    Case("9112 7.1", "more data than the size", CHUNKED + b"4\r\nhello\r\n0\r\n\r\n", BAD),
    Case("9112 7.1", "a bare LF behind a size", CHUNKED + b"5\nhello\r\n0\r\n\r\n", BAD),
    # Semantics
    Case("9110 10.1.1", "an expectation that is not known", get(b"Expect: x"), BAD | {417}),
    Case("9110 7.8", "an upgrade to what nobody knows", get(b"Connection: upgrade", b"Upgrade: x"), GOOD | BAD | {501}),
    Case("9110 12.5.1", "any Accept", get(b"Accept: nothing/at-all")),
)

FRAMING = {"9112 6.1", "9112 6.3", "9112 7.1"}
"""Sections about where a body ends: if that is in doubt, a server answers 400 and closes (RFC 9112 section 6.3)."""

DEPARTURES = {
    "9112 3.2.4 the asterisk form of OPTIONS": "no route is about the server as such",
}


async def answer(side: UpstreamSide) -> None:
    """Answer as the target's last segment says, or `ok`."""
    while (request := await side.request()) is not None:
        await side.send(ANSWERS.get(request.target.rpartition(b"/")[2], ANSWERS[b""]))


ANSWERS = {
    b"": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"204": b"HTTP/1.1 204 No Content\r\n\r\n",
    b"304": b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
    b"chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"hop": b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok",
    b"early": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncIterator[RecordingUpstream]:
    async with recording_upstream(answer) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(upstream: RecordingUpstream, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(written(tmp_path_factory.mktemp("gateway"), upstream.port, more=KEYED)) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def client(gateway: Running) -> AsyncIterator[RawClient]:
    async with raw_client(gateway.port) as found:
        yield found


def parameters() -> list[ParameterSet]:
    return [
        pytest.param(case, id=str(case), marks=[pytest.mark.xfail(reason=reason, strict=True)] if reason else [])
        for case in CASES
        for reason in [DEPARTURES.get(str(case))]
    ]


@pytest.mark.parametrize("case", parameters())
async def test_a_request(client: RawClient, case: Case) -> None:
    await client.send(case.request)
    response = await client.response()
    assert response.status in case.statuses
    if response.one(b"connection") == b"close" or (response.status == 400 and case.section in FRAMING):
        assert await client.read_all() == b""


async def test_connections_persist_and_are_answered_in_order(client: RawClient) -> None:
    """RFC 9112 sections 9.3 and 9.3.2."""
    targets = (b"204", b"", b"304", b"chunked", b"")
    await client.send(b"".join(b"GET /public/%s HTTP/1.1\r\nHost: h\r\n\r\n" % target for target in targets))
    assert [(await client.response()).status for _ in targets] == [204, 200, 304, 200, 200]


@pytest.mark.parametrize(
    ("version", "connection", "persists"),
    [
        (b"1.1", b"keep-alive", True),
        (b"1.1", b"Close", False),
        (b"1.1", b"x, close", False),
        (b"1.0", b"x", False),
        (b"1.0", b"Keep-Alive", True),
    ],
)
async def test_who_ends_a_connection(client: RawClient, version: bytes, connection: bytes, *, persists: bool) -> None:
    """RFC 9112 sections 9.3 and 9.6."""
    request = b"GET /public/ HTTP/%s\r\nHost: h\r\nConnection: %s\r\n\r\n" % (version, connection)
    await client.send(request)
    response = await client.response()
    assert (response.status, response.version) == (200, b"HTTP/1.1")
    if persists:
        await client.send(request)
        assert (await client.response()).status == 200
    else:
        assert await client.read_all() == b""
        assert version == b"1.0" or response.one(b"connection") == b"close"


@pytest.mark.parametrize("target", [b"204", b"304"])
async def test_answers_without_a_body_have_no_framing(client: RawClient, target: bytes) -> None:
    """RFC 9110 section 8.6, RFC 9112 section 6.1: neither field where there can be no content."""
    await client.send(b"GET /public/%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % target)
    response = await client.response()
    assert (response.status, response.one(b"transfer-encoding")) == (int(target), None)
    assert target == b"304" or response.one(b"content-length") is None
    assert await client.read_all() == b""


@pytest.mark.parametrize("target", [b"/public/", b"/nowhere", b"/keyed/", b"/public/chunked"])
async def test_head_is_answered_as_get_without_the_body(client: RawClient, target: bytes) -> None:
    """RFC 9110 section 9.3.2."""
    await client.send(b"HEAD %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" % target)
    assert (await client.response(head=True)).status in {200, 401, 404}
    assert await client.read_all() == b""


async def test_a_401_has_a_challenge(client: RawClient) -> None:
    """RFC 9110 section 15.5.2."""
    await client.send(b"GET /keyed/ HTTP/1.1\r\nHost: h\r\n\r\n")
    response = await client.response()
    assert (response.status, bool(response.one(b"www-authenticate"))) == (401, True)


async def test_a_405_says_what_is_allowed(client: RawClient) -> None:
    """RFC 9110 section 15.5.6."""
    await client.send(b"TRACE /public/ HTTP/1.1\r\nHost: h\r\n\r\n")
    response = await client.response()
    assert (response.status, response.one(b"allow") is not None) == (405, True)


@pytest.mark.parametrize(("version", "interim"), [(b"1.1", True), (b"1.0", False)])
async def test_who_expects_100_gets_it_before_the_body(client: RawClient, version: bytes, *, interim: bool) -> None:
    """RFC 9110 section 10.1.1: a caller of HTTP/1.0 is sent no interim response."""
    head = b"POST /public/ HTTP/%s\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n" % version
    await client.send(head)
    if interim:
        assert (await client.response(interim=True)).status == 100
    await client.send(b"hello")
    assert (await client.response(interim=True)).status == 200


async def test_interim_answers_of_the_upstream_precede_the_final_one_or_are_left_out(client: RawClient) -> None:
    """RFC 9110 section 15.2: a proxy may leave them out where nobody asked for them."""
    await client.send(b"GET /public/early HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (await client.response()).status == 200


async def test_fields_of_one_hop_go_no_further(client: RawClient, upstream: RecordingUpstream) -> None:
    """RFC 9110 section 7.6.1, both ways."""
    await client.send(
        b"GET /public/hop HTTP/1.1\r\nHost: h\r\nConnection: X-Mine, TE\r\nX-Mine: 1\r\nTE: trailers\r\n"
        b"Keep-Alive: 1\r\nProxy-Connection: x\r\n\r\n"
    )
    response = await client.response()
    assert (response.one(b"x-hop"), response.one(b"keep-alive")) == (None, None)
    received = upstream.requests[-1]
    names = (b"X-Mine", b"TE", b"Keep-Alive", b"Proxy-Connection")
    assert [name for name in names if received.one(name) is not None] == []


async def test_a_body_arrives_as_it_was_framed(client: RawClient, upstream: RecordingUpstream) -> None:
    """RFC 9112 sections 6 and 7: the same content, whatever the chunks, and no trailer among the fields."""
    await client.send(CHUNKED + b"1;x\r\nh\r\n4\r\nello\r\n0\r\nX-Late: 1\r\n\r\n")
    assert (await client.response()).status == 200
    assert (upstream.requests[-1].body, upstream.requests[-1].one(b"x-late")) == (b"hello", None)


async def test_a_body_that_ends_early_is_never_completed(gateway: Running, upstream: RecordingUpstream) -> None:
    """RFC 9112 section 8."""
    before = len(upstream.requests)
    for raw in (post(b"Content-Length: 5", body=b"hel"), CHUNKED + b"5\r\nhello\r\n"):
        async with raw_client(gateway.port) as client:
            await client.send(raw)
            client.writer.write_eof()
            await client.read_all()
    assert upstream.requests[before:] == []


@pytest.mark.parametrize("target", [b"/nowhere", b"/keyed/"])
async def test_the_gateways_own_answers_have_a_date(client: RawClient, target: bytes) -> None:
    """RFC 9110 section 6.6.1."""
    await client.send(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % target)
    assert (await client.response()).one(b"date") is not None


@pytest.mark.xfail(reason="an upstream's fields come back as they were, and nothing is added", strict=True)
async def test_an_answer_without_a_date_is_given_one(client: RawClient) -> None:
    """RFC 9110 section 6.6.1."""
    await client.send(get())
    assert (await client.response()).one(b"date") is not None


@pytest.mark.xfail(reason="X-Forwarded-* is what upstreams read; Via would tell callers what stands here", strict=True)
async def test_each_hop_says_so_in_via(client: RawClient, upstream: RecordingUpstream) -> None:
    """RFC 9110 section 7.6.3."""
    await client.send(get())
    await client.response()
    assert upstream.requests[-1].one(b"via") is not None
