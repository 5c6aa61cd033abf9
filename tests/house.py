"""Check what no other linter knows of this house; part of `make lint`.

A module is tested by the file of its name or its folder's. A class, alias or file name stands once in gateway/. Files,
functions and parameters stay within their budgets. What is cited is in the repository. Kinds that must not know each
other are all held apart by import-linter, and the suite of their seam runs each of them.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
NO_MODULES = {"__init__.py", "__main__.py"}
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
SHARED_NAMES = {"kinds", "settings"}
"""Files of a seam: every seam's table of kinds, and the settings beside it, have the same name."""

EXAMPLES = {Path(__file__).resolve(), Path(__file__).resolve().parent / "docs/test_house.py"}
"""Files that show what is looked for."""


class Suite(NamedTuple):
    """The contract suite of a seam: the constant of a file that lists what it runs, and how a kind stands there."""

    file: str
    table: str
    line: str


SUITES = {
    "dialects": Suite(
        "tests/support/builders/dialects.py",
        "EXAMPLES",
        '"KIND": Example(found=..., answer=..., credential=..., sent=(...), identifies=(...)),',
    ),
    "credentials": Suite(
        "tests/contracts/test_readers.py", "KINDS", '"KIND": Kind(reader("KIND", kind="KIND"), lambda secret: ...),'
    ),
    "authorities": Suite("tests/contracts/test_authorities.py", "EVERY", '"KIND": {"kind": "KIND", ...},'),
    "endpoints/forward_auth": Suite("tests/support/builders/forward_auth.py", "PROXIES", '"KIND",'),
}
"""The suites of the seams by the folders of their tables."""

LONGEST_FILE = 250
LONGEST_FUNCTION = 40
MOST_PARAMETERS = 6
"""Budgets of gateway/, in lines and in parameters beside `self`: whoever breaks one lacks a noun."""

TYPE_VARIABLES = {"TypeVar", "ParamSpec", "TypeVarTuple"}
CITATION = re.compile(r"(?<![\w/`.])(?:DESIGN|THREATS|FACTS|DIALECTS)(?:'s\b|,? ?section|,? [\"\d])|\bseeds? \d{3}\b")
"""A page that only its authors have, as `DESIGN section 7` would be; `docs/THREATS.md section 4` is a reader's too."""


def modules(root: Path) -> list[Path]:
    """Return every module of gateway/, relative to it; migrations are scripts of the database's own."""
    found = (path.relative_to(root / "gateway") for path in (root / "gateway").rglob("*.py"))
    return sorted(path for path in found if path.name not in NO_MODULES and "migrations" not in path.parts)


def tree_of(root: Path, module: Path) -> ast.Module:
    return ast.parse((root / "gateway" / module).read_text(encoding="utf-8"))


def untested(root: Path) -> Iterator[str]:
    """Yield the modules without a test file of their or their folder's name, and the test files without a source."""
    files = modules(root)
    tests = {path.relative_to(root / "tests/unit") for path in (root / "tests/unit").rglob("test_*.py")}
    for module in files:
        if not (_test_files(module) & tests or only_shapes(tree_of(root, module))):
            yield f"gateway/{module}: no unit test; wanted is one of {', '.join(map(str, sorted(_test_files(module))))}"
    named = {test for module in files for test in _test_files(module)}
    for test in sorted(tests - named):
        yield f"tests/unit/{test}: tests no module and no folder of gateway/"


def _test_files(module: Path) -> set[Path]:
    """`a/b/c.py` is tested by `a/b/test_c.py`, `a/b/test_b.py` or `a/test_b.py`."""
    folder = module.parent
    wanted = {folder / f"test_{module.name}"}
    if folder.name:
        wanted |= {folder / f"test_{folder.name}.py", folder.parent / f"test_{folder.name}.py"}
    return wanted


def only_shapes(tree: ast.Module) -> bool:
    """Tell whether a module defines protocols and structs without methods, and nothing else that could run.

    mypy holds their users to them, and tests/contracts the protocols' implementations.
    """
    defined = [node for node in tree.body if isinstance(node, ast.ClassDef | FUNCTIONS)]
    return bool(defined) and all(isinstance(node, ast.ClassDef) and _is_shape(node) for node in defined)


def _is_shape(node: ast.ClassDef) -> bool:
    if any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases):
        return True
    runs = any(isinstance(part, FUNCTIONS) for part in node.body)
    return not runs and [ast.unparse(base) for base in node.bases] == ["msgspec.Struct"]


def names_of_two(root: Path) -> Iterator[str]:
    """Yield the file, class and alias names that stand more than once, with their owners."""
    owners = defaultdict(list)
    for module in modules(root):
        if module.stem not in SHARED_NAMES:
            owners[f"{module.stem}.py"].append(str(module))
        for name in _types(tree_of(root, module)):
            owners[name].append(str(module))
    for name, places in sorted(owners.items()):
        if len(places) > 1:
            yield f"{name}: one name, several owners: {', '.join(places)}"


def _types(tree: ast.Module) -> Iterator[str]:
    """Yield the names of classes, also of those within others, and of a module's aliases (`Fold = Callable[...]`)."""
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in TYPE_VARIABLES:
            continue
        yield from (target.id for target in targets if isinstance(target, ast.Name) and _is_type_name(target.id))


def _is_type_name(name: str) -> bool:
    """Tell CamelCase from CONSTANTS and from variables."""
    return name.lstrip("_")[:1].isupper() and not name.isupper()


def over_budget(root: Path) -> Iterator[str]:
    """Yield the files and functions that are too long, and the functions with too many parameters."""
    for module in modules(root):
        text = (root / "gateway" / module).read_text(encoding="utf-8")
        lines = len(text.splitlines())
        if lines > LONGEST_FILE:
            yield f"gateway/{module}: has {lines} lines; a file has {LONGEST_FILE} at most"
        functions = (each for each in ast.walk(ast.parse(text)) if isinstance(each, FUNCTIONS))
        for function in functions:
            place = f"gateway/{module}:{function.lineno}: {function.name}"
            lines = (function.end_lineno or 0) - function.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield f"{place} has {lines} lines; a function has {LONGEST_FUNCTION} at most"
            parameters = _parameters(function.args)
            if parameters > MOST_PARAMETERS:
                yield f"{place} takes {parameters} parameters; a function takes {MOST_PARAMETERS} at most"


def _parameters(arguments: ast.arguments) -> int:
    each = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return sum(argument.arg not in {"self", "cls"} for argument in each)


def missing_pages(root: Path) -> Iterator[str]:
    """Yield each line that cites a page or a record that is not in the repository."""
    for path in _prose(root):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if CITATION.search(line):
                yield f"{path.relative_to(root)}:{number}: cites what is not in the repository: {line.strip()}"


def _prose(root: Path) -> Iterator[Path]:
    for folder in ("gateway", "tests", "deploy", "docs", "config"):
        paths = (root / folder).rglob("*") if (root / folder).is_dir() else ()
        yield from sorted(
            path for path in paths if path.suffix in {".py", ".md", ".yaml", ".toml"} and path not in EXAMPLES
        )
    yield from (path for path in (root / "README.md", root / "Makefile", root / "pyproject.toml") if path.is_file())


def kinds_not_held_apart(root: Path) -> Iterator[str]:
    """Yield each kind of a table of kinds that no independence contract of import-linter names, and the reverse."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = [each for each in project["tool"]["importlinter"]["contracts"] if each["type"] == "independence"]
    named = {module for contract in contracts for module in contract["modules"]}
    kinds = {kind for table in _tables(root) for kind in _kinds(tree_of(root, table))}
    text = "no independence contract in pyproject.toml names it; add the line"
    yield from (f'{kind}: {text}     "{kind}",' for kind in sorted(kinds - named))
    yield from (f"{each}: named as independent, but in no table of kinds" for each in sorted(named - kinds))


def kinds_without_their_suite(root: Path) -> Iterator[str]:
    """Yield each kind of a table of kinds that the contract suite of its seam does not run, with the line to add."""
    for table in _tables(root):
        suite = SUITES.get(table.parent.as_posix())
        for module in _kinds(tree_of(root, table)) if suite is not None else ():
            kind = module.rpartition(".")[2]
            if kind not in _names_in(root / suite.file, suite.table):
                place, line = f"{suite.table} in {suite.file}", suite.line.replace("KIND", kind)
                yield f"{module}: the suite of its seam does not run it; add to {place} the line {line}"


def _tables(root: Path) -> list[Path]:
    return [module for module in modules(root) if module.name == "kinds.py"]


def _kinds(table: ast.Module) -> Iterator[str]:
    """Yield the modules whose `KIND` a table lists (`(bearer.KIND, cookie.KIND)`)."""
    modules_by_name = {
        alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(table)
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for alias in node.names
    }
    for node in ast.walk(table):
        if isinstance(node, ast.Attribute) and node.attr == "KIND" and isinstance(node.value, ast.Name):
            yield modules_by_name[node.value.id]


def _names_in(file: Path, table: str) -> set[str]:
    """Return the texts that are keys or entries of a file's constant `table`."""
    if not file.is_file():
        return set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == table for target in targets):
            value = node.value  # type: ignore[attr-defined]
            entries = value.keys if isinstance(value, ast.Dict) else value.elts
            return {each.value for each in entries if isinstance(each, ast.Constant)}
    return set()


def main() -> int:
    """Print what is wrong; return 1 if anything is."""
    checks = (untested, names_of_two, over_budget, missing_pages, kinds_not_held_apart, kinds_without_their_suite)
    problems = [problem for check in checks for problem in check(ROOT)]
    sys.stdout.write("".join(f"{problem}\n" for problem in problems) or "The house is in order\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
