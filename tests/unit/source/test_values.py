from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from gateway.config.settings import Settings
from gateway.source.values import (
    SECRET,
    Duration,
    OptionalSecret,
    Peer,
    PositiveDuration,
    Rate,
    Secret,
    SecretList,
    SettingsModel,
    StringList,
)

_NOTHING = "one: names an empty file, or one that is too large for a secret"


class Times(SettingsModel):
    span: Duration = 0.0
    positive: PositiveDuration = 1.0
    rate: Rate = 1.0


class Keys(SettingsModel):
    one: Secret
    many: SecretList = ()


class Maybe(SettingsModel):
    one: OptionalSecret = None


class Lists(SettingsModel):
    names: StringList = ()
    networks: tuple[Peer, ...] = ()


def complaint(model: type[SettingsModel], data: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    (error,) = caught.value.errors()
    return f"{error['loc'][-1]}: {error['msg']}"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("50ms", 0.05), ("10s", 10.0), ("1.5m", 90.0), ("24h", 86400.0), ("7d", 604800.0), (0, 0.0), (" 5s ", 5.0)],
)
def test_a_duration_is_seconds_in_the_program(text: Any, seconds: float) -> None:
    assert Times(span=text).span == pytest.approx(seconds)


@pytest.mark.parametrize("text", [10, 1.5, "10", "10 s", "s", "-1s", "1e3s", "9999999999s", "٣s", True, None, [1]])
def test_what_has_no_unit_is_no_duration(text: Any) -> None:
    assert "a duration is a number with a unit" in complaint(Times, {"span": text})


def test_a_positive_duration_is_not_zero() -> None:
    assert Times.model_validate({"positive": "5ms"}).positive == pytest.approx(0.005)
    assert "must be longer than 0" in complaint(Times, {"positive": "0s"})


@pytest.mark.parametrize(("text", "per_second"), [("20/s", 20.0), ("90/m", 1.5), ("1800/h", 0.5), ("0.5/s", 0.5)])
def test_a_rate_is_tokens_a_second_in_the_program(text: str, per_second: float) -> None:
    assert Times.model_validate({"rate": text}).rate == pytest.approx(per_second)


@pytest.mark.parametrize("text", ["20", 20, "0/s", "/s", "20/d", "-1/s", "20 / s"])
def test_what_is_no_rate_is_refused(text: Any) -> None:
    assert "a rate is a number per unit of time" in complaint(Times, {"rate": text})


def test_a_network_is_a_block_without_host_bits() -> None:
    assert Lists.model_validate({"networks": ["10.0.0.0/8", "::1"]}).networks == (
        ip_network("10.0.0.0/8"),
        ip_network("::1/128"),
    )
    assert "without host bits" in complaint(Lists, {"networks": ["10.0.0.1/8"]})


def test_one_string_is_a_list_of_one() -> None:
    assert Lists.model_validate({"names": "a"}).names == ("a",)
    assert Lists.model_validate({"names": ["a", "b"]}).names == ("a", "b")


def test_an_unknown_key_is_an_error() -> None:
    assert "Extra inputs" in complaint(Times, {"spam": 1})


def test_settings_do_not_change() -> None:
    settings = Times()
    with pytest.raises(ValidationError):
        settings.span = 2.0  # type: ignore[misc]


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("first-secret\n", encoding="utf-8")
    (tmp_path / "many").write_text("new-secret\n\n  old-secret  \n", encoding="utf-8")
    keys = Keys.model_validate({"one_file": str(tmp_path / "one"), "many_file": str(tmp_path / "many")})
    assert keys.one.get_secret_value() == "first-secret"
    assert [key.get_secret_value() for key in keys.many] == ["new-secret", "old-secret"]


def test_one_secret_is_a_list_of_one() -> None:
    assert [key.get_secret_value() for key in Keys.model_validate({"one": "x", "many": "y"}).many] == ["y"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", _NOTHING),
        (b"\n \n", _NOTHING),
        (b"a\nb\n", "one: names a file of several lines; this secret is one line"),
        (b"\xff\xfe", "one: cannot be read: it is not a text file"),
        (b"a" * 70_000, _NOTHING),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "one"
    path.write_bytes(content)
    assert complaint(Keys, {"one_file": str(path)}) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"one_file": "/nowhere/at/all"}, "one: cannot be read: No such file or directory"),
        ({"one_file": 7}, "one: must be the path of a file"),
        ({"one_file": "a\0b"}, "one: cannot be read: it is not a text file"),
        ({"one": "y", "one_file": "/z"}, "one: give one or one_file, not both"),
    ],
)
def test_a_secret_file_that_cannot_be_used_is_refused(data: dict[str, Any], text: str) -> None:
    assert complaint(Keys, data) == text


def test_a_secret_file_that_cannot_be_used_hides_no_other_problem() -> None:
    with pytest.raises(ValidationError) as caught:
        Keys.model_validate({"one_file": "/nowhere/at/all", "spam": 1, "many": 7})
    assert {error["loc"] for error in caught.value.errors()} == {("one",), ("spam",), ("many",)}


@pytest.mark.parametrize("data", [{"one": ""}, {"one": "x", "many": ""}, {"one": "x", "many": ["y", ""]}])
def test_an_empty_secret_is_none_at_all(data: dict[str, Any]) -> None:
    assert "at least 1" in complaint(Keys, data)


def test_no_secret_stands_in_a_repr_or_an_error() -> None:
    assert "hidden-value" not in repr(Keys.model_validate({"one": "hidden-value", "many": ["hidden-value"]}))
    with pytest.raises(ValidationError) as caught:
        Keys.model_validate({"one": ["hidden-value"], "spam": "hidden-value"})
    assert "hidden-value" not in str(caught.value)


def test_the_keys_that_take_a_file_are_listed() -> None:
    assert Keys.secret_keys() == ("one", "many")
    assert Times.secret_keys() == ()


def test_a_secret_that_need_not_be_there_may_be_in_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret\n", encoding="utf-8")
    read = Maybe.model_validate({"one_file": str(path)}).one
    assert read is not None
    assert read.get_secret_value() == "s3cret"
    assert Maybe().one is None
    assert complaint(Maybe, {"one_file": str(tmp_path / "none")}) == "one: cannot be read: No such file or directory"
    assert complaint(Maybe, {"one": "s", "one_file": str(path)}) == "one: give one or one_file, not both"


def settings_classes(base: type[SettingsModel] = SettingsModel) -> set[type[SettingsModel]]:
    return {base}.union(*(settings_classes(each) for each in base.__subclasses__()))


def test_no_secret_of_a_config_hides_in_a_union_where_no_file_is_looked_for() -> None:
    hidden = [
        f"{each.__name__}.{name}"
        for each in settings_classes()
        for name, field in each.model_fields.items()
        if any(SECRET in getattr(member, "__metadata__", ()) for member in get_args(field.annotation))
    ]
    assert Settings in settings_classes()
    assert hidden == []
