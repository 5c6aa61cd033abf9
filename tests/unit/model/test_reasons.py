from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from gateway.model.reasons import reason_of


def not_trusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "hunter2")
    error.verify_message = "self-signed certificate."
    return error


def of_tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "hunter2")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "hunter2"), "nobody listens there (connection refused)"),
        (ConnectionResetError("hunter2"), "the connection was cut"),
        (OSError("Multiple exceptions: [Errno 111] hunter2 ('::1', 1)"), "nobody listens there (connection refused)"),
        (TimeoutError("hunter2"), "it did not answer in time"),
        (TimeoutError(errno.ETIMEDOUT, "hunter2"), "it does not answer"),
        (socket.gaierror(socket.EAI_NONAME, "hunter2"), "its host name is not known"),
        (socket.gaierror(socket.EAI_AGAIN, "hunter2"), "the name service does not answer"),
        (FileNotFoundError(errno.ENOENT, "hunter2"), os.strerror(errno.ENOENT)),
        (not_trusted(), "its certificate is not trusted: self-signed certificate"),
        (of_tls("WRONG_VERSION_NUMBER"), "it does not speak TLS"),
        (of_tls("NO_SHARED_CIPHER"), "TLS failed (no shared cipher)"),
        (of_tls(""), "TLS failed (the connection ended)"),
        (OSError("hunter2"), "for an unexpected reason"),
        (EOFError("hunter2"), "it ended the connection"),
        (ValueError("hunter2"), "for an unexpected reason"),
    ],
)
def test_a_fault_is_worded_without_its_text(error: BaseException, reason: str) -> None:
    assert reason_of(error) == reason
