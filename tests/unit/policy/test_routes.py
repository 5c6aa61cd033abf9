from __future__ import annotations

import re
from posixpath import normpath
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from gateway.model.errors import MalformedError
from gateway.model.route import Match, Route
from gateway.model.target import Oddity, parse_target
from gateway.policy.routes import RouteTable, unreachable
from tests.support.builders.routes import route


def matched(routes: list[Route], path: str, host: str = "a.example.com", method: str = "GET") -> int | None:
    found = RouteTable(routes).match(host, path, method)
    return None if found is None else routes.index(found)


@pytest.mark.parametrize("path", ["/orders", "/orders/", "/orders/1", "/orders/1/", "/orders/%2F"])
def test_a_prefix_meets_itself_and_what_is_below(path: str) -> None:
    assert matched([route("/orders/")], path) == 0


@pytest.mark.parametrize("path", ["/", "/order", "/ordersx", "/orders.json", "/Orders/1", "/x/orders/1", "/orders%2F1"])
def test_a_prefix_ends_at_a_segment(path: str) -> None:
    assert matched([route("/orders/")], path) is None


def test_an_exact_path_meets_itself_alone() -> None:
    routes = [route("/orders")]
    assert matched(routes, "/orders") == 0
    assert matched(routes, "/orders/") is None
    assert matched(routes, "/orders/1") is None


@pytest.mark.parametrize("path", ["/", "/a", "/a/b/c", "/" + "a/" * 2000])
def test_a_slash_meets_everything(path: str) -> None:
    assert matched([route("/")], path) == 0


def test_the_first_match_wins_and_not_the_longest() -> None:
    assert matched([route("/"), route("/orders/"), route("/orders/1")], "/orders/1") == 0
    assert matched([route("/orders/1"), route("/orders/"), route("/")], "/orders/1") == 0
    assert matched([route("/orders/1"), route("/orders/"), route("/")], "/orders/2") == 1


@pytest.mark.parametrize(
    ("pattern", "host", "meets"),
    [
        ("", "anything", True),
        ("a.example.com", "a.example.com", True),
        ("A.Example.COM", "a.example.com", True),
        ("a.example.com", "b.example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "b.a.example.com", False),
        ("*.example.com", "evil-example.com", False),
        ("[::1]", "[::1]", True),
    ],
)
def test_hosts_are_exact_or_one_label_wild(pattern: str, host: str, *, meets: bool) -> None:
    assert matched([route("/", pattern)], "/", host) == (0 if meets else None)


def test_a_later_route_for_this_host_does_not_overtake_an_earlier_one_for_every_host() -> None:
    assert matched([route("/a/"), route("/", "a.example.com")], "/a/1") == 0
    assert matched([route("/a/"), route("/", "a.example.com")], "/b") == 1
    assert matched([route("/", "*.example.com"), route("/", "a.example.com")], "/b") == 0


def test_head_is_met_where_get_is() -> None:
    routes = [route("/", methods=("GET",)), route("/", methods=("POST", "HEAD"))]
    assert [matched(routes, "/", method=method) for method in ("GET", "HEAD", "POST", "PUT")] == [0, 0, 1, None]


def test_methods_have_case() -> None:
    assert matched([route("/", methods=("GET",))], "/", method="get") is None


@pytest.mark.parametrize(
    "path",
    ["/public%2Fadmin", "/public%2Fadmin/x", "/admin;a=b", "/admin;a=b/x", "/admin%3Ba=b", "/;x/admin", "/admin;x%2Fy"],
)
def test_a_path_that_reads_as_another_routes_meets_none(path: str) -> None:
    routes = [route("/admin/"), route("/public/admin/"), route("/")]
    assert matched(routes, path) is None


@pytest.mark.parametrize("path", ["/files/a%2Fb", "/files/a;v=1", "/files/a%3Bv%2F2", "/files;v=1/a%2Fb"])
def test_a_path_whose_readings_agree_meets_their_route(path: str) -> None:
    assert matched([route("/admin/"), route("/files/"), route("/files;v=1/")], path.replace("files;v=1", "files")) == 1


HOSTS = st.sampled_from(["", "a.test", "b.test", "*.test", "*.a.test"])
SEGMENTS = st.lists(st.sampled_from(["a", "b", "aa", "a%2Fb"]), max_size=3)
METHODS = st.frozensets(st.sampled_from(["GET", "HEAD", "POST"]), max_size=2)


@st.composite
def matches(draw: st.DrawFn) -> Match:
    segments = draw(SEGMENTS)
    path = "/" + "/".join(segments)
    if segments and draw(st.booleans()):
        path += "/"
    return Match(path, draw(HOSTS), draw(METHODS))


def naive(match: Match, host: str, path: str, method: str) -> bool:
    """The rules of docs/REFERENCE.md in plain words, with no thought of speed."""
    host_meets = match.host in {"", host} or (match.host[:2] == "*." and host.split(".", 1)[1:] == [match.host[2:]])
    path_meets = path == match.path or (match.path.endswith("/") and (path + "/").startswith(match.path))
    methods = match.methods | ({"HEAD"} if "GET" in match.methods else set())
    return host_meets and path_meets and (not methods or method in methods)


def first_of(routes: list[Route], host: str, path: str, method: str) -> Route | None:
    return next((route for route in routes if naive(route.match, host, path, method)), None)


def expected_of(routes: list[Route], host: str, path: str, method: str) -> Route | None:
    """The first route, unless a reader who decodes slashes, or takes a page with a last slash for it, meets another."""
    found = first_of(routes, host, path, method)
    if found is None or first_of(routes, host, decode(path), method) is not found:
        return None
    decoded = [
        structs.replace(each, match=structs.replace(each.match, path=decode(each.match.path))) for each in routes
    ]
    pages = {each.match.path for each in decoded if not each.match.path.endswith("/")}
    others = (first_of(decoded, host, each, method) for each in {decode(path)} | ({decode(path)[:-1]} & pages))
    return found if all(other is None or other.name == found.name for other in others) else None


def decode(path: str) -> str:
    return path.replace("%2F", "/")


@given(
    patterns=st.lists(matches(), max_size=8),
    host=st.sampled_from(["a.test", "b.test", "c.a.test", "x.a.test", "test"]),
    segments=st.lists(st.sampled_from(["a", "b", "aa", "a%2Fb", "c"]), max_size=4),
    slash=st.booleans(),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT"]),
)
def test_the_table_agrees_with_trying_one_route_after_another(
    patterns: list[Match], host: str, segments: list[str], method: str, *, slash: bool
) -> None:
    routes = [Route(name=str(place), match=pattern) for place, pattern in enumerate(patterns)]
    path = "/" + "/".join(segments) + ("/" if segments and slash else "")
    assert RouteTable(routes).match(host, path, method) is expected_of(routes, host, path, method)


SEPARATORS = st.sampled_from(["/", "/", "%2F", "%2f"])
ODD_SEGMENTS = st.sampled_from(["a", "b", "%61", "a;v=1", "a%3bv", ";b", "%252F", "", ".", "%2e%2E", "%5C"])
RAW_TARGETS = st.tuples(
    st.lists(st.tuples(SEPARATORS, st.sampled_from(["a", "b"]) | ODD_SEGMENTS), max_size=4),
    st.sampled_from(["", "/", "%2F"]),
).map(lambda parts: f"/{''.join(map(''.join, parts[0]))}{parts[1]}".replace("//", "/", 1))


def servers_readings(path: str) -> list[str]:
    """What upstreams make of a path: they decode escapes, drop parameters, resolve dots and merge slashes."""
    decoded = unquote(path)
    dropped = [re.sub(";[^/]*", "", reading) for reading in (path, decoded)]
    readings = [decoded, *dropped, unquote(dropped[0])]
    return [path, *(resolved(reading) for reading in readings)]


def resolved(path: str) -> str:
    slash = "/" if path.endswith("/") else ""
    return normpath(path).replace("//", "/").rstrip("/") + slash or "/"


NESTED = st.permutations(["/", "/a/", "/a", "/a/b/", "/b", "/b/a/"])


@given(paths=NESTED, raw=RAW_TARGETS)
def test_every_server_reads_a_path_that_its_route_would_have_judged(paths: list[str], raw: str) -> None:
    routes = [route(path) for path in paths]
    try:
        target = parse_target(raw)
    except MalformedError:
        return
    judged = RouteTable(routes).match("a.test", target.match, "GET")
    assert RouteTable(routes).match("a.test", parse_target(target.path).match, "GET") is judged
    if judged is not None:
        for reading in servers_readings(target.path):
            assert first_of(routes, "a.test", reading, "GET") is judged, reading


ANYTHING = {each.value: True for each in Oddity}
ODDER_SEGMENTS = st.sampled_from(
    ["", "%5C", "%5c..", "%00", "a%00b", "%0A", "%C0%AF", "%C0%AE%C0%AE", "%E0%80%AF", "%E9"]
)
ODDER_TARGETS = st.lists(
    st.tuples(SEPARATORS, st.sampled_from(["a", "b"]) | ODD_SEGMENTS | ODDER_SEGMENTS), min_size=1, max_size=4
).map(lambda parts: "/" + "".join(map("".join, parts)))


def lenient_readings(path: str) -> list[str]:
    """What the most lenient upstreams make of a path besides."""
    overlong = re.sub("%C0%AE", ".", re.sub("%C0%AF|%E0%80%AF", "/", path))
    windows = [re.sub(r"\\\\", "/", unquote(each, "latin-1")) for each in (path, overlong)]
    cut = [each.partition("\0")[0] for each in windows]
    clean = [re.sub("[\0-\x1f]", "", each) for each in windows]
    hosts = [urlsplit(each).path for each in (path, *windows) if each.startswith("//")]
    return [resolved(f"/{each.lstrip('/')}") for each in (*windows, *cut, *clean, *hosts)]


@given(paths=NESTED, raw=ODDER_TARGETS)
@example(paths=["/a/", "/", "/a", "/b", "/a/b/", "/b/a/"], raw="//b/a/x")
@example(paths=["/a/b/", "/", "/a", "/b", "/a/", "/b/a/"], raw="/a%5Cb/x")
@example(paths=["/a", "/", "/a/", "/b", "/a/b/", "/b/a/"], raw="/a%00b")
@example(paths=["/a/", "/", "/a", "/b", "/a/b/", "/b/a/"], raw="/%5C../a/")
def test_what_a_route_allows_is_of_that_route_however_it_is_read(paths: list[str], raw: str) -> None:
    routes = [structs.replace(route(path), **ANYTHING) for path in paths]
    try:
        target = parse_target(raw, [*Oddity])
    except MalformedError:
        return
    judged = RouteTable(routes).match("a.test", target.match, "GET")
    assert parse_target(str(target), [*Oddity]) == target
    if judged is not None:
        for reading in (*servers_readings(target.path), *lenient_readings(target.path)):
            assert first_of(routes, "a.test", reading, "GET") is judged, reading


@given(patterns=st.lists(matches(), max_size=6))
def test_an_unreachable_route_is_met_by_none_of_its_own_paths(patterns: list[Match]) -> None:
    routes = [Route(name=str(place), match=pattern) for place, pattern in enumerate(patterns)]
    hidden = dict(unreachable(routes))
    for place, pattern in enumerate(patterns):
        assert hidden.get(place, -1) < place
        host = {"": "x.elsewhere", "*.test": "x.test", "*.a.test": "x.a.test"}.get(pattern.host, pattern.host)
        reached = any(
            first_of(routes, host, pattern.path + more, method) is routes[place]
            for method in pattern.methods or {"PATCH"}
            for more in ("", "zz")
        )
        assert reached == (place not in hidden)


@pytest.mark.parametrize(
    ("routes", "hidden"),
    [
        ([route("/"), route("/a")], [(1, 0)]),
        ([route("/a"), route("/")], []),
        ([route("/a/"), route("/a")], [(1, 0)]),
        ([route("/a"), route("/a/")], []),
        ([route("/", methods=("GET",)), route("/a", methods=("HEAD",))], [(1, 0)]),
        ([route("/", methods=("GET",)), route("/a")], []),
        ([route("/", methods=("GET",)), route("/", methods=("POST",)), route("/a", methods=("GET", "POST"))], [(2, 1)]),
        ([route("/", "*.x.test"), route("/", "a.x.test"), route("/", "x.test")], [(1, 0)]),
        ([route("/", "a.x.test"), route("/", "*.x.test"), route("/")], []),
        ([route("/"), route("/", "*.x.test")], [(1, 0)]),
    ],
)
def test_routes_that_earlier_ones_take_everything_from_are_unreachable(
    routes: list[Route], hidden: list[tuple[int, int]]
) -> None:
    assert unreachable(routes) == hidden


def test_a_deep_path_is_walked_no_deeper_than_the_routes() -> None:
    looked_up = []

    class Counted(str):
        __slots__ = ()

        def split(self, sep: str | None = None, maxsplit: int = -1) -> list[str]:  # type: ignore[override]
            parts = str.split(self, sep, maxsplit)
            looked_up.append(len(parts))
            return parts

    table = RouteTable([route(f"/api/v1/{number}/") for number in range(1000)])
    assert table.match("a.test", Counted("/api/v1/999" + "/x" * 4000), "GET") is table.routes[999]
    assert looked_up == [5]


GUARDED = [route("/admin/"), route("/exact"), route("/@team/"), route("/Mixed/"), route("/")]


@pytest.mark.parametrize(
    "path",
    [
        "/ADMIN",
        "/Admin/users",
        "/aDMIN%2Fusers",
        "/EXACT",
        "/exact/",
        "/Exact/",
        "/exact.",
        "/admin%20/users",
        "/%40team/x",
        "/%40TEAM/x",
        "/mixed/x",
        "/%EF%BD%8Dixed/",
    ],
)
def test_a_path_that_is_another_routes_where_letter_case_does_not_count_meets_none(path: str) -> None:
    assert matched(GUARDED, path) is None


@pytest.mark.parametrize(
    ("path", "place"),
    [("/admin/USERS", 0), ("/exact", 1), ("/@team/A", 2), ("/Mixed/A", 3), ("/Other/", 4), ("/x/exact/", 4)],
)
def test_a_path_that_is_one_routes_however_it_is_spelled_meets_that(path: str, place: int) -> None:
    assert matched(GUARDED, path) == place


def test_a_route_whose_upstream_tells_letter_case_apart_takes_paths_as_they_are() -> None:
    routes = [*GUARDED[:-1], structs.replace(route("/"), case_sensitive=True)]
    for path in ("/ADMIN", "/EXACT", "/exact/", "/%40team/x", "/mixed/x"):
        assert matched(routes, path) == 4
    assert matched(routes, "/%40team%2Fx") == 4
    assert matched(routes, "/admin%2Fx") is None


def test_an_exact_path_is_an_exception_to_what_is_around_it() -> None:
    assert matched([route("/health"), route("/")], "/health") == 0
    assert matched([route("/docs"), route("/docs/"), route("/")], "/docs") == 0
    assert matched([route("/docs"), route("/docs/"), route("/")], "/docs/x/") == 1
    assert matched([route("/docs"), route("/docs/"), route("/")], "/docs/") is None


@given(
    patterns=st.lists(st.text("aA/", min_size=1, max_size=4), min_size=1, max_size=5),
    path=st.text("aA/", max_size=5),
)
def test_whoever_ignores_letter_case_serves_what_was_judged(patterns: list[str], path: str) -> None:
    routes = [route(re.sub("/+", "/", f"/{pattern}")) for pattern in patterns]
    path = re.sub("/+", "/", f"/{path}")
    found = RouteTable(routes).match("a.test", path, "GET")
    if found is not None:
        served = [structs.replace(each, match=Match(each.match.path.lower())) for each in routes]
        first = first_of(served, "a.test", path.lower(), "GET")
        assert first is not None
        assert first.name == found.name or first.match.path == found.match.path.lower()


def test_a_path_that_comes_again_is_met_as_the_first_time() -> None:
    table = RouteTable(GUARDED)
    for _ in range(4):
        found = [table.match("h", path, "GET") for path in ("/admin/", "/ADMIN/", "/x")]
        assert found == [GUARDED[0], None, GUARDED[4]]
