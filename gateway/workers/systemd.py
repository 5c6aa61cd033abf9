"""Takes sockets from systemd and notifies it of the gateway's state, without its library."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Mapping

import structlog

_log = structlog.get_logger(__name__)

_FIRST_PASSED = 3  # SD_LISTEN_FDS_START


class Notifier:
    """Sends states to the socket that `NOTIFY_SOCKET` names; without one, every call does nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        # `@` stands for the zero byte of an abstract socket (unix(7)).
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self._watchdog = _watchdog(environment)

    def ready(self) -> None:
        """Notify that requests are served, after the start or a reload."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Notify that a reload has begun; `ready` must follow. Type=notify-reload asks for the time."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Notify that the gateway drains."""
        self._send("STOPPING=1")

    async def keep_alive(self) -> None:
        """Notify that the event loop turns, twice within the time after which systemd would restart us (WatchdogSec=).

        To be cancelled at the very end: a draining gateway is watched as well. Returns at once without a watchdog.
        """
        while self._watchdog:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog / 2)

    def _send(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)  # noqa: FBT003 - the standard library's signature
                sender.sendto(state.encode("ascii"), self._address)
        except OSError as error:
            _log.warning("systemd_notify_failed", state=state.partition("=")[0], fault=error.strerror)


def passed_sockets(environment: Mapping[str, str], name: str) -> list[socket.socket]:
    """Return the sockets of that name that systemd has handed over (sd_listen_fds_with_names(3)); raises OSError.

    They are ours once: systemd keeps its own, so that connections wait there while there is no gateway.
    """
    ours = environment.get("LISTEN_PID") == str(os.getpid())
    count = environment.get("LISTEN_FDS", "")
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    found = []
    for place in range(int(count) if ours and count.isdecimal() else 0):
        if place < len(names) and names[place] == name:
            os.set_inheritable(_FIRST_PASSED + place, False)  # noqa: FBT003 - the standard library's signature
            found.append(socket.socket(fileno=_FIRST_PASSED + place))
    if not found:
        raise FileNotFoundError(errno.ENOENT, "systemd has handed over no socket of that name")
    return found


def _watchdog(environment: Mapping[str, str]) -> float:
    """Return the seconds without a notification that systemd allows, or 0 (sd_watchdog_enabled(3))."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 1e6 if ours and microseconds.isdecimal() else 0.0
