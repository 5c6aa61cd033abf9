"""Durations, rates, peers, modes and secrets in a config, and the base of every settings class."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from gateway.model.client_address import SOCKET_FILE

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)", re.ASCII)
_SIZE = re.compile(r"(\d{1,12}) ?(KiB|MiB|GiB)?", re.ASCII)
_SIZE_UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)/(s|m|h)", re.ASCII)
_MODE = re.compile(r"0?[0-7]{3}", re.ASCII)
_OWNERS = 0o600
_NO_DURATION = "a duration is a number with a unit: 50ms, 10s, 5m, 24h, 7d"
_SECRET_FILE_BYTES = 64 * 1024  # a list of secrets has some hundred bytes

UNUSABLE_FILE = "unusable_file"
"""The type of pydantic's error for a secret whose file cannot be used; its problem is at `<field>_file`."""


FIELD_FAULT = "field_fault"
"""The type of pydantic's error for a field that does not fit the ones beside it, whether it is written or not."""


class _SecretMark:
    """Marks a field that may also be given as `<field>_file`."""


SECRET = _SecretMark()


class _Unusable:
    """Takes the place of a secret until its field is validated: an earlier error would hide every other problem."""

    def __init__(self, text: str) -> None:
        self.text = text


def _usable(value: object) -> object:
    if isinstance(value, _Unusable):
        raise PydanticCustomError(UNUSABLE_FILE, "{text}", {"text": value.text})
    return value


def parse_duration(value: object) -> float:
    """Return the seconds of `50ms`, `10s`, `5m`, `24h`, `7d` or `0`; raises ValueError for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value == 0:
            return 0.0
        # A number without a unit means seconds in some programs and milliseconds in others.
        raise ValueError(_NO_DURATION)
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(_NO_DURATION)
    return float(match[1]) * _UNITS[match[2]]


def _size(value: object) -> object:
    """Return the bytes of `4096`, `64KiB` or `1MiB`; raises ValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a size is a number of bytes, or has a unit: 64KiB, 1MiB")
    return int(match[1]) * _SIZE_UNITS[match[2] or ""]


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be longer than 0")
    return value


def _rate(value: object) -> object:
    match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0:
        raise ValueError("a rate is a number per unit of time: 20/s, 100/m, 1000/h")
    return float(match[1]) / _UNITS[match[2]]


def _peer(value: object) -> object:
    try:
        return ip_network(value) if isinstance(value, str) and value != SOCKET_FILE else value
    except ValueError:
        raise ValueError(
            "a network is a CIDR without host bits: 10.0.0.0/8, ::1/128; or unix, for socket files"
        ) from None


def _mode(value: object) -> object:
    text = str(value)  # YAML 1.2 takes 0660 for the number 660: either way its digits are meant
    mode = int(text, 8) if _MODE.fullmatch(text) else 0
    if mode & _OWNERS != _OWNERS:
        raise ValueError("a mode is three or four octal digits, and the owner's are 6 or 7: 0660")
    return mode


def listed(value: object) -> object:
    """Return a list of one item for a single string, so that the config needs no brackets."""
    return [value] if isinstance(value, str | SecretStr) else value


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds; in a config `50ms`, `10s`, `5m`, `24h`, `7d` or `0`."""

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
"""Seconds, more than 0."""

Size = Annotated[int, BeforeValidator(_size)]
"""In bytes."""

Rate = Annotated[float, BeforeValidator(_rate)]
"""Tokens a second; in a config `20/s`, `100/m`, `1000/h`."""

Peer = Annotated[IPv4Network | IPv6Network | Literal["unix"], BeforeValidator(_peer)]
"""Peers of ours: a CIDR block, or `unix` for all at socket files."""

FileMode = Annotated[int, BeforeValidator(_mode)]
"""Who may read and write a file: `0660` is its owner and its group."""

_Filled = Annotated[SecretStr, Field(min_length=1)]

Secret = Annotated[_Filled, BeforeValidator(_usable), SECRET]
"""A secret, never empty; instead of it `<key>_file` may name a file that holds it, as orchestrators mount secrets."""

OptionalSecret = Annotated[_Filled | None, BeforeValidator(_usable), SECRET]
"""A secret that need not be there; `Secret | None` would not be found as one, and could be given in no file."""

SecretList = Annotated[tuple[_Filled, ...], BeforeValidator(listed), BeforeValidator(_usable), SECRET]
"""One secret or a list, the one in use first; in a `<key>_file`, one a line."""


def _with_files(value: object) -> object:
    """Replace each `NAME_file` of a map by `NAME` with the content of the file."""
    if not isinstance(value, dict):
        return value
    filled: dict[Any, Any] = {name: each for name, each in value.items() if not str(name).endswith(_FILE)}
    for name, path in value.items():
        if str(name).endswith(_FILE):
            plain = str(name).removesuffix(_FILE)
            beside = plain in value
            filled[plain] = (
                _Unusable(f"give {plain} or {name}, not both") if beside else _from_file(path, several=False)
            )
    return filled


_FILE = "_file"

SecretByName = Annotated[_Filled, BeforeValidator(_usable)]
"""A secret in a map of secrets."""

SecretFiles = BeforeValidator(_with_files)
"""Lets each secret of a map be given as `NAME_file` too."""

StringList = Annotated[tuple[str, ...], BeforeValidator(listed)]
"""One string or a list of them."""


class SettingsModel(BaseModel):
    """The base of every settings class: unknown keys are errors, errors hold no values, secrets may be in files."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, data: Any) -> Any:
        """Replace each `<key>_file` by `<key>` with the content of the file."""
        if not isinstance(data, dict):
            return data
        filled = dict(data)
        for name in cls.secret_keys():
            if f"{name}_file" in filled:
                filled[name] = cls._secret_of(name, filled.pop(f"{name}_file"), beside=name in filled)
        return filled

    @classmethod
    def _secret_of(cls, name: str, path: object, *, beside: bool) -> list[str] | str | _Unusable:
        if beside:
            return _Unusable(f"give {name} or {name}_file, not both")
        return _from_file(path, several=get_origin(cls.model_fields[name].annotation) is tuple)

    @classmethod
    def secret_keys(cls) -> tuple[str, ...]:
        """Return the names of the fields that may also be given as `<name>_file`."""
        return tuple(name for name, field in cls.model_fields.items() if SECRET in field.metadata)


def field_faults(faults: Mapping[str, str]) -> ValidationError:
    """Return the error that a validator of a whole model raises: what is wrong, by the names of its fields."""
    return ValidationError.from_exception_data(
        "fields that do not fit together",
        [
            InitErrorDetails(type=PydanticCustomError(FIELD_FAULT, "{text}", {"text": text}), loc=(field,), input=None)
            for field, text in faults.items()
        ],
        hide_input=True,
    )


def _from_file(path: object, *, several: bool) -> list[str] | str | _Unusable:
    """Return the non-empty lines of a secret file (the only one, unless `several`); errors do not hold the content."""
    if not isinstance(path, str) or not path:
        return _Unusable("must be the path of a file")
    try:
        lines = _lines(Path(path))
    except OSError as error:
        return _Unusable(f"cannot be read: {error.strerror or type(error).__name__}")
    except ValueError:  # not UTF-8, or a NUL in the path
        return _Unusable("cannot be read: it is not a text file")
    if not lines:
        return _Unusable("names an empty file, or one that is too large for a secret")
    if len(lines) > 1 and not several:
        # Using the first would silently use half of a certificate, or one of two passwords.
        return _Unusable("names a file of several lines; this secret is one line")
    return lines if several else lines[0]


def _lines(path: Path) -> list[str]:
    """Return the non-empty lines; none of a file that is larger than any list of secrets."""
    with path.open("rb") as file:
        content = file.read(_SECRET_FILE_BYTES + 1)
    if len(content) > _SECRET_FILE_BYTES:
        return []
    return [line.strip() for line in content.decode("utf-8").splitlines() if line.strip()]
