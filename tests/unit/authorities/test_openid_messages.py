import msgspec
import pytest
from pydantic import ValidationError

from gateway.authorities.openid_messages import OpenIdClientSettings, ProviderDocument, error_code


def test_a_document_needs_the_two_endpoints_of_every_provider() -> None:
    document = {"issuer": "i", "authorization_endpoint": "a", "token_endpoint": "t", "more": 1}
    assert msgspec.json.decode(msgspec.json.encode(document), type=ProviderDocument).end_session_endpoint == ""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"issuer": "i"}', type=ProviderDocument)


def test_an_error_is_a_code_or_nothing() -> None:
    assert error_code(b'{"error": "invalid_grant"}') == "invalid_grant"
    for body in (b"", b"[]", b'{"error": "<b>"}', b'{"error": 1}'):
        assert error_code(body) == ""


def test_a_client_asks_for_an_id_token_and_signs_in_with_no_shared_secret() -> None:
    settings = OpenIdClientSettings(issuer="https://id.example.com", client_id="gw", client_secret="s")  # type: ignore[arg-type]
    assert settings.scopes == ("openid", "profile", "email")
    assert "HS256" not in settings.algorithms
    with pytest.raises(ValidationError):
        OpenIdClientSettings(issuer="https://id.example.com", client_id="gw")
