"""`${NAME}` and `${NAME:-default}` inside the strings of a config."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inside>[^}]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.ASCII | re.DOTALL)


class MissingError(Exception):
    """A variable is not set; the text names it, never a value."""


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """Replace every reference by the variable's value, once: what a value holds is not looked at again.

    A default stands in for a variable that is not set or empty, as in a shell; `$${` is a literal `${`. The result is
    always a string, so that a secret of digits stays what it is. Raises MissingError for a variable without value and
    default, ValueError for a reference that cannot be read.
    """
    return _REFERENCE.sub(lambda reference: _value(reference, environment), text) if "${" in text else text


def _value(reference: re.Match[str], environment: Mapping[str, str]) -> str:
    if reference["inside"] is None:
        return "${"
    inside = _INSIDE.fullmatch(reference["inside"]) if reference["end"] else None
    if inside is None:
        raise ValueError("has a `${` that is not ${NAME} or ${NAME:-default}; a literal one is written `$${`")
    name, default = inside["name"], inside["default"]
    if default is not None:
        return environment.get(name) or default
    if name not in environment:
        raise MissingError(f"the environment variable {name} is not set")
    return environment[name]
