"""Certificates of an authority that only a test trusts."""

from __future__ import annotations

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.config.settings import TlsSettings


def issued(
    authority: trustme.CA,
    folder: Path,
    *,
    key_type: trustme.KeyType = trustme.KeyType.ECDSA,
    password: bytes | None = None,
) -> TlsSettings:
    """Write a certificate for this machine, and its key, into `folder`; the same folder again replaces them."""
    folder.mkdir(exist_ok=True)
    made = authority.issue_cert("gateway.test", "127.0.0.1", key_type=key_type)
    certificate, key = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    pem = made.private_key_pem.bytes()
    if password is not None:
        private = load_pem_private_key(pem, None)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    key.write_bytes(pem)
    return TlsSettings(cert_file=certificate, key_file=key)
