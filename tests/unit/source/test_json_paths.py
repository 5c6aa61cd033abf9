"""The language of places in a JSON document, as a table."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.source.json_paths import JsonPlace, find, is_many, require_path, scalars, texts

DOCUMENT: dict[str, Any] = {
    "sub": "u1",
    "user": {"id": "u2", "roles": [{"name": "a"}, {"name": "b"}, {"other": 1}, "text"]},
    "resource_access": {"my.app": {"roles": ["ops"]}, 'a"b\\c': 1},
    "https://example.com/roles": ["whole"],
    "org.id": "whole",
    "org": {"id": "nested"},
    "urn:zitadel:iam:org:project:roles": {"admin": {"1": "a.example"}, "reader": {"2": "b.example"}},
    "grid": [[1, 2], [3], 4],
    "null": None,
    "": "empty",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sub", "u1"),
        ("user.id", "u2"),
        ('"user"."id"', "u2"),
        ("user.roles[].name", ["a", "b"]),
        ('resource_access."my.app".roles', ["ops"]),
        ('resource_access."my.app".roles[]', ["ops"]),
        ('resource_access."a\\"b\\\\c"', 1),
        ("resource_access.my.app.roles", None),
        ("https://example.com/roles", ["whole"]),
        ('"https://example.com/roles"', ["whole"]),
        ("org.id", "whole"),
        ('org."id"', "nested"),
        ("urn:zitadel:iam:org:project:roles", DOCUMENT["urn:zitadel:iam:org:project:roles"]),
        ("grid[][]", [1, 2, 3]),
        ("grid[]", [[1, 2], [3], 4]),
        ("sub[]", []),
        ("sub.id", None),
        ("none", None),
        ("none[].x", []),
        ("null", None),
        ("", None),
    ],
)
def test_a_path_finds_what_stands_there(path: str, value: Any) -> None:
    assert find(DOCUMENT, path) == value


@pytest.mark.parametrize("document", [None, [], "text", 1])
def test_there_is_nothing_in_what_is_no_object(document: Any) -> None:
    assert find(document, "sub") is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a[",
        "a]",
        "a[0]",
        "[]",
        "a[]b",
        '"a',
        'a"b"',
        '""',
        '"a"b',
        "a b",
        '"a\\n"',
        "a" * 513,
        '"' * 500,
        "a." * 250,
        '"' + "\\" * 400,
    ],
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="a path is names"):
        require_path(path)


@pytest.mark.parametrize(
    ("value", "listed", "written"),
    [
        ("a", ("a",), ("a",)),
        (["a", "b"], ("a", "b"), ("a", "b")),
        (["a", 7], (), ()),
        ({"admin": {"1": "x"}, "reader": True, "gone": None, "not": False}, ("admin", "reader"), ("admin", "reader")),
        (7, (), ("7",)),
        ([1, True], (), ("1", "true")),
        (False, (), ("false",)),
        (1.5, (), ()),
        (None, (), ()),
        ([], (), ()),
        ([None], (), ()),
    ],
)
def test_a_value_lists_names(value: Any, listed: tuple[str, ...], written: tuple[str, ...]) -> None:
    assert (texts(value), scalars(value)) == (listed, written)


def test_one_value_is_at_a_place_and_many_behind_arrays() -> None:
    place = TypeAdapter(JsonPlace)
    assert place.validate_python("user.id") == "user.id"
    assert place.validate_python("") == ""
    assert is_many("groups[].name")
    assert not is_many('"groups[]"')
    with pytest.raises(ValidationError, match="is one value"):
        place.validate_python("groups[].name")
