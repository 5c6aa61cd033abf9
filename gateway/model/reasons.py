"""Why something of the system or the network failed, in plain words: never a class, an address or what was sent."""

from __future__ import annotations

import errno
import os
import re

_WORDS: dict[int, str] = {
    errno.ECONNREFUSED: "nobody listens there (connection refused)",
    errno.ECONNRESET: "the connection was cut",
    errno.EPIPE: "the connection was cut",
    errno.ECONNABORTED: "the connection was cut",
    errno.ETIMEDOUT: "it does not answer",
    errno.EHOSTUNREACH: "there is no way to that host",
    errno.ENETUNREACH: "there is no way to that network",
    errno.EMFILE: "too many files and connections are open",
}
_ERRNO = re.compile(r"\[Errno (\d{1,3})\]", re.ASCII)
_TLS_REASONS = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS",
    "HTTP_REQUEST": "it does not speak TLS",
    "RECORD_LAYER_FAILURE": "it does not speak TLS",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it wants a certificate of ours",
}


def reason_of(error: BaseException) -> str:
    """Return why, by the error's class and number: the text of an error may quote an address, a URL or a secret."""
    import socket  # noqa: PLC0415 - an error of theirs is there only where they are loaded
    import ssl  # noqa: PLC0415

    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        return _TLS_REASONS.get(reason) or f"TLS failed ({reason.replace('_', ' ').lower() or 'the connection ended'})"
    if isinstance(error, socket.gaierror):
        return "its host name is not known" if error.errno != socket.EAI_AGAIN else "the name service does not answer"
    if isinstance(error, TimeoutError) and error.errno is None:
        return "it did not answer in time"
    if isinstance(error, OSError):
        return _of_system(error)
    return "it ended the connection" if isinstance(error, EOFError) else "for an unexpected reason"


def _of_system(error: OSError) -> str:
    number = error.errno
    if number is None:  # one error for all addresses of a host holds theirs in its text
        found = _ERRNO.search(str(error))
        number = int(found[1]) if found else None
    if number is None:
        return "the connection was cut" if isinstance(error, ConnectionError) else "for an unexpected reason"
    return _WORDS.get(number) or os.strerror(number)
