"""Ports of loopback that nobody else is given by chance."""

from __future__ import annotations

import contextlib
import secrets
import socket

_LOWEST, _HIGHEST = 15_000, 32_000
"""Below what Linux (from 32768) and macOS (from 49152) give to whoever asks for any port: one of those that is free now
may be the next connection's, and tests run side by side."""


def free_port() -> int:
    """Return a port that nobody uses, for a server that is to be started there, or as a place where nobody answers."""
    while True:
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)  # not `random`: each process of a run has the same seed
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
