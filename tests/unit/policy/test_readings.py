from __future__ import annotations

import pytest

from gateway.policy.readings import folded, other_readings


@pytest.mark.parametrize(
    ("path", "readings"),
    [
        ("/a/b", set()),
        ("/a%2Fb", {"/a/b", "/a%2Fb"}),
        ("/a;x/b", {"/a/b", "/a;x/b"}),
        ("/a%3B%2Fb", {"/a%3B/b", "/a", "/a/b"}),
        ("/a/%2Fb", {"/a/b", "/a/%2Fb"}),
    ],
)
def test_a_path_has_the_readings_that_programs_have(path: str, readings: set[str]) -> None:
    assert other_readings(path) == readings


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
