"""One thing wrong at one place of a document that a person wrote."""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """Printed as `FILE:LINE:COL: key.path: what is wrong`, the line that editors jump to.

    `line` and `column` count from 1; 0 when the place is the whole file. A warning does not fail a check.
    """

    file: str
    line: int
    column: int
    path: str
    text: str
    warning: bool = False

    def __str__(self) -> str:
        """Format the line that `check` prints."""
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        key = f"{self.path}: " if self.path else ""
        return f"{place}{'warning: ' if self.warning else ''}{key}{self.text}"
