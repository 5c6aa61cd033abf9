"""What the admin API says of an error."""

from __future__ import annotations

from gateway.admin.problems import problem_of
from gateway.model.errors import ClashError, DatabaseError


def test_where_the_database_is_stands_in_the_log_alone() -> None:
    error = problem_of(DatabaseError("the directory cannot be asked: the database gateway at db.internal:5432"))
    assert (error.status, error.detail) == (503, "the directory cannot be asked")
    assert problem_of(ClashError("the name is taken")).detail == "the name is taken"
