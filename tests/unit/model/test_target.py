import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model.errors import MalformedError
from gateway.model.target import Oddity, parse_target
from tests.support.builders.variants import PATH_PIECES

AMBIGUOUS = [
    "",
    "*",
    "admin",
    "http://evil.example/admin",
    "evil.example:443",
    "//",
    "//admin",
    "/public//admin",
    "/public/../admin",
    "/public/./admin",
    "/public/..",
    "/.",
    "/public/%2e%2e/admin",
    "/public/%2E%2e",
    "/public/.%2e/admin",
    "/public/..%2fadmin",
    "/public/%2e%2e%2fadmin",
    "/public%2f..%2fadmin",
    "/public%2f%2fadmin",
    "/%2fadmin",
    "/public/..;/admin",
    "/public/..;x=y/admin",
    "/public/..%3b/admin",
    "/public\\..\\admin",
    "/public/%5c../admin",
    "/public/%5C",
    "/admin%00.png",
    "/admin%0d%0aX: y",
    "/admin%7f",
    "/admin\x00",
    "/admin\t",
    "/admin b",
    "/admin\x7f",
    "/café",
    "/caf\udce9",
    "/admin%zz",
    "/admin%",
    "/admin%2",
    "/admin#x",
    "/admin?x#y",
    "/admin?x=\x00",
    "/%c0%ae%c0%ae/admin",
    "/%ff",
    "/%e0%80%af",
]


@pytest.mark.parametrize("raw", AMBIGUOUS)
def test_what_has_two_readings_is_refused_with_400(raw: str) -> None:
    with pytest.raises(MalformedError) as refused:
        parse_target(raw)
    assert refused.value.refusal.status == 400


@pytest.mark.parametrize(
    ("raw", "path", "match", "query"),
    [
        ("/", "/", "/", None),
        ("/a/b", "/a/b", "/a/b", None),
        ("/a/b/", "/a/b/", "/a/b/", None),
        ("/a?", "/a", "/a", ""),
        ("/a?x=/../b&y=%zz", "/a", "/a", "x=/../b&y=%zz"),
        ("/a?x?y", "/a", "/a", "x?y"),
        ("/%61dmin", "/admin", "/admin", None),
        ("/a%2Db%7e", "/a-b~", "/a-b~", None),
        ("/a%2fb", "/a%2fb", "/a%2Fb", None),
        ("/a%2Fb", "/a%2Fb", "/a%2Fb", None),
        ("/caf%c3%a9", "/caf%c3%a9", "/caf%C3%A9", None),
        ("/%2561", "/%2561", "/%2561", None),
        ("/%252e%252e/a", "/%252e%252e/a", "/%252e%252e/a", None),
        ("/...", "/...", "/...", None),
        ("/.well-known/x", "/.well-known/x", "/.well-known/x", None),
        ("/a..b/..c", "/a..b/..c", "/a..b/..c", None),
        ("/a:b@c,d=e", "/a:b@c,d=e", "/a:b@c,d=e", None),
        ('/a|b^c{d}"', '/a|b^c{d}"', '/a|b^c{d}"', None),
    ],
)
def test_what_has_one_reading_is_read(raw: str, path: str, match: str, query: str | None) -> None:
    target = parse_target(raw)
    assert (target.path, target.match, target.query) == (path, match, query)


@pytest.mark.parametrize(("raw", "has"), [("/a;x=y", True), ("/a%3bx", True), ("/a%3Bx", True), ("/a?x;y", False)])
def test_path_parameters_are_told(raw: str, has: bool) -> None:
    assert (Oddity.PATH_PARAMETERS in parse_target(raw).oddities) is has


@given(st.lists(st.sampled_from(PATH_PIECES), max_size=12).map(lambda pieces: "/" + "".join(pieces)))
@example("/%2561")
def test_a_second_reading_of_what_is_forwarded_is_the_first(raw: str) -> None:
    try:
        target = parse_target(raw)
    except MalformedError:
        return
    assert parse_target(str(target)) == target


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(raw: str) -> None:
    try:
        target = parse_target(raw)
    except MalformedError as refused:
        assert refused.refusal.status == 400  # noqa: PT017 - either outcome is right, nothing else is
    else:
        assert str(target).isascii()


@pytest.mark.parametrize(
    ("prefix", "beneath"),
    [("/a", "/b%2fc"), ("/a/b%2fc", "/"), ("/a/b", "/a/b%2fc"), ("/b", "/a/b%2fc"), ("", "/a/b%2fc")],
)
def test_what_lies_beneath_a_prefix_begins_at_a_segment(prefix: str, beneath: str) -> None:
    assert parse_target("/a/b%2fc?q=1").beneath(prefix) == beneath


@pytest.mark.parametrize(
    ("raw", "query"),
    [
        ("/a?q=caf\u00e9&x", "q=caf%C3%A9&x"),
        ("/a?\u65e5\u672c", "%E6%97%A5%E6%9C%AC"),
        ("/a?q=caf\udce9", "q=caf%E9"),
        ("/a?q=%zz\u00e9", "q=%zz%C3%A9"),
    ],
)
def test_a_query_of_other_bytes_than_ascii_is_percent_encoded(raw: str, query: str) -> None:
    assert parse_target(raw).query == query


@pytest.mark.parametrize(
    ("raw", "oddities"),
    [
        ("/api/queues/%2F/orders", {Oddity.ENCODED_SLASHES}),
        ("/repositories/https%3A%2F%2Fexample.com%2Fx", {Oddity.ENCODED_SLASHES}),
        ("/a%2Fb", set()),
        ("/a/%E2%80%A6/..%20b/...%20/%EF%BC%A1%EF%BC%8Fb/..%252F", set()),
        ("/bucket/a//b", {Oddity.EMPTY_SEGMENTS}),
        ("//a", {Oddity.EMPTY_SEGMENTS}),
        ("/a//%2Fb", {Oddity.EMPTY_SEGMENTS, Oddity.ENCODED_SLASHES}),
        ("/a%5Cb", {Oddity.ANY_BYTES}),
        ("/a%0Ab", {Oddity.ANY_BYTES}),
        ("/caf%E9", {Oddity.ANY_BYTES}),
        ("/caf%E9;x//%2F", set(Oddity)),
    ],
)
def test_what_a_route_has_to_allow_is_told_and_refused_by_default(raw: str, oddities: set[Oddity]) -> None:
    target = parse_target(raw, [*Oddity])
    assert (target.oddities, target.path) == (oddities, raw)
    for missing in oddities - {Oddity.PATH_PARAMETERS}:
        with pytest.raises(MalformedError):
            parse_target(raw, set(Oddity) - {missing})


@pytest.mark.parametrize(
    "raw",
    [
        "/a//../b",
        "/a/%2F..%2Fb",
        "/a/%5C../b",
        "/a%5C..%5Cb",
        "/a/.%00./b",
        "/a/..%00/b",
        "/a/%0A../b",
        "/a/%C0%AE%C0%AE/b",
        "/a/%E0%80%AE./b",
        "/a/%F0%80%80%AE./b",
        "/a%C0%AF..%C1%9Cb",
        "/a/..%00;x/b",
        "/a/.%2e//b",
        "/a/%EF%BC%8E%EF%BC%8E/b",
        "/a/.%EF%BC%8E/b",
        "/a/%E2%80%A5/b",
        "/a/%EF%B9%92%E2%80%A4",
        "/a%EF%BC%8F..%EF%BC%8Fb",
        "/a%EF%BC%BC..%EF%BC%BCb",
        "/a/..%20/b",
        "/a/.%C2%A0/b",
        "/a\\b",
        "/a\x00b",
        "/caf\u00e9",
        "/a%u002e",
        "/a#b",
    ],
)
def test_what_no_route_can_allow(raw: str) -> None:
    with pytest.raises(MalformedError):
        parse_target(raw, [*Oddity])
