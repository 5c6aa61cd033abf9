import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model.errors import MalformedError
from gateway.model.target import parse_target
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
    "/admin?x=é",
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
    assert parse_target(raw).has_parameters is has


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
