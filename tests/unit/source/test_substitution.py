import pytest

from gateway.source.substitution import MissingError, substitute

ENVIRONMENT = {"HOST": "example.com", "EMPTY": "", "NESTED": "${HOST}", "PIN": "0123"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain $5 text", "plain $5 text"),
        ("${HOST}", "example.com"),
        ("https://${HOST}/${PIN}", "https://example.com/0123"),
        ("${EMPTY}", ""),
        ("${EMPTY:-else}", "else"),
        ("${ABSENT:-a:-b}", "a:-b"),
        ("${ABSENT:-}", ""),
        ("${HOST:-else}", "example.com"),
        ("${NESTED}", "${HOST}"),
        ("$${HOST}", "${HOST}"),
        ("$${HOST} ${HOST}", "${HOST} example.com"),
    ],
)
def test_references_are_replaced_once(text: str, result: str) -> None:
    assert substitute(text, ENVIRONMENT) == result


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(MissingError, match="the environment variable ABSENT is not set"):
        substitute("${HOST}${ABSENT}", ENVIRONMENT)


@pytest.mark.parametrize("text", ["${", "${HOST", "${}", "${-}", "${1A}", "${HOST-x}", "${A B}"])
def test_a_broken_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        substitute(text, ENVIRONMENT)
