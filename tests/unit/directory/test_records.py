from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.directory.records import ApiKeyRecord, LoginRecord, Records, SessionRecord

PAST = "2026-01-01T00:00:00Z"
KEY: dict[str, Any] = {
    "id": "k",
    "auto_id": 1,
    "type": "organization",
    "name": "Key",
    "key": "ok_live_0123456789",
    "member": "m",
    "created_at": PAST,
    "updated_at": PAST,
}

HASH = {"source": "old-portal", "sha256": "0" * 64, "prefix": "pk_1"}


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "with space"},
        {"id": "line\nbreak"},
        {"id": "é"},
        {"id": "x" * 256},
        {"id": 7},
        {"auto_id": "7"},
        {"auto_id": 0},
        {"auto_id": 2**31},
        {"auto_id": True},
        {"type": "admin"},
        {"name": "a\0b"},
        {"key": "short"},
        {"key": "short", "short": True},
        {"key": "long-enough"},
        {"key": None},
        {"key_hash": HASH},
        {"key": None, "key_hash": {**HASH, "sha256": "ab"}},
        {"key": None, "key_hash": {**HASH, "sha256": "x" * 64}},
        {"key": None, "key_hash": {**HASH, "source": "a:b"}},
        {"key": None, "key_hash": {**HASH, "prefix": "a long beginning"}},
        {"key": None, "key_hash": {"sha256": "0" * 64}},
        {"scopes": "read"},
        {"unknown": 1},
        {"type": "project"},
        {"project": "p"},
    ],
)
def test_what_is_no_key_record(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ApiKeyRecord.model_validate({**KEY, **change})


@pytest.mark.parametrize(
    "change", [{"key": "abc123", "short": True}, {"key": None, "key_hash": {"source": "old", "sha256": "AB" * 32}}]
)
def test_a_short_key_is_taken_on_purpose_and_another_product_s_by_its_hash(change: dict[str, Any]) -> None:
    ApiKeyRecord.model_validate({**KEY, **change})


def test_a_key_is_never_shown() -> None:
    record = ApiKeyRecord.model_validate(KEY)
    assert record.key is not None
    assert record.key.get_secret_value() == "ok_live_0123456789"
    assert "0123456789" not in repr(record)
    with pytest.raises(ValidationError) as raised:
        ApiKeyRecord.model_validate({**KEY, "key": "ok_live_secret" * 100})
    assert "secret" not in str(raised.value)


def test_a_login_has_one_token() -> None:
    token_hash = "orklPYtfnjnG6mG7OMuLbOBDzs8I9myfcLl2yzv7WoU="
    assert LoginRecord.model_validate({"at": PAST, "token_hash": token_hash}).token_hash == token_hash
    with pytest.raises(ValidationError, match="not both"):
        LoginRecord.model_validate({"at": PAST, "token": "a-token-long-enough", "token_hash": token_hash})
    with pytest.raises(ValidationError, match="token_hash"):
        LoginRecord.model_validate({"at": PAST, "token_hash": "a token by mistake"})


def test_the_active_sign_in_is_one_of_the_sessions() -> None:
    signin = {"id": "one", "created_at": PAST}
    session = {"id": "s", "user": "u", "signins": [signin], "active_signin": "one"}
    assert SessionRecord.model_validate(session).active_signin == "one"
    with pytest.raises(ValidationError, match="not the id of one of the signins"):
        SessionRecord.model_validate({**session, "active_signin": "two"})


def test_a_file_may_be_empty_and_lists_are_kept_frozen() -> None:
    assert Records.model_validate({}) == Records()
    records = Records.model_validate({"users": [{"id": "u", "roles": ["admin"]}]})
    assert records.users[0].roles == ("admin",)
