"""Check that tests/unit mirrors gateway/ file for file."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXEMPT_NAMES = {"__init__.py", "__main__.py"}
EXEMPT_FOLDERS = {"migrations"}


def sources() -> set[Path]:
    """Return every source file that needs a test file, relative to gateway/."""
    found = {path.relative_to(ROOT / "gateway") for path in (ROOT / "gateway").rglob("*.py")}
    return {path for path in found if path.name not in EXEMPT_NAMES and not EXEMPT_FOLDERS & set(path.parts)}


def tested() -> set[Path]:
    """Return every source file that a test file in tests/unit names, relative to gateway/."""
    found = {path.relative_to(ROOT / "tests/unit") for path in (ROOT / "tests/unit").rglob("test_*.py")}
    return {path.with_name(path.name.removeprefix("test_")) for path in found}


def main() -> int:
    """Print what is missing on either side."""
    missing = [
        f"no unit test: tests/unit/{path.parent}/test_{path.name} (for gateway/{path})" for path in sources() - tested()
    ]
    orphans = [
        f"no source: gateway/{path} (for tests/unit/{path.parent}/test_{path.name})" for path in tested() - sources()
    ]
    lines = sorted(missing + orphans)
    sys.stdout.write("".join(f"{line}\n" for line in lines) or "tests/unit mirrors gateway/\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
