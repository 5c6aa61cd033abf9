from gateway.model.field_changes import UNCHANGED, FieldChanges


def test_names_are_shown_and_values_are_not() -> None:
    changes = FieldChanges(((b"Authorization", b"s3cr3t"),), (b"X-Debug",))
    assert repr(changes) == "FieldChanges(Authorization, X-Debug)"
    assert changes.lines == b"Authorization: s3cr3t\r\n"
    assert changes.spellings == {b"authorization", b"x-debug"}
    assert changes
    assert not UNCHANGED


def test_changes_are_compared_by_what_they_change() -> None:
    one, other = (FieldChanges(((b"A", value),)) for value in (b"1", b"2"))
    assert one != other
    assert one == FieldChanges(((b"A", b"1"),))
    assert hash(one) == hash(FieldChanges(((b"A", b"1"),)))
    assert UNCHANGED != ()
