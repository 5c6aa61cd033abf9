"""The one tree of errors, and what they carry.

    GatewayError
    ├── MalformedError       a request cannot be understood; carries the Refusal to answer with
    ├── SettingsError        the config cannot be used; carries every problem found
    ├── RecordsError         a records file cannot be imported; carries every problem found
    ├── DirectoryError       the directory refuses what was asked of it (no such row, a taken name)
    │   ├── MissingRecordError   there is no such row
    │   │   └── ReplayedTokenError   a refresh token that was used already
    │   ├── InvalidRecordError   no such record can be: a field is wrong, or refers to nothing
    │   ├── ClashError           another row has this id, name or number
    │   ├── OutdatedError        the row is no longer what the caller has seen
    │   ├── DatabaseError    the directory's database cannot be asked; for operators, since the text says where it is
    │   ├── SchemaError      the directory's schema is not the one this version needs
    │   └── OddQuestionError the directory cannot answer this question, and others it can
    ├── KeyRingError         signing keys cannot be read or used
    └── KindError            no kind has that name, or the package that adds it cannot be used

What a look-up finds out is no error: see `answers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.model.url import without_passwords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model.refusal import Refusal


class Problem(msgspec.Struct, frozen=True):
    """One mistake in a document, printed as `FILE:LINE:COL: key.path: what is wrong`, which editors jump to.

    `line` and `column` count from 1; both are 0 when the place is the whole file. A warning does not fail a check.
    """

    file: str
    line: int
    column: int
    path: str
    text: str
    warning: bool = False

    def __str__(self) -> str:
        """Format the line that `check` prints; a key in the wrong place may be a URL."""
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        key = f"{self.path}: " if self.path else ""
        return without_passwords(f"{place}{'warning: ' if self.warning else ''}{key}{self.text}")


class GatewayError(Exception):
    """The base of every error that this program raises on purpose."""


class MalformedError(GatewayError):
    """A request cannot be understood without guessing, so it is refused before it is judged."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class _ProblemsError(GatewayError):
    """A document has mistakes; `problems` are all of them, not the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class SettingsError(_ProblemsError):
    """The config cannot be used."""


class RecordsError(_ProblemsError):
    """A records file cannot be imported."""


class DirectoryError(GatewayError):
    """The directory refuses an operation; the text tells a person what to do."""


class MissingRecordError(DirectoryError):
    """There is no such row, or it is not the caller's: the text is the same."""


class ReplayedTokenError(MissingRecordError):
    """A refresh token was used a second time, so the session `session_id` was ended; its caller is told no more."""

    def __init__(self, session_id: str) -> None:
        super().__init__("the refresh token was used before")
        self.session_id = session_id


class InvalidRecordError(DirectoryError):
    """No such record can be; the text names the field."""


class ClashError(DirectoryError):
    """Another row has the id, the name or the number already."""


class OutdatedError(DirectoryError):
    """The row was changed since the caller has read it."""


class DatabaseError(DirectoryError):
    """The directory's database cannot be asked; the text says where it is, so it is for operators alone."""


class SchemaError(DirectoryError):
    """The directory's schema is not the one that this version needs; the text names the remedy."""


class OddQuestionError(DirectoryError):
    """The directory cannot answer this question or read its row; it is not out of order for others."""


class KeyRingError(GatewayError):
    """Signing keys cannot be read or used; the text never holds key material."""


class KindError(GatewayError):
    """A config names a kind that nobody has, or one of a package that cannot be used; the text says which there are."""


UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Everything that msgspec raises for bytes that do not decode.

Text that is not UTF-8 and values nested a thousand deep raise Python's own errors. A decoder that does not catch those
lets whoever wrote the bytes turn a refusal into a fault.
"""
