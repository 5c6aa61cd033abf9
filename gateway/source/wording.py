"""From pydantic's errors to problems at their place in the document, in a person's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gateway.model.errors import Problem
from gateway.source.document import Document, KeyPath
from gateway.source.values import UNUSABLE_FILE

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_Context = Mapping[str, Any]

_WORDS: Mapping[str, Callable[[_Context], str]] = {
    "missing": lambda _: "is required",
    "extra_forbidden": lambda _: "is not a key that is known here",
    "union_tag_not_found": lambda _: "is required",
    "union_tag_invalid": lambda context: f"must be {_choices(context['expected_tags'])}",
    "literal_error": lambda context: f"must be {_choices(context['expected'])}",
    "enum": lambda context: f"must be {_choices(context['expected'])}",
    "value_error": lambda context: str(context["error"]),
    UNUSABLE_FILE: lambda context: str(context["text"]),
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
    """Return one problem for each place that is wrong, in the document's order. No value stands in a text."""
    found: dict[KeyPath, Problem] = {}
    hollow: set[KeyPath] = set()
    for detail in error.errors(include_url=False, include_input=False):
        path = _path(detail, document.data)
        if detail["type"] == "too_short":
            hollow.add(path)
        # The members of a union each complain about the same value; the first says what is meant.
        found.setdefault(path, document.problem(path, _text(detail)))
    # A list whose items are all wrong is called empty besides, which would send a person the wrong way.
    filled = hollow & {path[:-1] for path in found}
    told = (problem for path, problem in found.items() if path not in filled)
    return sorted(told, key=lambda problem: (problem.line, problem.column, problem.path))


def _text(detail: ErrorDetails) -> str:
    words = _WORDS.get(detail["type"])
    return words(detail.get("ctx", {})) if words is not None else detail["msg"]


def _path(detail: ErrorDetails, data: Any) -> KeyPath:
    """Return where the document is wrong: an error's location without the names of the union members it went by."""
    location: Sequence[str | int] = detail["loc"]
    path = _written(location, data)
    if detail["type"] == "missing":
        return (*path, location[-1])
    if detail["type"] == UNUSABLE_FILE:
        return (*path, f"{location[-1]}_file")
    if detail["type"] in {"union_tag_not_found", "union_tag_invalid"}:
        return (*path, str(detail["ctx"]["discriminator"]).strip("'"))
    return path


def _written(location: Sequence[str | int], data: Any) -> KeyPath:
    """Return the steps of `location` that the document has."""
    path: list[str | int] = []
    for step in location:
        inside = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if inside or (isinstance(data, dict) and step in data):
            path.append(step)
            data = data[step]
    return tuple(path)


def _choices(expected: str) -> str:
    """Return `a, b or c` of what pydantic writes as `'a', 'b' or 'c'`."""
    return expected.replace("'", "")
