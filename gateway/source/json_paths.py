"""One small language for places in a JSON document: claims of a token, fields of an answer.

- `name` is a member, `outer.inner` a member of a member.
- `"my.app"` is one name with dots in it; within the quotes a backslash stands before a quote or a backslash.
- `groups[]` is each entry of an array, so `groups[].name` is the name of each.
- A name without quotes that the document has whole, dots and all, goes first: `https://example.com/roles`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator

_STEP = re.compile(r'(?:"((?:[^"\\]|\\["\\])+)"|([^."\[\]\\\s]+))((?:\[\])*)(?:\.(?=.)|$)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LONGEST = 512
"""Characters, more than any path has that somebody means."""


class _PathStep(msgspec.Struct, frozen=True):
    """A member's name, and how many arrays are entered behind it."""

    name: str
    arrays: int


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[_PathStep, ...]:
    """Parse a path; raises ValueError."""
    steps, position = [], 0
    while position < len(path) <= _LONGEST:
        step = _STEP.match(path, position)
        if step is None:
            break
        quoted, bare, arrays = step.groups()
        steps.append(_PathStep(bare or _ESCAPED.sub(r"\1", quoted), len(arrays) // 2))
        position = step.end()
    if not steps or position < len(path):
        raise ValueError('a path is names with dots between them: user.id, "my.app".roles, groups[].name')
    return tuple(steps)


def require_path(path: str) -> str:
    """Return a path; raises ValueError for what is none."""
    _steps(path)
    return path


def _readable(path: str) -> str:
    return require_path(path) if path else path


JsonPath = Annotated[str, AfterValidator(_readable)]
"""A path of this language, or an empty text, which is no place."""


def is_many(path: str) -> bool:
    """Tell whether a path enters arrays, so that it stands for many values."""
    return any(step.arrays for step in _steps(path))


def _one(path: str) -> str:
    if path and is_many(path):
        raise ValueError("is one value, and `[]` stands for many")
    return path


JsonPlace = Annotated[JsonPath, AfterValidator(_one)]
"""A path to one value alone, or an empty text."""


def find(document: Any, path: str) -> Any:
    """Return what stands at `path`: a value, or a list of those that are there behind `[]`; `None` for nothing."""
    if not path or not isinstance(document, dict):
        return None
    if path in document:
        return document[path]
    steps = _steps(path)
    found: list[Any] = [document]
    for step in steps:
        found = [each[step.name] for each in found if isinstance(each, dict) and step.name in each]
        for _ in range(step.arrays):
            found = [entry for each in found if isinstance(each, list) for entry in each]
    if any(step.arrays for step in steps):
        return found
    return found[0] if found else None


def texts(value: Any) -> tuple[str, ...]:
    """Return the names that a value lists: one text, an array of texts, or an object whose names they are.

    An object's name counts unless its value is `null` or `false`. An array with anything but texts lists none.
    """
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return tuple(value)
    if isinstance(value, dict):
        return tuple(name for name, flag in value.items() if flag is not None and flag is not False)
    return ()


def scalars(value: Any) -> tuple[str, ...]:
    """Return a value as texts: like `texts`, and whole numbers, `true` and `false` as they are written in JSON."""
    entries = value if isinstance(value, list) else [value]
    if entries and all(isinstance(entry, bool | int) for entry in entries):
        return tuple(str(entry).lower() for entry in entries)
    return texts(value)
