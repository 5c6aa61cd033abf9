"""What reads a caller's bytes takes a time that grows with them alone: counted in steps, not in seconds."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pytest

import gateway
from gateway.credentials.cookie import CookieReader, CookieSettings
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.session_cookies import without_dev_session
from gateway.http1.block_memory import SharedBlocks, take_names
from gateway.http1.chunk_reader import ChunkReader
from gateway.http1.field_names import named_by_connection
from gateway.http1.head_parser import HeadLimits
from gateway.http1.header_block import read_block
from gateway.http1.request_reader import RequestReader
from gateway.http1.shared_caches import private_lines
from gateway.model.errors import MalformedError
from gateway.model.headers import Headers
from gateway.model.host import parse_authority
from gateway.model.target import Oddity, parse_target
from gateway.model.url import without_passwords
from gateway.policy.readings import folded, other_readings
from gateway.policy.routes import RouteTable
from gateway.telemetry.access_log import loggable_path
from gateway.telemetry.redaction import Redactor
from gateway.upstream.cookies import OwnCookies
from tests.support.builders.requests import access_request
from tests.support.builders.routes import route
from tests.support.readers.regex_steps import Matcher, samples

OF_OPERATORS = (
    "gateway.config",
    "gateway.source",
    "gateway.directory",
    "gateway.commands",
    "gateway.demo",
    "gateway.cli",
    "gateway.signing",
)
"""What they read is an operator's, or our own."""

MODULES = [
    each.name
    for each in pkgutil.walk_packages(gateway.__path__, "gateway.")
    if not each.name.startswith(OF_OPERATORS) and not each.name.endswith("__main__") and ".tracing" not in each.name
]
SIZE = 130
LONGEST_PUMP = 40
MOST_GROWTH = 2.6
"""A square would be four."""


def patterns(value: object, name: str) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from patterns(each, f"{name}[{place}]")


def ways(source: str, name: str) -> set[str]:
    """Return how a module uses a pattern; every way where that cannot be seen."""
    used = set(re.findall(rf"\b{name}\.(fullmatch|match|search|sub|split|finditer)\(", source))
    return {each if each in {"fullmatch", "match"} else "search" for each in used} or {"search"}


def expressions() -> Iterator[Any]:
    """Yield every pattern at the top of a module that reads callers' bytes, with the ways in which it is used."""
    own = OwnCookies({b"__session", b"the.sid"})
    yield pytest.param(own._alike, "search", id="OwnCookies._alike")
    yield pytest.param(own._escaped, "search", id="OwnCookies._escaped")
    for module in map(importlib.import_module, MODULES):
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        for name, value in vars(module).items():
            for full, pattern in patterns(value, name):
                for way in ways(source, name):
                    yield pytest.param(pattern, way, id=f"{module.__name__}.{full}.{way}")


def attacks(pattern: re.Pattern[Any]) -> Iterator[Callable[[int], str]]:
    """Yield texts of any length of which a matcher that goes back would read much again and again."""
    pumps = dict.fromkeys((*samples(Matcher(pattern).tree), "a", "A1", ".", " ", "/", "%", ";", "\n"))
    for pump in [each for each in pumps if 0 < len(each) <= LONGEST_PUMP]:
        for before in ("", next(iter(pumps))):
            for end in ("", "\0"):

                def text(size: int, pump: str = pump, before: str = before, end: str = end) -> str:
                    return before + pump * (size // len(pump)) + end

                yield text


@pytest.mark.parametrize(("pattern", "way"), [*expressions()])
def test_a_pattern_takes_steps_in_proportion_to_its_text(pattern: re.Pattern[Any], way: str) -> None:
    for text in attacks(pattern):
        counts = []
        for size in (SIZE, 2 * SIZE):
            matcher = Matcher(pattern)
            getattr(matcher, way)(text(size))
            counts.append(matcher.steps)
        assert counts[1] <= MOST_GROWTH * counts[0] + SIZE, (text(SIZE), counts)


def test_the_counter_sees_a_square() -> None:
    counts = []
    for size in (SIZE, 2 * SIZE):
        matcher = Matcher(re.compile(r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){2,4}"))
        matcher.search("eyJ" * (size // 3))
        counts.append(matcher.steps)
    assert counts[1] > MOST_GROWTH * counts[0] + SIZE


class Lines:
    """Counts the lines of gateway/ that are run, and the bytes or characters that each may look at: one at least."""

    def __init__(self) -> None:
        self.count = 0
        self._folder = f"{Path(gateway.__file__).parent}/"

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)  # coverage's, which would see nothing of the tests behind this one

    def _trace(self, frame: FrameType, _event: str, _: object) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self._folder) else None

    def _line(self, _frame: FrameType, event: str, _: object) -> Any:
        self.count += event == "line"
        return self._line


def feed(*pieces: bytes) -> None:
    """Have a connection's reader read requests in these pieces."""
    reader = RequestReader(
        HeadLimits(head_bytes=2**20, headers=2**16, target_bytes=2**20, cookies=2**20), SharedBlocks(0)
    )
    for piece in pieces:
        reader.feed(piece)


def chunks(*pieces: bytes) -> None:
    reader = ChunkReader(2**20)
    for piece in pieces:
        reader.feed(piece)


COOKIES = OwnCookies({b"__session", b"the.sid"})
TABLE = RouteTable([route("/a/"), route("/A"), route("/a/b"), route("/")])
BLIND = AccessReader([ip_network("10.0.0.0/8")], 2**20, lambda: 0.0)
COOKIE = CookieReader("c", CookieSettings(kind="cookie", authority=("a",), name="s"), lambda parts: parts[0].encode())
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"

READERS: dict[str, Callable[[bytes], object]] = {
    "redaction": lambda data: Redactor().text(data.decode("latin-1")),
    "redaction of names": lambda data: Redactor()(None, "", {data.decode("latin-1"): 1}),
    "passwords": lambda data: without_passwords(data.decode("latin-1")),
    "a path in the log": lambda data: loggable_path(data.decode("latin-1")),
    "cookies that are cut": lambda data: COOKIES.cut(data, keep_own=False),
    "cookies that are kept": lambda data: COOKIES.cut(data, keep_own=True),
    "a cookie that is read": lambda data: COOKIE.read(access_request(headers=((b"Cookie", data),))),
    "a target": lambda data: parse_target("/" + data.decode("latin-1"), [*Oddity]),
    "a query": lambda data: without_dev_session(parse_target("/?__dev_session__=" + data.decode("latin-1"))),
    "a route": lambda data: TABLE.match("h", "/a/" + data.decode("latin-1"), "GET"),
    "readings": lambda data: other_readings(data.decode("latin-1")),
    "letter case": lambda data: folded(data.decode("latin-1")),
    "a host": lambda data: parse_authority(data.decode("latin-1"), "http"),
    "addresses": lambda data: BLIND.client(data.decode("latin-1"), "10.0.0.1"),
    "Connection": lambda data: named_by_connection([data]),
    "an answer's fields": lambda data: private_lines([b"Cache-Control: " + data]),
    "naming fields": lambda data: take_names(b"\r\ntraceparent: " + data.replace(b"\n", b"") + b"\r\n\r\n"),
    "a block": lambda data: read_block(b"Host: a\r\nA: " + data + b"\r\n\r\n", 2**16, 2**20),
    "a block of fields": lambda data: read_block(
        b"".join(b"%c: a\r\n" % each for each in data) + b"\r\n", 2**16, 2**20
    ),
    "fields": lambda data: Headers([(bytes((each,)), b"") for each in data]),
    "a head": lambda data: feed(HEAD + b"A: " + data + b"\r\n\r\n"),
    "a head byte by byte": lambda data: feed(*[bytes((each,)) for each in HEAD + b"A: " + data]),
    "a target byte by byte": lambda data: feed(*[bytes((each,)) for each in b"GET /" + data]),
    "requests behind one": lambda data: feed(HEAD + b"Content-Length: 1\r\n\r\n", *[bytes((each,)) for each in data]),
    "chunks byte by byte": lambda data: chunks(*[bytes((each,)) for each in b"1\r\na\r\n" * (len(data) // 6)]),
    "a chunk's extension": lambda data: chunks(*[bytes((each,)) for each in b"1;a=" + data]),
}
JUNK = (
    b";",
    b"=",
    b"a=1;",
    b"s=;",
    b"__session",
    b"the sid",
    b",",
    b" ",
    b"a",
    b"A.",
    b"%2F",
    b"%3B",
    b"%41",
    b"/",
    b"a/",
    b"://",
)
JUNK += (
    b"eyJ",
    b"eyJa.",
    b"://a:@",
    b"&",
    b"_",
    b"10.0.0.1,",
    b"close,",
    b"\r\n",
    b"\r\n\r\n",
    b"x: y\r\n",
    b".",
    b"..",
    b"%",
    b'"',
)


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("name", READERS)
def test_a_reader_runs_lines_in_proportion_to_its_bytes(name: str, junk: bytes) -> None:
    """A line in C may look at all of the bytes: so what runs more lines for more bytes may do so for few of them."""
    counts = []
    for size in (512, 1024):
        with Lines() as run, contextlib.suppress(MalformedError):
            READERS[name](junk * (size // len(junk)))
        counts.append(run.count)
    assert counts[1] <= MOST_GROWTH * counts[0] + 64, counts
