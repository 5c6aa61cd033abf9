from gateway.model.errors import GatewayError, MalformedError, RecordsError, SchemaError, SettingsError
from gateway.model.problem import Problem
from gateway.model.refusal import Refusal, RefusalCode


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
