from gateway.model.credential import Credential, CredentialKind


def test_no_text_of_a_credential_shows_its_secret() -> None:
    credential = Credential("key", CredentialKind.API_KEY, "project", ("sk_live_s3cret",), b"\x01\x02\x03\x04\x05")
    for text in (repr(credential), str(credential), f"{credential}", f"{[credential]}"):
        assert "s3cret" not in text
        assert "01020304" in text
