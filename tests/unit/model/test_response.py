from __future__ import annotations

from gateway.model.response import Response, json_fields


def test_json_may_not_be_kept_unless_that_is_said() -> None:
    assert dict(json_fields())[b"Cache-Control"] == b"no-store"
    assert dict(json_fields(b"no-cache")) == {b"Content-Type": b"application/json", b"Cache-Control": b"no-cache"}


def test_an_answer_leaves_the_connection_open_unless_it_says_so() -> None:
    assert not Response(200).closes
