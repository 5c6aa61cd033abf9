"""From YAML nodes to plain data, with all faults of the content, and `${NAME}` in its strings replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inside>[^}]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.ASCII | re.DOTALL)


class MissingError(Exception):
    """An environment variable is not set; the text names it and holds no value."""


def substitute(text: str, environment: Mapping[str, str]) -> str:
    """Replace every `${NAME}` and `${NAME:-default}` by the variable's value; references within values are not.

    The default is used for a variable that is not set or empty, as in a shell; `$${` is a literal `${`. Line ends at
    the end of a value are left out, as of a secret's file and of what a shell substitutes: they come with `kubectl
    create secret --from-file` and `echo`, and no secret has one. The result is always a string, so that a secret of
    digits stays as it is. Raises MissingError for a variable without value and default, ValueError for a malformed
    reference.
    """
    return _REFERENCE.sub(lambda reference: _value(reference, environment), text) if "${" in text else text


def _value(reference: re.Match[str], environment: Mapping[str, str]) -> str:
    if reference["inside"] is None:
        return "${"
    inside = _INSIDE.fullmatch(reference["inside"]) if reference["end"] else None
    if inside is None:
        raise ValueError("has a `${` that is not ${NAME} or ${NAME:-default}; a literal one is written `$${`")
    name, default = inside["name"], inside["default"]
    if name not in environment and default is None:
        raise MissingError(f"the environment variable {name} is not set")
    value = environment.get(name, "").rstrip("\r\n")
    return value if default is None else value or default


_TAG = "tag:yaml.org,2002:"
_STRINGS = {f"{_TAG}{name}" for name in ("str", "timestamp", "value")}
_COLLECTIONS = {f"{_TAG}{name}" for name in ("map", "seq")}

# The core schema (YAML 1.2.2 section 10.3.2). A scalar that is a number or a boolean in older schemas (`yes`, `1_000`,
# `1:30`) is a string.
_DECIMAL = re.compile(r"[-+]?[0-9]{1,32}", re.ASCII)
_PREFIXED = re.compile(r"0o[0-7]{1,32}|0x[0-9a-fA-F]{1,32}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class _TooManyError(Exception):
    """A document's aliases multiply its values beyond the limit."""


class Construction:
    """Builds the data of one document; `faults` are pairs of path and text, in the document's order.

    At most `limit` values are built, so that aliases cannot expand a small file beyond all memory. Strings are
    substituted from `environment` where it is given.
    """

    def __init__(self, limit: int, environment: Mapping[str, str] | None = None) -> None:
        self.faults: list[tuple[tuple[str | int, ...], str]] = []
        self._left = limit
        self._environment = environment
        self._open: set[int] = set()

    def build(self, root: Node | None) -> Any:
        """Return dicts with string keys, lists, strings, numbers, booleans and None; an empty document is None."""
        if root is None:
            return None
        try:
            return self._value(root, ())
        except _TooManyError:
            self.faults.append(((), "has aliases that multiply its values beyond reason"))
            return None

    def _value(self, node: Node, path: tuple[str | int, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _TooManyError
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self._fault(path, "is an alias of what it stands in")
            return None
        if str(node.tag) not in _COLLECTIONS:
            self._fault(path, f"has a tag that is not supported: {node.tag}")
            return None
        self._open.add(id(node))
        built = self._mapping(node, path) if isinstance(node, MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return built

    def _sequence(self, node: Node, path: tuple[str | int, ...]) -> list[Any]:
        return [self._value(item, (*path, position)) for position, item in enumerate(node.value)]

    def _mapping(self, node: Node, path: tuple[str | int, ...]) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key, below in node.value:
            name = self._key(key, path)
            if name is None:
                continue
            if name in built:
                self._fault((*path, name), "is given twice")
                continue
            built[name] = self._value(below, (*path, name))
        return built

    def _key(self, node: Node, path: tuple[str | int, ...]) -> str | None:
        """Return a key; a key that is no string is a fault, since `on` and `1` have several readings.

        The word `null` is the key of that name: no map of ours has another, and so it need not be quoted.
        """
        if isinstance(node, ScalarNode) and str(node.tag) == f"{_TAG}null" and node.value == "null":
            return "null"
        if str(node.tag) == f"{_TAG}merge":
            self._fault(path, "has a merge key (`<<`), which YAML 1.2 does not know: write the keys out")
            return None
        name = self._plain(node) if isinstance(node, ScalarNode) else None
        if not isinstance(name, str):
            line = node.start_mark.line + 1
            self._fault(path, f"has a key that is not a string, at line {line}: quote it")
            return None
        return name

    def _scalar(self, node: ScalarNode, path: tuple[str | int, ...]) -> Any:
        try:
            value = self._plain(node)
            if self._environment is not None and isinstance(value, str):
                return substitute(value, self._environment)
        except (ValueError, MissingError) as fault:
            self._fault(path, str(fault))
            return None
        return value

    def _plain(self, node: ScalarNode) -> Any:
        tag, text = str(node.tag), node.value
        if tag == f"{_TAG}null":
            return None
        if tag == f"{_TAG}bool":
            return {"true": True, "false": False}.get(text.lower(), text)
        if tag in {f"{_TAG}int", f"{_TAG}float"}:
            return _number(text)
        if tag in _STRINGS:
            return _joined(text)
        raise ValueError(f"has a tag that is not supported: {tag}")

    def _fault(self, path: tuple[str | int, ...], text: str) -> None:
        self.faults.append((path, text))


def _number(text: str) -> int | float | str:
    """Return the number that `text` is in the core schema, else the text."""
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _PREFIXED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _joined(text: str) -> str:
    r"""Join escaped surrogate pairs: JSON writes characters beyond the basic plane as two (RFC 8259 section 7)."""
    if not _SURROGATE.search(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise ValueError("holds half a surrogate pair") from None
