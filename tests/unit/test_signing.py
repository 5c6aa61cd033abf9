from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import KeyRingError
from gateway.signing import MAX_TOKEN, SKEW, KeyRing, TokenFault

NOW = 1_800_000_000.0
ISSUER = "https://gateway.example.com"
CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": "gateway", "iat": NOW - 10, "exp": NOW + 60, "sid": "s1"}
RING = KeyRing.generate()


def verify(ring: KeyRing, token: str, now: float = NOW) -> dict[str, Any] | TokenFault:
    return ring.verify(token, typ="at+jwt", issuer=ISSUER, audience="gateway", now=now)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_token(header: dict[str, Any], claims: object, signature: bytes = b"x" * 64) -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}.{b64(signature)}"


def header_of(token: str) -> dict[str, Any]:
    return jwt.get_unverified_header(token)


def private_pem(key: Any, encryption: Any = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    pem: bytes = key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())
    return pem


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_signed_token_comes_back_with_its_claims(algorithm: Any) -> None:
    ring = KeyRing.generate(algorithm)
    token = ring.sign("at+jwt", CLAIMS)
    assert verify(ring, token) == CLAIMS
    assert header_of(token) == {"alg": algorithm, "typ": "at+jwt", "kid": ring.jwks()["keys"][0]["kid"]}


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_another_program_verifies_with_the_published_keys(algorithm: Any) -> None:
    ring = KeyRing.generate(algorithm)
    claims = {**CLAIMS, "iat": 1_000_000_000, "exp": 32_503_680_000}
    keys = jwt.PyJWKSet.from_dict(ring.jwks())
    token = ring.sign("at+jwt", claims)
    key = next(key for key in keys.keys if key.key_id == header_of(token)["kid"])
    assert jwt.decode(token, key, algorithms=[algorithm], audience="gateway", issuer=ISSUER) == claims


def test_published_keys_hold_no_private_part() -> None:
    for algorithm in ("EdDSA", "ES256"):
        [key] = KeyRing.generate(algorithm).jwks()["keys"]  # type: ignore[arg-type]
        assert "d" not in key
        assert key["use"] == "sig"


def test_a_key_is_named_by_its_thumbprint() -> None:
    # The key and the thumbprint of RFC 8037 appendix A.1 and A.3.
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    pem = private_pem(Ed25519PrivateKey.from_private_bytes(seed))
    assert KeyRing.from_pem(pem).jwks()["keys"][0]["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_keys_rotate_without_logging_anyone_out() -> None:
    old, new = KeyRing.generate("ES256"), KeyRing.generate("EdDSA")
    before = old.sign("at+jwt", CLAIMS)
    second, first = KeyRing.from_pem(old.to_pem() + new.to_pem()), KeyRing.from_pem(new.to_pem() + old.to_pem())
    assert verify(second, before) == verify(first, before) == CLAIMS
    assert verify(second, first.sign("at+jwt", CLAIMS)) == CLAIMS
    assert header_of(second.sign("at+jwt", CLAIMS))["alg"] == "ES256"
    assert header_of(first.sign("at+jwt", CLAIMS))["alg"] == "EdDSA"
    assert verify(new, before) is TokenFault.FORGED


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"iss": "https://other.example.com"}, TokenFault.FOREIGN),
        ({"iss": ISSUER + "/"}, TokenFault.FOREIGN),
        ({"iss": ISSUER[:-1]}, TokenFault.FOREIGN),
        ({"iss": None}, TokenFault.FOREIGN),
        ({"iss": [ISSUER]}, TokenFault.FOREIGN),
        ({"aud": "orders"}, TokenFault.AUDIENCE),
        ({"aud": "gateway2"}, TokenFault.AUDIENCE),
        ({"aud": ["gateway", "orders"]}, TokenFault.AUDIENCE),
        ({"aud": None}, TokenFault.AUDIENCE),
        ({"exp": None}, TokenFault.MALFORMED),
        ({"exp": "2100-01-01"}, TokenFault.MALFORMED),
        ({"exp": True}, TokenFault.MALFORMED),
        ({"exp": -1}, TokenFault.MALFORMED),
        ({"iat": None}, TokenFault.MALFORMED),
        ({"nbf": "soon"}, TokenFault.MALFORMED),
        ({"exp": NOW}, TokenFault.EXPIRED),
        ({"exp": NOW - 3600}, TokenFault.EXPIRED),
        ({"iat": NOW + SKEW + 1}, TokenFault.EARLY),
        ({"nbf": NOW + SKEW + 1}, TokenFault.EARLY),
    ],
)
def test_claims_that_are_no_good(change: dict[str, Any], fault: TokenFault) -> None:
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    assert verify(RING, RING.sign("at+jwt", claims)) is fault


@pytest.mark.parametrize("payload", [b'{"iss": "\xff"}', b'{"iss": ' + b"[" * 5_000, b"\xff\xfe"])
def test_claims_that_cannot_be_read(payload: bytes) -> None:
    header, _, signature = RING.sign("at+jwt", CLAIMS).split(".")
    token = f"{header}.{base64.urlsafe_b64encode(payload).rstrip(b'=').decode()}.{signature}"
    assert verify(RING, token) is TokenFault.FOREIGN


def test_a_clock_that_is_a_little_ahead_is_forgiven_and_an_expiry_never() -> None:
    token = RING.sign("at+jwt", {**CLAIMS, "iat": NOW + SKEW, "nbf": NOW + SKEW, "exp": NOW + 0.5})
    assert isinstance(verify(RING, token), dict)
    assert verify(RING, token, NOW + 0.5) is TokenFault.EXPIRED


@pytest.mark.parametrize("typ", ["JWT", "AT+JWT", "application/at+jwt", "identity+jwt", ""])
def test_a_token_of_another_purpose(typ: str) -> None:
    assert verify(RING, RING.sign(typ, CLAIMS)) is TokenFault.PURPOSE


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_a_token_that_brings_its_own_key(name: str) -> None:
    header = {**header_of(RING.sign("at+jwt", CLAIMS)), name: "https://evil.example.com/jwks"}
    assert verify(RING, raw_token(header, CLAIMS)) is TokenFault.MALFORMED


def test_a_token_with_critical_extensions_is_refused() -> None:
    header = header_of(RING.sign("at+jwt", CLAIMS))
    for critical in (["b64"], ["exp"], [], "b64"):
        assert isinstance(verify(RING, raw_token({**header, "crit": critical}, CLAIMS)), TokenFault)
    assert isinstance(verify(RING, raw_token({**header, "b64": False}, CLAIMS)), TokenFault)


def test_no_algorithm_but_the_keys_own() -> None:
    ring = KeyRing.generate("ES256")
    header = header_of(ring.sign("at+jwt", CLAIMS))
    for alg in ("none", "None", "", "RS256", "EdDSA", "ES384"):
        assert verify(ring, raw_token({**header, "alg": alg}, CLAIMS, b"")) is TokenFault.FORGED
    signing_input, _, _ = raw_token({**header, "alg": "HS256"}, CLAIMS).rpartition(".")
    public = jwt.PyJWK(ring.jwks()["keys"][0]).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mac = hmac.new(public, signing_input.encode(), hashlib.sha256).digest()
    assert verify(ring, f"{signing_input}.{b64(mac)}") is TokenFault.FORGED


def test_a_key_of_another_name_or_none() -> None:
    header = header_of(RING.sign("at+jwt", CLAIMS))
    assert verify(RING, raw_token({**header, "kid": "unknown"}, CLAIMS)) is TokenFault.FORGED
    assert verify(RING, raw_token({"alg": "EdDSA", "typ": "at+jwt"}, CLAIMS)) is TokenFault.FORGED
    assert isinstance(verify(RING, raw_token({**header, "kid": ["a"]}, CLAIMS)), TokenFault)


def test_a_changed_claim_is_forged() -> None:
    token = RING.sign("at+jwt", CLAIMS)
    head, _, signature = token.split(".")
    other = b64(json.dumps({**CLAIMS, "sid": "s2"}).encode())
    assert verify(RING, f"{head}.{other}.{signature}") is TokenFault.FORGED


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "sk_live_abc123xyz456",
        "ü.ü.ü",
        "\udcff.a.b",
        raw_token({"alg": "EdDSA"}, ["no", "object"]),
        raw_token({"alg": "EdDSA"}, "text"),
        f"{b64(b'[1]')}.{b64(b'{}')}.{b64(b'x')}",
        f"{b64(b'{}')}.{b64(b'{' * 3000)}.{b64(b'x')}",
        f"{b64(b'{}')}.{b64(b'[' * 3000)}.{b64(b'x')}",
        f"{b64(b'[' * 3000)}.{b64(b'{}')}.{b64(b'x')}",
        f"{b64(b'{}')}.{b64(bytes([0xFF, 0xFE]))}.{b64(b'x')}",
    ],
)
def test_what_is_no_token_is_foreign(token: str) -> None:
    assert verify(RING, token) is TokenFault.FOREIGN


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_token_has_one_spelling(algorithm: Any) -> None:
    ring = KeyRing.generate(algorithm)
    token = ring.sign("at+jwt", CLAIMS)
    others = [token + "=", token + "==", token + "~", token[:-10] + "~" + token[-10:], token + ".", token + "+/"]
    others += [token[:-1] + last for last in ALPHABET if last != token[-1]]
    assert [verify(ring, other) for other in others if isinstance(verify(ring, other), dict)] == []


def test_a_token_of_unreasonable_length_is_not_taken_apart() -> None:
    token = RING.sign("at+jwt", {**CLAIMS, "filler": "x" * MAX_TOKEN})
    assert verify(RING, token) is TokenFault.FOREIGN


@given(st.text(st.characters(codec="ascii"), max_size=200))
def test_nothing_makes_it_raise(text: str) -> None:
    assert isinstance(verify(RING, text), TokenFault)


def test_keys_are_read_from_files_as_tools_write_them(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    traditional = private_pem(key, form=PrivateFormat.TraditionalOpenSSL)
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    file = tmp_path / "keys.pem"
    file.write_bytes(b"# a remark\n" + parameters + traditional + private_pem(Ed25519PrivateKey.generate()))
    assert [key["alg"] for key in KeyRing.load(file).jwks()["keys"]] == ["ES256", "EdDSA"]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "keys.pem"
    file.write_bytes(RING.to_pem())
    assert KeyRing.load(file).jwks() == RING.jwks()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no private key"),
        (b"secret-looking text", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nsecretbase64\n-----END PRIVATE KEY-----", "cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "CERTIFICATE"),
        (private_pem(rsa.generate_private_key(65537, 2048)), "neither Ed25519 nor EC P-256"),
        (private_pem(ec.generate_private_key(ec.SECP384R1())), "neither Ed25519 nor EC P-256"),
        (private_pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"pw")), "without a password"),
        (b"x" * 70_000, "larger"),
    ],
)
def test_a_file_that_is_of_no_use(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "keys.pem"
    file.write_bytes(content)
    with pytest.raises(KeyRingError, match=complaint) as raised:
        KeyRing.load(file)
    assert str(file) in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match=r"absent\.pem: cannot be read: No such file"):
        KeyRing.load(tmp_path / "absent.pem")


def test_a_ring_without_keys_is_none() -> None:
    with pytest.raises(KeyRingError, match="no private key"):
        KeyRing([])


def test_reprs_show_no_key() -> None:
    ring = KeyRing.generate()
    private = b64(base64.b64decode(b"".join(ring.to_pem().splitlines()[1:-1]))[-32:])
    assert private not in repr(vars(ring))
