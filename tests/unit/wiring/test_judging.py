from __future__ import annotations

from gateway.config.load import check_document
from gateway.identity.identity_headers import IdentityHeaders
from gateway.wiring.judging import OfflineGate, stripped
from tests.support.builders.configs import LEAST, document
from tests.support.builders.credentials import api_key_reader, cookie_reader


def test_a_config_s_readers_need_no_authority() -> None:
    settings = check_document(document(LEAST)).settings
    assert settings is not None
    offline = OfflineGate(settings)
    assert list(offline.readers) == ["key", "token"]
    assert offline.request_heads.drops(b"X_User_Id")


def test_what_is_stripped_is_identity_and_every_reader_s() -> None:
    names = stripped((api_key_reader(), cookie_reader()), IdentityHeaders(), lambda name: name == b"remote-user", ())
    assert b"x-user-id" in names.identity
    assert (names.credentials, names.cookies) == ({b"x-api-key"}, {b"__session"})
    assert names.foreign(b"remote-user")
