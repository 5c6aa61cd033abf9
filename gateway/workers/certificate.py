"""TLS on the public port, with a certificate that can be replaced while connections stand."""

from __future__ import annotations

import ssl

from gateway.config.settings import TlsSettings
from gateway.model.errors import GatewayError


def load_certificate(settings: TlsSettings) -> ssl.SSLContext:
    """Return a context that shows the certificate of `settings`; raises GatewayError, which names the files.

    TLS 1.2 at least, with Python's choice of ciphers, and HTTP/1.1 alone is offered (RFC 7301).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # each handshake costs us more than the caller (CVE-2011-1473)
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a callback OpenSSL would ask at the terminal for the password of a key that has one.
        context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; its text may name a library's source file
        said = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else "no pair"
        text = f"listen.tls: {settings.cert_file} and {settings.key_file} cannot be used: {said}"
        raise GatewayError(text) from error
    return context


class Certificate:
    """The context that the public port listens with; each handshake is shown what `use` was last told.

    A handshake's own context is changed instead of this one's certificate: OpenSSL keeps one certificate for each kind
    of key, so that an old RSA certificate would go on being shown beside a new one of another kind.
    """

    def __init__(self, first: ssl.SSLContext) -> None:
        self._shown = first
        self.context = first
        self.context.sni_callback = self._show

    def use(self, context: ssl.SSLContext) -> None:
        """Show the certificate of `context` from the next handshake on."""
        self._shown = context

    def _show(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if self._shown is not self.context:
            handshake.context = self._shown


def _no_password() -> str:
    raise ValueError("a key with a password")
