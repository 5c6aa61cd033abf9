from gateway.directory.named_columns import named_columns
from gateway.directory.records import ApiKeyRecord, SessionRecord


def test_what_a_record_holds_is_named_part_by_part() -> None:
    session = SessionRecord.model_validate(
        {
            "id": "s",
            "user": "u",
            "device": {"name": "Firefox"},
            "closed_at": None,
            "login": {"at": "2026-01-01T00:00:00Z"},
        }
    )
    assert named_columns(session) >= {"id", "user_id", "device_name", "closed_at", "state", "login_at"}
    assert not named_columns(session) & {"device_os_name", "login_ip", "login_token_hash", "organization_id"}


def test_a_key_that_is_not_given_leaves_the_one_that_is_there() -> None:
    fields = {"id": "k", "type": "user", "member": "m", "prefix": "uk_live_abc"}
    assert not named_columns(ApiKeyRecord.model_validate(fields)) & {"hash", "prefix"}
    given = ApiKeyRecord.model_validate({**fields, "key": "uk_live_0123456789abcdef"})
    assert named_columns(given) >= {"hash", "prefix", "member_id", "organization_id"}
