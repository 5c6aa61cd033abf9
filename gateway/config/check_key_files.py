"""Keys and certificates of our own that `serve` would not start with; `serve` itself finds them when it loads them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from gateway.authorities.directory import DirectorySettings
from gateway.config.partial import PartialConfig
from gateway.config.settings import TlsSettings
from gateway.model.errors import KeyRingError, Problem
from gateway.source.document import KeyPath


def check_key_files(config: PartialConfig) -> Iterator[Problem]:
    """Yield files that are there and hold no key, or a certificate where its key belongs."""
    tls = config.sections.listen.tls
    if tls is not None and tls.cert_file.exists() and tls.key_file.exists():
        yield from _pair(config, tls)
    for path, file in _signing_keys(config):
        if file.exists() and (fault := _fault_of_keys(file)):
            yield config.problem(fault, *path)


def _signing_keys(config: PartialConfig) -> Iterator[tuple[KeyPath, Path]]:
    token = config.sections.identity.token
    if token is not None:
        yield ("identity", "token", "keys_file"), Path(token.keys_file)
    for name, authority in config.authorities.items():
        if isinstance(authority, DirectorySettings) and authority.tokens is not None:
            yield ("authorities", name, "tokens", "keys_file"), Path(authority.tokens.keys_file)


def _fault_of_keys(file: Path) -> str:
    from gateway.signing import KeyRing  # noqa: PLC0415 - loads cryptography, for who has such a file alone

    try:
        KeyRing.load(file)
    except KeyRingError as fault:
        return str(fault).removeprefix(f"{file}: ")
    return ""


def _pair(config: PartialConfig, tls: TlsSettings) -> Iterator[Problem]:
    """Yield a certificate and a key that are not each other's; a question for a key's password is never asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(tls.cert_file)
    except OSError as fault:
        why = "holds no certificate in PEM" if isinstance(fault, ssl.SSLError) else f"cannot be read: {fault.strerror}"
        yield config.problem(why, "listen", "tls", "cert_file")
        return
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except OSError as fault:
        no_key = "holds no key of the certificate's in PEM, or one with a password"
        why = no_key if isinstance(fault, ssl.SSLError) else f"cannot be read: {fault.strerror}"
        yield config.problem(why, "listen", "tls", "key_file")
