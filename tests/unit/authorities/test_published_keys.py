"""What each entry of a key set may verify, and that an odd one spoils nothing but itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448

from gateway.authorities.published_keys import PublishedKeys, both_names, read_key_set
from tests.support.servers.issuer import EC_KEY, ED_KEY, OTHER_EC_KEY, RSA_KEY, SHORT_RSA_KEY, jwk

EVERY = frozenset({"RS256", "PS256", "ES256", "EdDSA", "Ed25519"})
ED448_KEY = ed448.Ed448PrivateKey.generate()
EDWARDS = {"EdDSA", "Ed25519"}


def read(*keys: Any, algorithms: frozenset[str] = EVERY) -> PublishedKeys:
    published = read_key_set(json.dumps({"keys": keys}).encode(), algorithms)
    assert published is not None
    return published


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (jwk(RSA_KEY, "k"), {"RS256", "PS256"}),
        (jwk(RSA_KEY, "k", alg="PS256"), {"PS256"}),
        (jwk(RSA_KEY, "k", alg="HS256"), set()),
        (jwk(RSA_KEY, "k", use="enc"), set()),
        (jwk(RSA_KEY, "k", key_ops=["encrypt"]), set()),
        (jwk(SHORT_RSA_KEY, "k"), set()),
        (jwk(EC_KEY, "k"), {"ES256"}),
        (jwk(EC_KEY, "k", alg="RS256"), set()),
        (jwk(EC_KEY, "k", crv="P-384"), set()),
        (jwk(ED_KEY, "k"), EDWARDS),
        (jwk(ED_KEY, "k", alg="EdDSA"), EDWARDS),
        (jwk(ED_KEY, "k", alg="Ed25519"), EDWARDS),
        (jwk(ED448_KEY, "k"), {"EdDSA"}),
        (jwk(EC_KEY, "k", use=None, key_ops=None, alg=None, x5c=None), {"ES256"}),
        (jwk(EC_KEY, "k", crv=None), set()),
        (jwk(EC_KEY, "k", crv="secp256k1"), set()),
        (jwk(EC_KEY, "k", x=5), set()),
        (jwk(EC_KEY, "k", x="AA"), set()),
        (jwk(RSA_KEY, "k", e="AA"), set()),
        (jwk(RSA_KEY, "k", n=None), set()),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "HS256"}, set()),
        ({"kty": "EC", "crv": "P-256", "kid": "k"}, set()),
        ({"kty": ["EC"], "kid": "k"}, set()),
        ({"kid": "k"}, set()),
        (jwk(EC_KEY, "k", key_ops=5), set()),
    ],
)
def test_a_key_verifies_the_algorithms_of_its_kind_alone(key: dict[str, Any], algorithms: set[str]) -> None:
    published = read(key)
    assert {algorithm for algorithm in EVERY if published.named("k", algorithm)} == algorithms


@pytest.mark.parametrize(
    "entry",
    [
        *(None, 5, "text", [], True, {}, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": 5}, {"kty": None}),
        {"kty": "EC", "crv": "P-256", "x": {}},
        *(jwk(EC_KEY, "k", crv="P-9000"), jwk(EC_KEY, "k", key_ops=5), jwk(RSA_KEY, "k", n="!")),
    ],
)
def test_an_entry_that_cannot_be_used_spoils_itself_alone(entry: Any) -> None:
    published = read(entry, jwk(OTHER_EC_KEY, "good"), entry)
    assert len(published.named("good", "ES256")) == 1
    assert not published.named("k", "ES256")


@pytest.mark.parametrize("name", [None, 7])
def test_a_name_that_is_no_text(name: Any) -> None:
    published = read({**jwk(EC_KEY, None), "kid": name})
    assert len(published.unnamed("", "ES256")) == 1
    assert len(published.unnamed("another", "ES256")) == (1 if name is None else 0)
    assert len(published.named(str(name), "ES256")) == (0 if name is None else 1)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"keys": 1}', b'{"keys": {}}', b"[" * 20_000, b"\xff"])
def test_what_is_no_key_set(body: bytes) -> None:
    assert read_key_set(body, EVERY) is None


@pytest.mark.parametrize("body", [b"{}", b'{"keys": null}', b'{"keys": []}', b'{"keys": [null]}'])
def test_a_set_without_keys(body: bytes) -> None:
    published = read_key_set(body, EVERY)
    assert published is not None
    assert not published.by_algorithm


def test_a_set_of_a_million_keys_is_read_no_further_than_its_first() -> None:
    assert len(read(*([jwk(EC_KEY, None)] * 200)).unnamed("", "ES256")) == 64


def test_whoever_lists_either_name_of_edwards_means_both() -> None:
    assert both_names({"EdDSA", "ES256"}) == both_names({"Ed25519", "ES256"}) == EDWARDS | {"ES256"}
    assert both_names({"ES256"}) == {"ES256"}
