"""What an issuer is shown of who asks, by each way that OAuth has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from gateway.authorities.client_authentication import ClientAuthentication, ClientSettings
from tests.support.servers.issuer import EC_KEY, ED_KEY, RSA_KEY, SHORT_RSA_KEY, Clock

URL = "https://id.example.com/introspect"
NOW = 1_700_000_000
P384_KEY = ec.generate_private_key(ec.SECP384R1())


def pem(folder: Path, key: Any) -> str:
    path = folder / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path)


def authentication(**settings: Any) -> ClientAuthentication:
    return ClientAuthentication(ClientSettings(**settings), URL, Clock(NOW))


def test_a_secret_is_in_the_header_or_in_the_form() -> None:
    basic = authentication(client_id="g w", client_secret="s:1")
    assert (basic.headers(), basic.form()) == ((("Authorization", "Basic Zyt3OnMlM0Ex"),), ())
    post = authentication(auth="client_secret_post", client_id="gw", client_secret="s:1")
    assert (post.headers(), post.form()) == ((), (("client_id", "gw"), ("client_secret", "s:1")))


def test_a_bearer_token_is_in_the_header() -> None:
    bearer = authentication(auth="bearer", token="t0ken")
    assert (bearer.headers(), bearer.form()) == ((("Authorization", "Bearer t0ken"),), ())


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")])
def test_an_assertion_is_signed_anew_each_time(tmp_path: Path, key: Any, algorithm: str) -> None:
    signer = authentication(auth="private_key_jwt", client_id="gw", private_key_file=pem(tmp_path, key), key_id="k7")
    assert signer.headers() == ()
    one, other = dict(signer.form()), dict(signer.form())
    assert one["client_id"] == "gw"
    assert one["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert pyjwt.get_unverified_header(one["client_assertion"]) == {"alg": algorithm, "typ": "JWT", "kid": "k7"}
    unchecked = {"verify_exp": False, "verify_iat": False}
    said = [
        pyjwt.decode(form["client_assertion"], key.public_key(), [algorithm], options=unchecked, audience=URL)
        for form in (one, other)
    ]
    assert said[0].pop("jti") != said[1].pop("jti")
    assert said[0] == said[1] == {"iss": "gw", "sub": "gw", "aud": URL, "iat": NOW, "exp": NOW + 60}


def test_an_assertion_may_be_for_another_audience(tmp_path: Path) -> None:
    settings = {"auth": "private_key_jwt", "client_id": "gw", "private_key_file": pem(tmp_path, ED_KEY)}
    form = dict(authentication(**settings, assertion_audience="https://id.example.com").form())
    said = pyjwt.decode(form["client_assertion"], options={"verify_signature": False})
    assert said["aud"] == "https://id.example.com"


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({}, {"client_id": "is required", "client_secret": "is required"}),
        ({"client_id": "gw"}, {"client_secret": "is required"}),
        ({"auth": "bearer"}, {"token": "is required"}),
        ({"auth": "bearer", "token": "t", "client_secret": "s"}, {"client_secret": "is not used"}),
        ({"auth": "client_secret_post", "client_id": "gw", "token": "t"}, {"client_secret": "is", "token": "is not"}),
        ({"auth": "private_key_jwt", "client_id": "gw"}, {"private_key_file": "is required"}),
        ({"client_id": "gw", "client_secret": "s", "key_id": "k"}, {"key_id": "is not used"}),
        ({"auth": "tls_client_auth"}, {"auth": "Input should be"}),
    ],
)
def test_each_way_has_the_keys_that_it_needs_and_no_others(settings: dict[str, Any], faults: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        ClientSettings(**settings)
    found = {str(each["loc"][0]): each["msg"] for each in refused.value.errors()}
    assert found.keys() == faults.keys()
    assert all(found[field].startswith(text) for field, text in faults.items())


@pytest.mark.parametrize("key", [SHORT_RSA_KEY, P384_KEY])
def test_a_key_of_another_kind_is_refused(tmp_path: Path, key: Any) -> None:
    with pytest.raises(ValidationError, match="must hold a key"):
        ClientSettings(auth="private_key_jwt", client_id="gw", private_key_file=pem(tmp_path, key))


def test_a_file_that_is_no_key_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("s3cret")
    with pytest.raises(ValidationError, match="no private key") as refused:
        ClientSettings(auth="private_key_jwt", client_id="gw", private_key_file=str(path))
    assert "s3cret" not in str(refused.value)
    with pytest.raises(ValidationError, match="cannot be read"):
        ClientSettings(auth="private_key_jwt", client_id="gw", private_key_file=str(tmp_path / "none"))


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    settings = ClientSettings.model_validate({"client_id": "gw", "client_secret_file": str(tmp_path / "secret")})
    assert settings.client_secret is not None
    assert settings.client_secret.get_secret_value() == "s3cret"
