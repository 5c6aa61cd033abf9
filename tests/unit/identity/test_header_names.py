from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.identity.header_names import FIELDS, PRESETS, IdentityNames

NAMES: TypeAdapter[dict[str, str]] = TypeAdapter(IdentityNames)


def test_by_default_every_field_has_a_name() -> None:
    assert set(NAMES.validate_python("default")) == set(FIELDS)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_map_that_could_be_written_out(preset: str) -> None:
    names = NAMES.validate_python(preset)
    assert NAMES.validate_python(names) == names


def test_a_map_is_the_whole_of_it() -> None:
    assert NAMES.validate_python({"user_id": "X-Caller"}) == {"user_id": "X-Caller"}


def test_a_preset_may_begin_a_map() -> None:
    names = NAMES.validate_python({"preset": "remote-user", "user_name": "X-Name", 'claims.a."b.c"': "X-Claim"})
    assert names == {**PRESETS["remote-user"], "user_name": "X-Name", 'claims.a."b.c"': "X-Claim"}


@pytest.mark.parametrize(
    "wrong",
    [
        "oauth2",
        {"user": "X-User"},
        {"user_id": "X User"},
        {"user_id": ""},
        {"user_id": "Host"},
        {"user_id": "x_forwarded_for"},
        {"user_id": "Authorization"},
        {"user_id": "X-Caller", "user_name": "x_caller"},
        ["X-User"],
        {"claims.": "X-Claim"},
        {"claims.a..b": "X-Claim"},
        {"claims.a": "X-Claim", "claims.b": "x_claim"},
        {"claims.a": "Host"},
        {"preset": "none"},
        {"preset": "default", "claims.a": "X-User-Id"},
        {"preset": ["default"]},
    ],
)
def test_names_that_could_not_be_trusted_are_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        NAMES.validate_python(wrong)
