"""Keys and certificates that `serve` would not start with, as `check` tells them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.config.load import check_file
from gateway.signing import KeyRing
from tests.support.builders.certificates import issued


def problems(folder: Path, **sections: Any) -> list[str]:
    path = folder / "gateway.yaml"
    path.write_text(json.dumps({"secret": "s" * 32, **sections}), encoding="utf-8")
    return [f"{each.path}: {each.text}" for each in check_file(path, {}).problems if not each.warning]


def test_the_certificate_of_the_port_has_its_key(tmp_path: Path) -> None:
    authority = trustme.CA()
    one, other = issued(authority, tmp_path / "one"), issued(authority, tmp_path / "other")
    locked = issued(authority, tmp_path / "locked", password=b"hunter2")
    no_key = ["listen.tls.key_file: holds no key of the certificate's in PEM, or one with a password"]
    for certificate, key, expected in (
        (one.cert_file, one.key_file, []),
        (one.cert_file, other.key_file, no_key),
        (one.cert_file, one.cert_file, no_key),
        (locked.cert_file, locked.key_file, no_key),
        (one.key_file, one.key_file, ["listen.tls.cert_file: holds no certificate in PEM"]),
    ):
        tls = {"cert_file": str(certificate), "key_file": str(key)}
        assert problems(tmp_path, listen={"tls": tls}) == expected


@pytest.mark.parametrize(("label", "words"), [("CERTIFICATE", "holds a block CERTIFICATE"), ("", "holds no private")])
def test_a_key_that_signs_is_a_private_key(tmp_path: Path, label: str, words: str) -> None:
    path = tmp_path / "keys.pem"
    identity = {"token": {"header": "X-Token", "issuer": "https://gateway.example", "keys_file": str(path)}}
    path.write_bytes(KeyRing.generate().to_pem())
    assert problems(tmp_path, identity=identity) == []
    path.write_text(f"-----BEGIN {label}-----\nMA==\n-----END {label}-----\n" if label else "nothing", encoding="utf-8")
    (problem,) = problems(tmp_path, identity=identity)
    assert problem.startswith(f"identity.token.keys_file: {words}")
