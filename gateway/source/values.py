"""The values of a config, spelled as people write them, and the base of every settings class."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, model_validator

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|m|h)")
_DIGITS = 9  # ample for every duration, and small enough never to be an infinity


class _SecretMark:
    """Marks a field that may also be given as `<field>_file`."""


SECRET = _SecretMark()


def _duration(value: object) -> object:
    if value == 0 and not isinstance(value, bool):
        return 0.0
    if isinstance(value, float) and not isinstance(value, bool):
        return _reject_number(value)
    if isinstance(value, int):
        return _reject_number(value)
    if isinstance(value, str):
        found = _DURATION.fullmatch(value.strip())
        if found is None or len(found[1]) > _DIGITS:
            raise ValueError("a duration is a number with a unit: 50ms, 10s, 5m, 24h, 7d")
        return float(found[1]) * _UNITS[found[2]]
    raise ValueError("a duration is a number with a unit: 50ms, 10s, 5m, 24h, 7d")


def _reject_number(value: float) -> object:
    raise ValueError(f"a duration needs a unit: {value}s? 50ms, 10s, 5m, 24h, 7d are durations")


def _rate(value: object) -> object:
    found = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or len(found[1]) > _DIGITS or float(found[1]) <= 0:
        raise ValueError("a rate is a number per unit of time: 20/s, 100/m, 1000/h")
    return float(found[1]) / _UNITS[found[2]]


def _network(value: object) -> object:
    if isinstance(value, str):
        try:
            return ip_network(value)
        except ValueError:
            raise ValueError("a network is a CIDR without host bits: 10.0.0.0/8, ::1/128") from None
    return value


Duration = Annotated[float, BeforeValidator(_duration)]
"""In a config `50ms`, `10s`, `5m`, `24h`, `7d` or `0`; in the program seconds."""

Rate = Annotated[float, BeforeValidator(_rate)]
"""In a config `20/s`, `100/m`, `1000/h`; in the program tokens a second."""

Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
"""A CIDR block."""

Secret = Annotated[SecretStr, SECRET]
"""A secret; `<key>_file` beside it names a file that holds it, the way orchestrators mount secrets."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | SecretStr) else value


SecretList = Annotated[list[SecretStr], BeforeValidator(_listed), SECRET]
"""One secret or a list, newest use first; in a `<key>_file`, one a line."""

StringList = Annotated[list[str], BeforeValidator(_listed)]
"""One string or a list of them."""


class SettingsModel(BaseModel):
    """Base of every settings class: unknown keys are errors, values never stand in error texts, secrets by file too."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        filled = dict(data)
        for name, field in cls.model_fields.items():
            if SECRET not in field.metadata or f"{name}_file" not in filled:
                continue
            if name in filled:
                raise ValueError(f"give {name} or {name}_file, not both")
            lines = _read_secret(Path(str(filled.pop(f"{name}_file"))), f"{name}_file")
            filled[name] = lines if field.annotation == list[SecretStr] else lines[0]
        return filled


def _read_secret(path: Path, key: str) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{key} cannot be read: {type(error).__name__}") from error
    filled = [line for line in lines if line]
    if not filled:
        raise ValueError(f"{key} is empty")
    return filled
