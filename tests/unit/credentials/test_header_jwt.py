from __future__ import annotations

from gateway.credentials.reader import UNREADABLE
from gateway.model.credential import Credential, CredentialKind
from tests.support.builders.credentials import header_jwt_reader
from tests.support.builders.requests import access_request

SHOWN = access_request(headers=((b"Cf-Access-Jwt-Assertion", b"e30.e30.c2ln"),))


def test_a_trusted_proxy_s_token_is_a_bearer_s() -> None:
    reading = header_jwt_reader().read(SHOWN)
    assert isinstance(reading, Credential)
    assert (reading.kind, reading.parts) == (CredentialKind.BEARER, ("e30.e30.c2ln",))


def test_anybody_else_s_was_shown_and_is_nobodys() -> None:
    reading = header_jwt_reader(trusted=False).read(SHOWN)
    assert isinstance(reading, Credential)
    assert reading.parts == (UNREADABLE,)
