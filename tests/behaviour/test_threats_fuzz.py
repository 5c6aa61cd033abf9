"""Made-up requests, targets and credentials: never a crash, a hang, or a 2xx for what is no request."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine, Iterator
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from posixpath import normpath
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.model.credential import Credential
from gateway.upstream.cookies import OwnCookies
from tests.support.builders.credentials import api_key_reader, bearer_reader, cookie_reader, pair_reader
from tests.support.builders.requests import access_request
from tests.support.clients.raw_http import conversation
from tests.support.gateways.attacks import MARKER, Victim, get, request, victim
from tests.support.gateways.serving import Examples
from tests.support.readers.strict_http import whole_requests

Answer = TypeVar("Answer")
Run = Callable[[Coroutine[Any, Any, Answer]], Answer]

SOON = {"head_timeout": "100ms", "body_stall": "100ms", "idle": "100ms"}
"""Limits under which half a request is answered before a fuzzer loses patience."""

FUZZ = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture
def run() -> Iterator[Run[Any]]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def attacked(examples: Examples, tmp_path: Path, run: Run[Any]) -> Iterator[Victim]:
    """A gateway on a loop of its own, since hypothesis calls plain functions."""

    async def begin() -> Victim:
        return await stack.enter_async_context(victim(examples, tmp_path, limits=SOON))

    stack = contextlib.AsyncExitStack()
    try:
        yield run(begin())
    finally:
        run(stack.aclose())


HONEST = (
    get(b"/public/a?b=c", b"X-A: b"),
    request(b"POST /public/ HTTP/1.1", b"Content-Length: 5", body=b"hello"),
    request(b"POST /public/ HTTP/1.1", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
    request(b"PUT /public/ HTTP/1.1", b"Expect: 100-continue", b"Content-Length: 2", body=b"hi"),
    request(b"GET /public/ HTTP/1.1", b"Connection: Upgrade", b"Upgrade: websocket"),
    request(b"DELETE /public/ HTTP/1.0", b"Connection: keep-alive"),
    MARKER,
)
TOKENS = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b"\0",
        b"\x0b",
        b"\x7f",
        b"\xff",
        b":",
        b",",
        b";",
        b"0",
        b"\r\n ",
    ),
    *(b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: evil\r\n"),
    *(b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer_Encoding: chunked\r\n", b"Connection: close\r\n"),
    *(
        b"Content-Length: +5\r\n",
        b"content-length:5\r\n",
        b"X: y\r\n",
        b"GET /public/smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    ),
    *(
        b"HTTP/1.0",
        b"HTTP/2.0",
        b"/../",
        b"%2e%2e",
        b"%",
        b"#",
        b"0\r\n\r\n",
        b"5\r\nhello\r\n",
        b"FFFFFFFFF\r\n",
        b"-1",
    ),
)
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(["insert", "replace", "cut", "repeat"]), st.sampled_from(TOKENS)),
    max_size=4,
)


def edited(raw: bytes, edits: list[tuple[float, str, bytes]]) -> bytes:
    for where, how, token in edits:
        at = int(where * len(raw))
        match how:
            case "insert":
                raw = raw[:at] + token + raw[at:]
            case "replace":
                raw = raw[:at] + token + raw[at + len(token) :]
            case "cut":
                raw = raw[:at] + raw[at + len(token) :]
            case _:
                raw = raw[:at] + raw[max(0, at - 20) :]
    return raw


RAW = st.one_of(
    st.tuples(st.lists(st.sampled_from(HONEST), min_size=1, max_size=3), EDITS).map(
        lambda made: edited(b"".join(made[0]), made[1])
    ),
    st.lists(st.sampled_from(TOKENS), max_size=20).map(b"".join),
    st.binary(max_size=200),
)
SAID = {b"200", b"400", b"404", b"405", b"408", b"414", b"431", b"501"}


def pass_marker(attacked: Victim, run: Run[Any]) -> None:
    """Send an honest request until it is answered: on a busy machine, the short limits may end it before it begins."""
    for _ in range(100):
        statuses = run(attacked.attack(MARKER)).statuses
        if statuses == (200,):
            return
        assert statuses in {(), (408,)}
    pytest.fail("no honest request was answered")


@FUZZ
@given(st.lists(RAW, min_size=12, max_size=12))
def _judge_raw(attacked: Victim, run: Run[Any], attacks: list[bytes]) -> None:
    """Send them side by side: each is answered or closed, and no more arrives than there were requests."""
    before = len(attacked.upstream.requests)

    async def send_all() -> list[bytes]:
        async with asyncio.timeout(20):
            return await asyncio.gather(*(conversation(attacked.gateway.port, raw) for raw in attacks))

    answers = run(send_all())
    # What was given up (408) may still be on its way to the upstream, and would be counted with the next attacks.
    pass_marker(attacked, run)
    statuses = [status for answer in answers for status in re.findall(rb"HTTP/\d\.\d (\d{3}) ", answer)]
    interim = statuses.count(b"100")
    arrived = [received.raw for received in attacked.upstream.requests[before:]]
    received = len(arrived) - 1
    assert set(statuses) - {b"100"} <= SAID
    assert received <= sum(map(whole_requests, attacks)), (arrived, answers)
    assert statuses.count(b"200") <= received
    assert interim <= len(attacks) * 3


def test_no_bytes_crash_hang_or_pass_for_a_request(
    attacked: Victim, run: Run[Any], caplog: pytest.LogCaptureFixture
) -> None:
    _judge_raw(attacked, run)
    assert caplog.records == []
    assert b"unexpected" not in attacked.gateway.log()


PIECES = st.sampled_from(
    [
        *("/", "//", ".", "..", "\\", ";", "%", "?", "a", "admin", "public", "echo", "%2f", "%2F", "%5c", "%2e", "%2E"),
        *(
            "%252e",
            "%252f",
            "%3b",
            "%3F",
            "%23",
            "%00",
            "%c0%ae",
            "%ef%bc%8e",
            "%61dmin",
            "adm%69n",
            "%70ublic",
            "+",
            "~",
        ),
    ]
)
TARGETS = st.lists(PIECES, max_size=9).map(lambda pieces: "/" + "".join(pieces))


def readings(target: bytes) -> set[bytes]:
    """Return the paths that servers make of a target: decoded, without parameters, resolved, in every order."""
    path = target.partition(b"?")[0]
    found = {path}
    for _ in range(2):
        for each in tuple(found):
            decoded = unquote_to_bytes(each)
            found |= {decoded, re.sub(rb";[^/]*", b"", each), re.sub(rb";[^/]*", b"", decoded)}
            found |= {decoded.replace(b"\\", b"/"), re.sub(rb"/+", b"/", each), normpath(each), normpath(decoded)}
        if b"%25" in path:
            break  # what is encoded twice stays as it is in whoever decodes once
    return {b"/" + each.lstrip(b"/") for each in found}


@FUZZ
@given(st.lists(TARGETS, min_size=20, max_size=20))
def _judge_targets(attacked: Victim, run: Run[Any], targets: list[str]) -> None:
    before = len(attacked.upstream.requests)
    for target in targets:
        seen = run(attacked.attack(get(target.encode())))
        assert seen.statuses in {(200,), (400,), (401,), (404,), (408,)}  # 408 where the machine leaves us no time
    for received in attacked.upstream.requests[before:]:
        for reading in readings(received.target):
            assert reading.startswith((b"/public/", b"/optional/")) or reading == b"/public", received.target


def test_whoever_reads_a_forwarded_target_again_meets_the_route_that_was_judged(
    attacked: Victim, run: Run[Any]
) -> None:
    _judge_targets(attacked, run)


COOKIE_PIECES = st.sampled_from(
    [
        *(b"__session", b"__session=", b"=", b";", b"; ", b" ", b"\t", b'"', b",", b"good", b"bad", b"$Version=1"),
        *(b"\xff", b"\xc3\xa9", b"%5f", b"\\137", b"a=b", b"__Session=x", b"Path=/", b"\xa0", b"=="),
    ]
)
FIELDS = st.lists(st.lists(COOKIE_PIECES, max_size=8).map(b"".join), max_size=3)
READER = cookie_reader()


@given(FIELDS)
@example([b"__session=good; __session=bad"])
@example([b"__session=good", b"a=b"])
@settings(max_examples=400)
def test_a_cookie_that_is_read_is_the_one_that_any_reader_finds(fields: list[bytes]) -> None:
    reading = READER.read(access_request(headers=tuple((b"Cookie", field) for field in fields)))
    pairs = [pair.partition(b"=") for field in fields for pair in field.split(b";")]
    values = [value.strip(b" \t") for name, _, value in pairs if name.strip(b" \t") == b"__session"]
    assert isinstance(reading, Credential) == (len(values) == 1 and values != [b""])
    if isinstance(reading, Credential) and values[0].isalnum():
        assert reading.parts == (values[0].decode(),)
        jar: SimpleCookie = SimpleCookie()
        with contextlib.suppress(CookieError):
            jar.load("; ".join(field.decode("latin-1") for field in fields))
        assert "__session" not in jar or jar["__session"].value == values[0].decode()


@given(FIELDS)
@settings(max_examples=400)
def test_a_cookie_that_is_ours_is_never_forwarded(fields: list[bytes]) -> None:
    own = OwnCookies(READER.cookies)
    kept = [left for field in fields if (left := own.cut(field, keep_own=False)) is not None]
    assert READER.read(access_request(headers=tuple((b"Cookie", field) for field in kept))) is None
    assert sum(map(len, kept)) <= sum(map(len, fields))


NAMES = st.sampled_from([b"Authorization", b"authorization", b"X-Api-Key", b"x_api_key", b"X-User-Id", b"X-Auth-Token"])
VALUES = st.one_of(
    st.lists(st.sampled_from([b"Bearer", b"bearer ", b" ", b"\t", b"a.b.c", b",", b'"', b"Basic ", b"=", b"\xff"])).map(
        b"".join
    ),
    st.binary(max_size=30),
)
READERS = (api_key_reader(), bearer_reader(), pair_reader())


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5))
@settings(max_examples=400)
def test_no_header_makes_a_reader_raise_or_choose(fields: list[tuple[bytes, bytes]]) -> None:
    access = access_request(headers=tuple(fields))
    for reader in READERS:
        reading = reader.read(access)
        counts = [len(access.headers.all(name)) for name in reader.headers]
        if isinstance(reading, Credential):
            assert set(counts) == {1}
            assert all(part.isascii() and part.isprintable() and part for part in reading.parts)
        if max(counts) > 1:
            assert reading is not None
            assert not isinstance(reading, Credential)
