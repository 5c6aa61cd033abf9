"""Check that tests/unit mirrors gateway/ file for file.

A module of protocols and bare structs alone has nothing to run: mypy holds their users to them, and tests/contracts the
protocols' implementations. Every other module needs a test file of its name.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXEMPT_NAMES = {"__init__.py", "__main__.py"}
EXEMPT_FOLDERS = {"migrations"}


def sources() -> set[Path]:
    """Return every source file that may have a test file, relative to gateway/."""
    found = {path.relative_to(ROOT / "gateway") for path in (ROOT / "gateway").rglob("*.py")}
    return {path for path in found if path.name not in EXEMPT_NAMES and not EXEMPT_FOLDERS & set(path.parts)}


def only_shapes(path: Path) -> bool:
    """Tell whether a module defines protocols and structs without methods, and nothing else that could run."""
    body = ast.parse((ROOT / "gateway" / path).read_text(encoding="utf-8")).body
    defined = [node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    return bool(defined) and all(isinstance(node, ast.ClassDef) and _is_shape(node) for node in defined)


def _is_shape(node: ast.ClassDef) -> bool:
    if any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases):
        return True
    runs = any(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in node.body)
    return not runs and [ast.unparse(base) for base in node.bases] == ["msgspec.Struct"]


def tested() -> set[Path]:
    """Return every source file that a test file in tests/unit names, relative to gateway/."""
    found = {path.relative_to(ROOT / "tests/unit") for path in (ROOT / "tests/unit").rglob("test_*.py")}
    return {path.with_name(path.name.removeprefix("test_")) for path in found}


def main() -> int:
    """Print what is missing on either side."""
    missing = {path for path in sources() - tested() if not only_shapes(path)}
    orphans = tested() - sources()
    lines = [f"no unit test: tests/unit/{path.parent}/test_{path.name}" for path in missing]
    lines += [f"no source: gateway/{path} (for tests/unit/{path.parent}/test_{path.name})" for path in orphans]
    sys.stdout.write("".join(f"{line}\n" for line in sorted(lines)) or "tests/unit mirrors gateway/\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
