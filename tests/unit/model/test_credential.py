from __future__ import annotations

from gateway.model.credential import Credential, CredentialKind, anonymous_cookie, is_anonymous


def test_no_text_of_a_credential_shows_its_secret() -> None:
    credential = Credential("key", CredentialKind.API_KEY, "project", ("sk_live_s3cret",), b"\x01\x02\x03\x04\x05")
    for text in (repr(credential), str(credential), f"{credential}", f"{[credential]}"):
        assert "s3cret" not in text
        assert "01020304" in text


def test_a_cookie_that_names_nobody_is_known_as_such() -> None:
    assert is_anonymous(anonymous_cookie("7d6c"))


def test_a_token_that_names_somebody_is_not() -> None:
    assert not is_anonymous("eyJhbGciOiJFZERTQSJ9.e30.c2ln")
