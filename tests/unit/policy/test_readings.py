from __future__ import annotations

import pytest
from msgspec import structs

from gateway.model.target import Oddity, parse_target
from gateway.policy.readings import folded, other_readings, refused_oddity
from tests.support.builders.routes import route


@pytest.mark.parametrize(
    ("path", "readings"),
    [
        ("/a/b", set()),
        ("/a%2Fb", {"/a/b"}),
        ("/a;x/b", {"/a/b"}),
        ("/a%3B%2Fb", {"/a%3B/b", "/a", "/a/b"}),
        ("/a/%2Fb", {"/a/b", "/a//b"}),
        ("/a//b", {"/a/b"}),
        ("//a/b", {"/a/b", "/b"}),
        ("///a", {"/a"}),
        ("//a", {"/a", "/"}),
        ("/%2Fa/b", {"//a/b", "/a/b", "/b"}),
        ("/a%5Cb", {"/a/b"}),
        ("/a%C1%9Cb", {"/a/b"}),
        ("/a%C0%AFb", {"/a/b"}),
        ("/a/b%00.png", {"/a/b.png", "/a/b"}),
        ("/a%0Ab/c", {"/ab/c", "/a"}),
        ("/caf%E9", set()),
    ],
)
def test_a_path_has_the_readings_that_programs_have(path: str, readings: set[str]) -> None:
    assert set(other_readings(path)) - {path} == readings


def test_two_slashes_at_the_beginning_of_what_is_sent_are_followed_by_a_host_to_some() -> None:
    assert set(other_readings("/a//b/c", "/a")) - {"/a//b/c"} == {"/a/b/c", "/a/c"}
    assert set(other_readings("/a//b", "/a")) - {"/a//b"} == {"/a/b", "/a/"}


@pytest.mark.parametrize(
    ("path", "allowed", "refused"),
    [
        ("/a/b", {}, None),
        ("/a;b", {}, Oddity.PATH_PARAMETERS),
        ("/a;b", {"path_parameters": True}, None),
        ("/a//b", {"path_parameters": True}, Oddity.EMPTY_SEGMENTS),
        ("/a//b", {"empty_segments": True}, None),
        ("/a/%2Fb", {"empty_segments": True}, Oddity.ENCODED_SLASHES),
        ("/a/%2Fb//c", {"empty_segments": True, "encoded_slashes": True}, None),
        ("/%5C//", {"any_bytes": True}, Oddity.EMPTY_SEGMENTS),
    ],
)
def test_a_route_allows_what_it_says(path: str, allowed: dict[str, bool], refused: Oddity | None) -> None:
    target = parse_target(path, [*Oddity])
    assert refused_oddity(target, structs.replace(route("/"), **allowed)) is refused
    assert (refused_oddity(target, None) is None) is (not target.oddities)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/x",
        "/ADMIN/X",
        "/%41dmin/x",
        "/admin%2Fx",
        "/%EF%BD%81dmin/x",
        "/admin./x",
        "/admin../x",
        "/admin%20/x",
        "/admin/x.%20.",
    ],
)
def test_what_some_program_takes_for_the_same_is_spelled_alike(path: str) -> None:
    assert folded(path) == "/admin/x"


@pytest.mark.parametrize(
    ("path", "spelled"),
    [
        ("/%40X/%C3%89", "/@x/é"),
        ("/stra%C3%9Fe", "/strasse"),
        ("/a%25b", "/a%b"),
        ("/a.b/c..d", "/a.b/c..d"),
        ("/", "/"),
    ],
)
def test_other_paths_stay_apart(path: str, spelled: str) -> None:
    assert folded(path) == spelled
