from __future__ import annotations

from gateway.directory.stored import StoredKey
from gateway.model.session import Session


def test_no_hash_is_shown() -> None:
    assert repr(StoredKey(Session(subject="m"), "b1:aabbccdd:secret", "active")) == "StoredKey('m')"
