"""A process that does nothing but fork workers: it has no event loop and no thread, so a copy of it is whole.

A copy of a process with a running loop shares that loop's kernel objects, and a copy of one with threads has their
locks but not their threads. The fork server is forked before either exists and stays as it was, so that a worker is
replaced in milliseconds, from memory that all workers share.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import msgspec
from setproctitle import setproctitle

WorkerMain = Callable[[socket.socket], int]
"""Runs a worker on its end of the control channel until that is closed; returns the exit code."""

_FORK = b"f"
_EVENT_BYTES = 64
_WAKE_BYTES = 4096
_SUPERVISOR_SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)
"""Ignored here and in workers: Ctrl-C at a terminal reaches the whole process group, and the supervisor acts on it."""


class Forked(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A worker was forked; these events come in the order of the calls to `fork`."""

    pid: int


class Exited(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A worker has exited; `signal` is the one that killed it, or 0."""

    pid: int
    code: int
    signal: int


ForkServerEvent = Forked | Exited
"""Of each worker, `Forked` comes before `Exited`."""

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[ForkServerEvent] = msgspec.msgpack.Decoder(ForkServerEvent)


class ForkServer:
    """The supervisor's side of the fork server."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def fork(self) -> socket.socket:
        """Fork a worker; return our end of its control channel. Raises OSError when the fork server has gone."""
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._connection, [_FORK], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    def fileno(self) -> int:
        """Return the descriptor to watch: it is readable when there is an event."""
        return self._connection.fileno()

    def next_event(self) -> ForkServerEvent | None:
        """Return the next event; None when the fork server has gone."""
        data = self._connection.recv(_EVENT_BYTES)
        return _decoder.decode(data) if data else None

    def close(self) -> None:
        """Let the fork server exit; workers are not touched."""
        self._connection.close()


def open_fork_server(worker_main: WorkerMain) -> ForkServer:
    """Fork the fork server; to be called before there is a loop or a thread.

    Whatever is open now (listening sockets, standard output) is open in every worker.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sys.stdout.flush()
    sys.stderr.flush()
    # What exists now is never garbage: a collector that skips it leaves its pages shared by all processes.
    gc.collect()
    gc.freeze()
    if os.fork() == 0:
        ours.close()
        _serve(theirs, worker_main)
    theirs.close()
    return ForkServer(ours)


def _serve(connection: socket.socket, worker_main: WorkerMain) -> NoReturn:
    """Fork workers on demand until the supervisor has gone.

    SIGCHLD only wakes the loop, which reaps: a handler that reaped could run between a fork and its event, and an
    exited process would be taken for alive.
    """
    setproctitle("gateway: fork server")
    for number in (signal.SIGTERM, *_SUPERVISOR_SIGNALS):
        signal.signal(number, signal.SIG_IGN)
    wake_reader, wake_writer = socket.socketpair()
    for each in (wake_reader, wake_writer):
        each.setblocking(False)  # noqa: FBT003 - the standard library's signature
    signal.signal(signal.SIGCHLD, _do_nothing)
    signal.set_wakeup_fd(wake_writer.fileno(), warn_on_full_buffer=False)
    with contextlib.suppress(OSError):
        while True:
            ready, _, _ = select.select((connection, wake_reader), (), ())
            if wake_reader in ready:
                wake_reader.recv(_WAKE_BYTES)
                _reap(connection)
            if connection in ready:
                request, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
                if not request:
                    break
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    for each in (connection, wake_reader, wake_writer):
                        each.close()
                    _run_worker(worker_main, socket.socket(fileno=descriptors[0]))
                os.close(descriptors[0])
                connection.send(_encode(Forked(pid)))
    os._exit(0)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Handle SIGCHLD: without a handler, the signal does not write to the wakeup descriptor."""


def _reap(connection: socket.socket) -> None:
    """Send an event for every worker that has exited."""
    with contextlib.suppress(ChildProcessError):
        while (exited := os.waitpid(-1, os.WNOHANG))[0]:
            connection.send(_encode(_exited(*exited)))


def _run_worker(worker_main: WorkerMain, control: socket.socket) -> NoReturn:
    """Run a worker and exit; never return into the fork server's loop."""
    code = 1
    setproctitle("gateway: worker")
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code = worker_main(control)
    except BaseException:  # noqa: BLE001 - the last frame of this process: nobody else would report it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _exited(pid: int, status: int) -> Exited:
    code = os.waitstatus_to_exitcode(status)
    return Exited(pid, max(code, 0), max(-code, 0))
