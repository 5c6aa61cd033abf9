"""The one tree of errors.

    GatewayError
    ├── MalformedError       a request cannot be understood; carries the Refusal to answer with
    ├── SettingsError        the config cannot be used; carries every problem found
    ├── RecordsError         a records file cannot be imported; carries every problem found
    ├── DirectoryError       the directory refuses what was asked of it (no such row, a taken name)
    │   └── SchemaError      the directory's schema is not the one this version needs
    └── KeyRingError         signing keys cannot be read or used

What a look-up finds out is not an error: see `answers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model.problem import Problem
    from gateway.model.refusal import Refusal


class GatewayError(Exception):
    """Whatever this program raises on purpose."""


class MalformedError(GatewayError):
    """The request cannot be understood without guessing, so it is refused before it is judged."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class _ProblemsError(GatewayError):
    """A document with problems; all of them, not the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class SettingsError(_ProblemsError):
    """The config cannot be used."""


class RecordsError(_ProblemsError):
    """A records file cannot be imported."""


class DirectoryError(GatewayError):
    """The directory refuses what was asked of it; the text tells a person what to do."""


class SchemaError(DirectoryError):
    """The directory's schema is not the one that this version needs; the text names the remedy."""


class KeyRingError(GatewayError):
    """Signing keys cannot be read or used; the text never holds key material."""
