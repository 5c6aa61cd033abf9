from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from gateway.model.route import Access
from gateway.source.document import parse_document
from gateway.source.values import Duration, Peer, Secret, SettingsModel, field_faults
from gateway.source.wording import problems_of


class Square(SettingsModel):
    kind: Literal["square"]
    side: int = Field(ge=1, le=9)


class Circle(SettingsModel):
    kind: Literal["circle"]
    radius: float = Field(gt=0)


class Pair(SettingsModel):
    kind: Literal["pair"]
    left: int = 0
    right: int = 0

    @model_validator(mode="after")
    def _fits(self) -> "Pair":
        raise field_faults({"left": "does not fit", "right": "is missing"})


class Whole(SettingsModel):
    name: str = Field(min_length=1)
    shapes: dict[str, Annotated[Square | Circle | Pair, Field(discriminator="kind")]] = Field(default_factory=dict)
    access: Access = Access.REQUIRED
    wait: Duration = 0
    on: bool = True
    list: tuple[int, ...] = Field(default=(1,), min_length=1)
    nets: tuple[Peer, ...] = ()
    key: Secret = Field(default="none", validate_default=True)


def lines(text: str) -> list[str]:
    document = parse_document(text, "c")
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(document.data)
    return [str(problem) for problem in problems_of(caught.value, document)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("on: true", "c:1:1: name: is required"),
        ("name: x\nspam: 1", "c:2:1: spam: is not a key that is known here"),
        ("name: 7", "c:1:1: name: must be a string; a number is quoted"),
        ("name: ''", "c:1:1: name: must not be empty"),
        ("name: x\naccess: maybe", "c:2:1: access: must be required, optional or public"),
        ("name: x\nwait: 10", "c:2:1: wait: a duration is a number with a unit: 50ms, 10s, 5m, 24h, 7d"),
        ("name: x\non: [1]", "c:2:1: on: must be true or false"),
        ("name: x\non: maybe", "c:2:1: on: must be true or false"),
        ("name: x\nlist: []", "c:2:1: list: must not be empty"),
        ("name: x\nlist: [two]", "c:2:8: list[0]: must be a whole number"),
        ("name: x\nlist: 7", "c:2:1: list: must be a list"),
        ("name: x\nlist: [1, two]", "c:2:11: list[1]: must be a whole number"),
        ("name: x\nlist: [1, 1.5]", "c:2:11: list[1]: must be a whole number"),
        ("name: x\nshapes: [1]", "c:2:1: shapes: must be a map of keys to values"),
        ("name: x\nshapes: {a: 7}", "c:2:10: shapes.a: must be a map of keys to values"),
        ("name: x\nshapes: {a: {}}", "c:2:10: shapes.a.kind: is required"),
        ("name: x\nshapes: {a: {kind: cube}}", "c:2:14: shapes.a.kind: must be square, circle, pair"),
        ("name: x\nshapes: {a: {kind: square}}", "c:2:10: shapes.a.side: is required"),
        ("name: x\nshapes: {a: {kind: square, side: 0}}", "c:2:28: shapes.a.side: must be at least 1"),
        ("name: x\nshapes: {a: {kind: square, side: 10}}", "c:2:28: shapes.a.side: must be at most 9"),
        ("name: x\nshapes: {a: {kind: circle, radius: 0}}", "c:2:28: shapes.a.radius: must be more than 0.0"),
        ("name: x\nshapes: {a: {kind: circle, radius: x}}", "c:2:28: shapes.a.radius: must be a number"),
        ("name: x\nkey_file: /nowhere", "c:2:1: key_file: cannot be read: No such file or directory"),
    ],
)
def test_an_error_is_told_in_plain_words_at_its_place(text: str, line: str) -> None:
    assert lines(text) == [line]


def test_every_problem_is_told_in_the_documents_order() -> None:
    assert lines("spam: 1\naccess: maybe\nshapes:\n  a: {kind: square}\n  b: {kind: circle, radius: 1, side: 2}\n") == [
        "c:1:1: name: is required",
        "c:1:1: spam: is not a key that is known here",
        "c:2:1: access: must be required, optional or public",
        "c:4:3: shapes.a.side: is required",
        "c:5:32: shapes.b.side: is not a key that is known here",
    ]


def test_what_does_not_fit_together_is_told_at_each_of_its_fields_even_of_those_that_are_absent() -> None:
    assert lines("name: x\nshapes: {a: {kind: pair, left: 1}}\n") == [
        "c:2:10: shapes.a.right: is missing",
        "c:2:26: shapes.a.left: does not fit",
    ]


def test_a_union_without_words_of_its_own_is_one_problem() -> None:
    (line,) = lines("name: x\nnets: [[1]]")
    assert line.startswith("c:2:8: nets[0]: ")


@pytest.mark.parametrize("key", sorted(set(Whole.model_fields) - {"name", "key"}))
@pytest.mark.parametrize("value", ["[s3cr3t]", "{a: s3cr3t}", "{a: {kind: s3cr3t}}"])
def test_no_value_is_told(key: str, value: str) -> None:
    assert "s3cr3t" not in "".join(lines(f"name: x\n{key}: {value}"))
