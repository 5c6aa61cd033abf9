"""YAML 1.2 documents that people write, with the line and column of every key.

Used for the config and for directory records. JSON is read too, since YAML 1.2 contains it.
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
"""Of one file: a config has some kilobytes, and records of 100,000 rows some megabytes."""

_MAX_DEPTH = 40
"""Of nested collections: a config has seven levels; parsing recurses once a level."""


class Document(msgspec.Struct, frozen=True):
    """What a file says (dicts with string keys, lists, strings, numbers, booleans, None) and where it says it.

    `faults` are what is wrong with its content: duplicate and odd keys, foreign tags, missing variables. What is at
    fault is None in `data`.
    """

    file: str
    data: Any
    root: Any
    faults: tuple[Problem, ...] = ()

    def place(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Return line and column, from 1, of the key at `path`, or of its nearest parent that is written down.

        For an item of a list it is the item's own place; (1, 1) for the document itself.
        """
        node, found = self.root, (1, 1)
        for step in path:
            below = _step(node, step)
            if below is None:
                break
            marked, node = below
            found = (marked.start_mark.line + 1, marked.start_mark.column + 1)
        return found

    def problem(self, path: Sequence[str | int], text: str, *, warning: bool = False) -> Problem:
        """Return a Problem at the place of `path`; `text` says what is wrong, without a secret."""
        line, column = self.place(path)
        return Problem(self.file, line, column, format_path(path), text, warning)


def format_path(path: Sequence[str | int]) -> str:
    """Return a path as people write it: `routes[0].match.path`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def load_document(path: Path, *, error: type[SettingsError | RecordsError] = SettingsError) -> Document:
    """Read a file whose content is without fault; raises `error` with every problem otherwise."""
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
    """Read a file; see `parse_document`. Raises `error` also for a file that cannot be read as text."""
    return parse_document(read_text(path, error=error), str(path), environment=environment, error=error)


def read_text(path: Path, *, error: type[SettingsError | RecordsError] = SettingsError) -> str:
    """Return the text of a file; raises `error` for one that cannot be read, is too large or is not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as fault:
        raise error([_whole(path, f"cannot be read: {fault.strerror or type(fault).__name__}")]) from fault
    if len(content) > MAX_BYTES:
        raise error([_whole(path, f"is larger than {MAX_BYTES} bytes")])
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
    """Read the text of a document; `file` is the name that its problems carry.

    With `environment`, `${NAME}` and `${NAME:-default}` in its strings are replaced. Raises `error` for what is no
    YAML; faults of the content are in the document, so that they can be told beside others.
    """
    try:
        root = _compose(text)
    except YAMLError as fault:
        raise error([_syntax_problem(fault, text, file)]) from fault
    construction = Construction(limit=max(len(text), _ALWAYS_ALLOWED), environment=environment)
    data = construction.build(root)
    bare = Document(file, data, root)
    return Document(file, data, root, tuple(bare.problem(path, fault) for path, fault in construction.faults))


# A document has fewer values than characters unless its aliases multiply them: a bomb of nine lines makes 10^9
# (CVE-2003-1564 in another syntax). Small documents may still repeat themselves.
_ALWAYS_ALLOWED = 10_000


def _compose(text: str) -> Node | None:
    """Parse into nodes, which know their places; ruamel constructs nothing, so that no tag can make an object."""
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = _MAX_DEPTH
    yaml.composer.warn_double_anchors = False  # YAML 1.2 section 7.1 allows an anchor to be set again
    if text.lstrip()[:1] in {"{", "["}:
        # JSON is often indented with tabs, which this parser takes for an error; JSON strings never hold a raw one.
        text = text.replace("\t", " ")
    root: Node | None = yaml.compose(text)
    return root


def _syntax_problem(fault: YAMLError, text: str, file: str) -> Problem:
    if isinstance(fault, MaxDepthExceededError):
        return Problem(file, *_mark(fault), "", f"is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(fault, MarkedYAMLError):
        said = ", ".join(str(part) for part in (fault.problem, fault.context) if part)
        return Problem(file, *_mark(fault), "", f"is not YAML: {said}")
    if isinstance(fault, ReaderError):
        before = text[: fault.position]
        line, column = before.count("\n") + 1, fault.position - (before.rfind("\n") + 1) + 1
        return Problem(file, line, column, "", "holds a control character")
    return Problem(file, 0, 0, "", "is not YAML")


def _mark(fault: MarkedYAMLError) -> tuple[int, int]:
    mark = fault.problem_mark or fault.context_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)


def _step(node: Any, step: str | int) -> tuple[Node, Node] | None:
    """Return the node to point at and the node below, or None when the document says nothing there."""
    if node is None or isinstance(node.value, str):
        return None
    if not isinstance(node, MappingNode):
        inside = isinstance(step, int) and 0 <= step < len(node.value)
        return (node.value[step], node.value[step]) if inside else None
    # The last of two equal keys: it is the one that a duplicate's problem speaks of.
    return next(((key, below) for key, below in reversed(node.value) if key.value == step), None)


def _whole(path: Path, text: str) -> Problem:
    return Problem(str(path), 0, 0, "", text)
