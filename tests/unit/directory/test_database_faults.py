from __future__ import annotations

import sqlite3

import pytest
from asyncpg import exceptions
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError

from gateway.directory.database_faults import is_odd_question, words_of_fault


def wrapped(cause: Exception) -> DBAPIError:
    """Return an error as SQLAlchemy makes it of a driver's."""
    orig = Exception("hunter2")
    orig.__cause__ = cause
    return DBAPIError("SELECT hunter2", None, orig)


def of_sqlite(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("hunter2")
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (exceptions.InvalidCatalogNameError("hunter2"), "there is no such database"),
        (exceptions.InvalidPasswordError("hunter2"), "it does not take this user with this password"),
        (wrapped(exceptions.InsufficientPrivilegeError("hunter2")), "this user may not read or write there"),
        (wrapped(exceptions.TooManyConnectionsError("hunter2")), "it takes no more connections"),
        (wrapped(exceptions.WindowingError("hunter2")), "it answered with the error 42P20"),
        (exceptions.TargetServerAttributeNotMatched("None match the target attribute 'x'"), "no host is what"),
        (ConnectionError('PostgreSQL server at "h:1" rejected SSL upgrade'), "it does not speak TLS"),
        (wrapped(ConnectionRefusedError(111, "hunter2")), "nobody listens there"),
        (NoFreeConnectionError("hunter2"), "all connections to it are in use"),
        (of_sqlite("SQLITE_CANTOPEN_ISDIR"), "the file cannot be opened"),
        (wrapped(of_sqlite("SQLITE_NOTADB")), "the file is no database of SQLite"),
        (of_sqlite("SQLITE_TOOBIG"), "SQLite said SQLITE_TOOBIG"),
        (RuntimeError("hunter2"), "for an unexpected reason"),
    ],
)
def test_a_fault_is_worded_for_whoever_mends_it(fault: Exception, words: str) -> None:
    assert words_of_fault(fault).startswith(words)
    assert "hunter2" not in words_of_fault(fault)


def test_a_value_that_cannot_be_sent_is_the_questions_fault() -> None:
    fault = wrapped(ValueError("hunter2"))
    assert is_odd_question(fault)
    assert words_of_fault(fault) == "a value cannot be sent to it, or a row of it cannot be read"
    assert not is_odd_question(wrapped(OSError("hunter2")))
