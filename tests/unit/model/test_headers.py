import pytest

from gateway.model.headers import Headers, spelling
from gateway.model.memo import FieldNameMemo


@pytest.mark.parametrize("name", [b"X-User-Id", b"x_user_id", b"X.USER.ID", b"x-user_ID", b"x~user|id", b"X+User'Id"])
def test_every_spelling_of_a_name_is_one(name: bytes) -> None:
    assert spelling(name) == b"x-user-id"


def test_what_was_made_of_names_is_kept_while_they_are_few_and_short() -> None:
    known: FieldNameMemo[int] = FieldNameMemo()
    assert known.keep(b"x" * 65, 1) == 1
    assert known == {}
    for number in range(10_000):
        assert known.keep(b"x-%d" % number, number) == number
        assert len(known) <= 4096
    assert known[b"x-9999"] == 9999


def test_order_case_duplicates_and_bytes_are_kept() -> None:
    raw = ((b"B", b"1"), (b"a", b"\xff"), (b"b", b"2"))
    headers = Headers(raw)
    assert headers.raw == raw
    assert list(headers.all(b"b")) == [b"1", b"2"]
    assert list(headers.all(b"a")) == [b"\xff"]
    assert b"a" in headers
    assert b"c" not in headers
    assert list(headers.all(b"c")) == []


def test_a_repr_shows_no_value() -> None:
    assert "s3cret" not in repr(Headers([(b"X-Api-Key", b"s3cret")]))
