"""What a database's driver raises, in words for operators: never its class, nor its text, which may quote a value."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError

from gateway.model.reasons import reason_of

_DATA_EXCEPTION = "22"
"""The SQLSTATE class of values that a database cannot take (PostgreSQL manual, appendix A)."""

_NOT_MIGRATED = "a table or column is missing; run: gateway directory migrate -c FILE"
_IN_THE_WAY = "a table of the same name is there already, and is not ours"

_STATES = {
    "28P01": "it does not take this user with this password",
    "28000": "it does not let this user in",
    "3D000": "there is no such database",
    "42501": "this user may not read or write there",
    "42P01": _NOT_MIGRATED,
    "42703": _NOT_MIGRATED,
    "42P07": _IN_THE_WAY,
    "3F000": "there is no such schema",
    "53300": "it takes no more connections",
    "53100": "its disk is full",
    "55P03": "somebody else holds a lock",
    "57014": "it cancelled a statement that took too long",
    "57P01": "it is being shut down",
    "57P02": "it is being restarted",
    "57P03": "it is starting, or being shut down",
    "25006": "it only reads, as a standby does",
    "40001": "others wrote the same rows at that time",
    "40P01": "others wrote the same rows at that time",
    "08P01": "what listens there is no PostgreSQL, or a pooler that refused the connection",
    "26000": "a statement was not there any more, as behind a pooler of statements",
    "42P05": "a statement was there already, as behind a pooler of statements",
}
"""By SQLSTATE (PostgreSQL manual, appendix A)."""

_SQLITE = {
    "SQLITE_CANTOPEN": "the file cannot be opened",
    "SQLITE_NOTADB": "the file is no database of SQLite",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_BUSY": "somebody else writes to it for too long",
    "SQLITE_LOCKED": "somebody else writes to it for too long",
    "SQLITE_READONLY": "the file, or its folder, may not be written",
    "SQLITE_PERM": "the file may not be opened",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "the disk cannot be read or written",
    "SQLITE_ERROR": "it could not run a statement",
    "SQLITE_CONSTRAINT": "a row does not fit those that there are",
}
"""By the names of SQLite's result codes (sqlite.org/rescode.html); longer ones begin with these."""

_TEXTS = {
    "no such table": _NOT_MIGRATED,
    "no such column": _NOT_MIGRATED,
    " already exists": _IN_THE_WAY,
    "match the target attribute": "no host is what target_session_attrs asks for",
    "rejected SSL upgrade": "it does not speak TLS, which the sslmode asks for",
    "unexpected connection_lost": "the connection was cut",
    "connection was closed in the middle": "the connection was cut",
    "connection is closed": "the connection was cut",
}
"""What the driver says only in its texts."""


def words_of_fault(fault: BaseException) -> str:
    """Return why the database was not asked, or did not answer."""
    errors = list(_chain(fault))
    answers = (_answer(error) for error in errors)
    texts = (words for error in errors for part, words in _TEXTS.items() if part in str(error))
    reasons = (reason_of(error) for error in errors if isinstance(error, OSError | EOFError))
    return next((words for each in (texts, answers, reasons) for words in each if words), _unexpected(fault))


def _answer(error: BaseException) -> str:
    """Return what a database said by a code, empty for another error."""
    if state := str(getattr(error, "sqlstate", None) or ""):
        return _STATES.get(state) or f"it answered with the error {state}"
    if isinstance(error, sqlite3.Error) and (name := getattr(error, "sqlite_errorname", "")):
        return next((words for code, words in _SQLITE.items() if name.startswith(code)), f"SQLite said {name}")
    return "all connections to it are in use" if isinstance(error, NoFreeConnectionError) else ""


def is_odd_question(fault: Exception) -> bool:
    """Tell whether others may be answered: a value cannot be sent or read, or is a data exception to the database."""
    if isinstance(fault, DBAPIError):
        state = str(getattr(fault.orig, "sqlstate", None) or "")
        return state.startswith(_DATA_EXCEPTION) or isinstance(getattr(fault.orig, "__cause__", None), ValueError)
    return isinstance(fault, (StatementError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError))


def _unexpected(fault: BaseException) -> str:
    if isinstance(fault, Exception) and is_odd_question(fault):
        return "a value cannot be sent to it, or a row of it cannot be read"
    return "for an unexpected reason"


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """Yield the error with those that it wraps, the driver's own first."""
    wrapped = fault.orig if isinstance(fault, DBAPIError) else fault.__cause__
    if wrapped is not None:
        yield from _chain(wrapped)
    yield fault
