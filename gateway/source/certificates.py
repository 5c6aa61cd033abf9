"""Whom a TLS client trusts, and the certificate that it shows, as a config names them by files."""

from __future__ import annotations

import ssl
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from gateway.source.values import SettingsModel


def client_context(ca_file: str | None, cert_file: str | None = None, key_file: str | None = None) -> ssl.SSLContext:
    """Return the TLS of a client that trusts `ca_file`, else the system's store or `SSL_CERT_FILE`.

    It shows the certificate of `cert_file`, whose key is in `key_file` or in the same file. Raises OSError
    (`ssl.SSLError` is one) for files that cannot be loaded.
    """
    context = ssl.create_default_context(cafile=ca_file)
    if cert_file is not None:
        _load(context, cert_file, key_file)
    return context


def _load(context: ssl.SSLContext, cert_file: str, key_file: str | None) -> None:
    # An empty password, so that an encrypted key is an error and not a question on a terminal.
    context.load_cert_chain(cert_file, key_file, password="")


def _certificates(path: str) -> str:
    try:
        client_context(path)
    except OSError as fault:
        raise ValueError(f"cannot be used: {_why(fault, 'no certificate in PEM is in it')}") from None
    return path


def _why(fault: OSError, of_content: str) -> str:
    return of_content if isinstance(fault, ssl.SSLError) else str(fault.strerror)


CaFile = Annotated[str, AfterValidator(_certificates)]
"""The file of the certificates that are trusted, in PEM; it can be loaded."""


class ClientTlsSettings(SettingsModel):
    """How a server over TLS is verified, by another name than its address where there is one, and what it is shown."""

    ca_file: CaFile | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name: str = ""

    @model_validator(mode="after")
    def _loads(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("a key_file is that of a cert_file, and there is none")
        if self.cert_file is None:
            return self
        try:
            _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self.cert_file, self.key_file)
        except OSError as fault:
            why = _why(fault, "certificate and key are not in PEM, do not fit, or the key has a password")
            raise ValueError(f"cert_file cannot be used: {why}") from None
        return self
