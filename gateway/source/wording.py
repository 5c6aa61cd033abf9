"""From pydantic's errors to problems at their places in the document, in words of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gateway.model.errors import Problem
from gateway.source.document import Document, KeyPath
from gateway.source.misspelling import meant_key
from gateway.source.values import FIELD_FAULT, UNUSABLE_FILE

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_Context = Mapping[str, Any]

_UNKNOWN = "extra_forbidden"

_TEXTS: Mapping[str, Callable[[_Context], str]] = {
    "missing": lambda _: "is required",
    _UNKNOWN: lambda _: "is not a key that is known here",
    "union_tag_not_found": lambda _: "is required",
    "union_tag_invalid": lambda context: f"must be {_choices(context['expected_tags'])}",
    "literal_error": lambda context: f"must be {_choices(context['expected'])}",
    "enum": lambda context: f"must be {_choices(context['expected'])}",
    "value_error": lambda context: str(context["error"]),
    UNUSABLE_FILE: lambda context: str(context["text"]),
    FIELD_FAULT: lambda context: str(context["text"]),
    "string_type": lambda _: "must be a string; a number is quoted",
    "string_too_short": lambda _: "must not be empty",
    "too_short": lambda _: "must not be empty",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "list_type": lambda _: "must be a list",
    "tuple_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be a map of keys to values",
    "model_type": lambda _: "must be a map of keys to values",
    "model_attributes_type": lambda _: "must be a map of keys to values",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "greater_than": lambda context: f"must be more than {context['gt']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
}


def problems_of(error: ValidationError, document: Document) -> list[Problem]:
    """Return one problem for each wrong place, in the document's order. Their texts hold no values."""
    problems: dict[KeyPath, Problem] = {}
    too_short: set[KeyPath] = set()
    for detail in error.errors(include_url=False, include_input=False):
        path = _path(detail, document.data)
        if detail["type"] == "too_short":
            too_short.add(path)
        # Each member of a union has an error for the same value; the first one is the meant one.
        problems.setdefault(path, document.problem(path, _text(detail)))
    # A list whose items are all wrong is also reported as empty, which would be misleading.
    not_empty = too_short & {path[:-1] for path in problems}
    reported = (problem for path, problem in problems.items() if path not in not_empty)
    return sorted(reported, key=lambda problem: (problem.line, problem.column, problem.path))


def unknown_keys(error: ValidationError, document: Document) -> list[KeyPath]:
    """Return the keys that are unknown where they stand."""
    unknown = [each for each in error.errors(include_url=False, include_input=False) if each["type"] == _UNKNOWN]
    paths = [(_path(each, document.data), each["loc"][-1]) for each in unknown]
    return [path for path, key in paths if path and path[-1] == key]


def misspelt_keys(error: ValidationError, document: Document) -> dict[KeyPath, str]:
    """Return the keys that are unknown and nearly one that some section knows, which may be meant."""
    meant: dict[KeyPath, str] = {}
    for path in unknown_keys(error, document):
        beside: Any = document.data
        for step in path[:-1]:
            beside = beside[step]
        if name := meant_key(str(path[-1]), beside):
            meant[path] = name
    return meant


def _text(detail: ErrorDetails) -> str:
    text = _TEXTS.get(detail["type"])
    return text(detail.get("ctx", {})) if text is not None else detail["msg"]


def _path(detail: ErrorDetails, data: Any) -> KeyPath:
    """Return the wrong place of the document: the error's location without the names of union members."""
    location: Sequence[str | int] = detail["loc"]
    path = _existing(location, data)
    if detail["type"] == "missing":
        return (*path, location[-1])
    if detail["type"] == FIELD_FAULT and path[-1:] != location[-1:]:
        return (*path, location[-1])
    if detail["type"] == UNUSABLE_FILE:
        return (*path, f"{location[-1]}_file")
    if detail["type"] in {"union_tag_not_found", "union_tag_invalid"}:
        return (*path, str(detail["ctx"]["discriminator"]).strip("'"))
    return path


def _existing(location: Sequence[str | int], data: Any) -> KeyPath:
    """Return the steps of `location` that exist in the document."""
    path: list[str | int] = []
    for step in location:
        inside = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if inside or (isinstance(data, dict) and step in data):
            path.append(step)
            data = data[step]
    return tuple(path)


def _choices(expected: str) -> str:
    """Return pydantic's `'a', 'b' or 'c'` without quotes."""
    return expected.replace("'", "")
