from typing import Any

import msgspec
import pytest

from gateway.model.errors import (
    UNDECODABLE,
    GatewayError,
    MalformedError,
    Problem,
    RecordsError,
    SchemaError,
    SettingsError,
)
from gateway.model.refusal import Refusal, RefusalCode


def test_a_problem_is_a_line_that_editors_jump_to() -> None:
    assert str(Problem("a.yaml", 3, 7, "routes.0.name", "is taken")) == "a.yaml:3:7: routes.0.name: is taken"


def test_a_warning_says_so_and_a_problem_of_the_whole_file_has_no_line() -> None:
    assert str(Problem("a.yaml", 0, 0, "", "is empty", warning=True)) == "a.yaml: warning: is empty"


def test_a_malformed_request_carries_its_answer() -> None:
    refusal = Refusal(RefusalCode.MALFORMED, "a dot segment")
    assert MalformedError(refusal).refusal is refusal
    assert str(MalformedError(refusal)) == "a dot segment"


def test_a_document_tells_all_its_problems() -> None:
    problems = [Problem("a", 1, 1, "x", "one"), Problem("a", 2, 1, "y", "two")]
    for error in (SettingsError(problems), RecordsError(problems)):
        assert str(error) == "a:1:1: x: one\na:2:1: y: two"
        assert isinstance(error, GatewayError)


def test_an_old_schema_is_caught_with_the_other_errors() -> None:
    assert issubclass(SchemaError, GatewayError)


DEEP = 100_000


class Wanted(msgspec.Struct):
    text: str = ""


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b'{"text": "\xff"}', b'{"text": 1}', b"[]", b'{"text": "\\ud800"}', b'{"other": ' + b"[" * DEEP],
)
def test_json_that_cannot_be_read_raises_nothing_else(body: bytes) -> None:
    with pytest.raises(UNDECODABLE):
        msgspec.json.decode(body, type=Wanted)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", Wanted),
        (b"\xc1", Wanted),
        (b"\x81\xa4text\xa1\xff", Wanted),
        (b"\x81\xa4text\x01", Wanted),
        (b"\x91" * DEEP, Any),
        (b"\x81\xa5other" + b"\x91" * DEEP, Wanted),
    ],
)
def test_msgpack_that_cannot_be_read_raises_nothing_else(body: bytes, wanted: Any) -> None:
    with pytest.raises(UNDECODABLE):
        msgspec.msgpack.decode(body, type=wanted)
