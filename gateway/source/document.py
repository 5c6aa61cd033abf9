"""YAML 1.2 documents, with the line and column of every key.

Used for the config and for directory records. JSON is read too, because it is a subset of YAML 1.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node
from ruamel.yaml.reader import ReaderError

from gateway.model.errors import Problem, RecordsError, SettingsError
from gateway.source.construction import Construction

KeyPath = tuple[str | int, ...]
"""Keys of mappings and positions in lists, from the top: `("routes", 0, "match", "path")`."""

MAX_BYTES = 16 * 1024 * 1024
"""The size of one file: a config has some kilobytes, and records with 100,000 rows some megabytes."""

_MAX_DEPTH = 40
"""Levels of nested collections: a config has seven, and parsing recurses once for each."""


class Document(msgspec.Struct, frozen=True):
    """The data of a file (dicts with string keys, lists, strings, numbers, booleans, None), and its places.

    `faults` are the problems of its content: duplicate and odd keys, foreign tags, missing variables. A value with a
    fault is None in `data`.
    """

    file: str
    data: Any
    root: Any
    faults: tuple[Problem, ...] = ()

    def place(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Return line and column, from 1, of the key at `path`, or of its nearest parent in the document.

        For an item of a list it is the place of the item; for the document itself (1, 1).
        """
        node, place = self.root, (1, 1)
        for step in path:
            below = _step(node, step)
            if below is None:
                break
            marked, node = below
            place = (marked.start_mark.line + 1, marked.start_mark.column + 1)
        return place

    def problem(self, path: Sequence[str | int], text: str, *, warning: bool = False) -> Problem:
        """Return a Problem at the place of `path`; `text` says what is wrong and holds no secret."""
        line, column = self.place(path)
        return Problem(self.file, line, column, format_path(path), text, warning)


def format_path(path: Sequence[str | int]) -> str:
    """Return a path as text: `routes[0].match.path`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def load_document(path: Path, *, error: type[SettingsError | RecordsError] = SettingsError) -> Document:
    """Read a file; raises `error` with every problem of its content."""
    document = open_document(path, error=error)
    if document.faults:
        raise error(document.faults)
    return document


def open_document(
    path: Path,
    *,
    environment: Mapping[str, str] | None = None,
    error: type[SettingsError | RecordsError] = SettingsError,
) -> Document:
    """Read a file, as `parse_document` does; raises `error` also for a file that is no readable text."""
    return parse_document(read_text(path, error=error), str(path), environment=environment, error=error)


def read_text(path: Path, *, error: type[SettingsError | RecordsError] = SettingsError) -> str:
    """Return the text of a file; raises `error` for one that cannot be read, is too large or is not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as fault:
        raise error([_file_problem(path, f"cannot be read: {fault.strerror or type(fault).__name__}")]) from fault
    if len(content) > MAX_BYTES:
        raise error([_file_problem(path, f"is larger than {MAX_BYTES} bytes")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        raise error([Problem(str(path), line, 1, "", "is not UTF-8")]) from fault


def parse_document(
    text: str,
    file: str,
    *,
    environment: Mapping[str, str] | None = None,
    error: type[SettingsError | RecordsError] = SettingsError,
) -> Document:
    """Parse the text of a document; `file` is the name in its problems.

    With `environment`, `${NAME}` and `${NAME:-default}` in its strings are replaced. Raises `error` for text that is
    not YAML; faults of the content are in the document, so that they can be reported together with others.
    """
    try:
        root = _compose(text)
    except YAMLError as fault:
        raise error([_syntax_problem(fault, text, file)]) from fault
    construction = Construction(limit=max(len(text), _ALWAYS_ALLOWED), environment=environment)
    data = construction.build(root)
    bare = Document(file, data, root)
    return Document(file, data, root, tuple(bare.problem(path, fault) for path, fault in construction.faults))


# A document has fewer values than characters, unless aliases multiply them: nine lines can make 10^9 values
# (CVE-2003-1564 in another syntax). Small documents may still repeat values.
_ALWAYS_ALLOWED = 10_000


def _compose(text: str) -> Node | None:
    """Parse into nodes, which have places; ruamel constructs no values, so that no tag can create an object."""
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = _MAX_DEPTH
    yaml.composer.warn_double_anchors = False  # YAML 1.2 section 7.1 allows an anchor to be set again
    if text.lstrip()[:1] in {"{", "["}:
        # JSON is often indented with tabs, which are an error to this parser; JSON strings never hold a raw one.
        text = text.replace("\t", " ")
    root: Node | None = yaml.compose(text)
    return root


def _syntax_problem(fault: YAMLError, text: str, file: str) -> Problem:
    if isinstance(fault, MaxDepthExceededError):
        return Problem(file, *_mark(fault), "", f"is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(fault, MarkedYAMLError):
        reasons = ", ".join(str(part) for part in (fault.problem, fault.context) if part)
        return Problem(file, *_mark(fault), "", f"is not YAML: {reasons}")
    if isinstance(fault, ReaderError):
        before = text[: fault.position]
        line, column = before.count("\n") + 1, fault.position - (before.rfind("\n") + 1) + 1
        return Problem(file, line, column, "", "holds a control character")
    return Problem(file, 0, 0, "", "is not YAML")


def _mark(fault: MarkedYAMLError) -> tuple[int, int]:
    mark = fault.problem_mark or fault.context_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)


def _step(node: Any, step: str | int) -> tuple[Node, Node] | None:
    """Return the node whose place counts and the node below it, or None when the document has no such step."""
    if node is None or isinstance(node.value, str):
        return None
    if not isinstance(node, MappingNode):
        inside = isinstance(step, int) and 0 <= step < len(node.value)
        return (node.value[step], node.value[step]) if inside else None
    # The last of two equal keys, since that is the one which the problem of a duplicate names.
    return next(((key, below) for key, below in reversed(node.value) if key.value == step), None)


def _file_problem(path: Path, text: str) -> Problem:
    return Problem(str(path), 0, 0, "", text)
