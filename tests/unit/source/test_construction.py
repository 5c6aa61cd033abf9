from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.nodes import Node

from gateway.source.construction import Construction, MissingError, substitute

ENVIRONMENT = {
    "HOST": "example.com",
    "EMPTY": "",
    "NESTED": "${HOST}",
    "PIN": "0123",
    "FROM_FILE": "s3cr3t\n",
    "CRLF": "a\r\n\n",
    "BLANK": "\n",
}


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
        ("redis://:${FROM_FILE}@${CRLF}/0", "redis://:s3cr3t@a/0"),
        ("${BLANK}|${BLANK:-else}", "|else"),
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


def nodes(text: str) -> Node | None:
    root: Node | None = YAML(typ="safe", pure=True).compose(text)
    return root


def built(text: str) -> Any:
    construction = Construction(limit=1000)
    data = construction.build(nodes(text))
    assert construction.faults == []
    return data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("'12'", "12"),
        ("yes", "yes"),
        ("off", "off"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("10s", "10s"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("!!str 12", "12"),
        ("9" * 40, "9" * 40),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: Any) -> None:
    found = built(text)
    assert found == value
    assert type(found) is type(value)


def test_an_older_schema_is_not_followed() -> None:
    assert built("%YAML 1.1\n---\n[yes, 1:30]") == ["yes", "1:30"]


def test_an_alias_repeats_its_anchor() -> None:
    assert built("a: &x {k: [1]}\nb: *x") == {"a": {"k": [1]}, "b": {"k": [1]}}


def test_an_escaped_surrogate_pair_is_one_character() -> None:
    assert built('"\\ud83d\\ude00!"') == "😀!"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('a: "\\ud83d"', (("a",), "holds half a surrogate pair")),
        ("a: &x [*x]", (("a", 0), "is an alias of what it stands in")),
        ("a: !thing [1]", (("a",), "has a tag that is not supported: !thing")),
        ("a: {true: 1}", (("a",), "has a key that is not a string, at line 1: quote it")),
        ("a: {[1]: 1}", (("a",), "has a key that is not a string, at line 1: quote it")),
        ("a: {b: 1, b: 2}", (("a", "b"), "is given twice")),
        (
            "a: {<<: {b: 1}}",
            (("a",), "has a merge key (`<<`), which YAML 1.2 does not know: write the keys out"),
        ),
    ],
)
def test_a_fault_names_its_path(text: str, fault: tuple[tuple[str | int, ...], str]) -> None:
    construction = Construction(limit=1000)
    construction.build(nodes(text))
    assert construction.faults == [fault]


def test_more_values_than_the_limit_are_not_built() -> None:
    construction = Construction(limit=3)
    assert construction.build(nodes("[1, 2, 3]")) is None
    assert construction.faults == [((), "has aliases that multiply its values beyond reason")]


def test_variables_are_replaced_in_values_only() -> None:
    construction = Construction(limit=100, environment={"NAME": "value", "PIN": "0123"})
    data = construction.build(nodes("'${NAME}': ['a-${NAME}', '${PIN}', 7]\nlost: ${ABSENT}\nodd: ${-}"))
    assert data == {"${NAME}": ["a-value", "0123", 7], "lost": None, "odd": None}
    assert [path for path, _ in construction.faults] == [("lost",), ("odd",)]
