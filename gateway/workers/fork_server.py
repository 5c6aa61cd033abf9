"""A process that does nothing but fork workers: it has no event loop and no thread, so a copy of it is whole.

A copy of a process with a running loop shares that loop's kernel objects with it, and a copy of one with threads has
their locks but not their threads. The nursery is forked off before either exists and stays as it was, so that a worker
is replaced in milliseconds, from memory that all of them share.
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

BeWorker = Callable[[socket.socket], int]
"""Given its end of the control channel, works until it is told to end; returns the exit code."""

_FORK = b"f"
_NEWS_BYTES = 64
_WAKE_BYTES = 4096
_LEFT_TO_THE_SUPERVISOR = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)
"""Ctrl-C at a terminal reaches the whole process group; what is to be done is the supervisor's to say."""


class Forked(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A worker that was made: they are in the order in which they were asked for."""

    pid: int


class Exited(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A worker that has ended; `signal` is the one that killed it, or 0."""

    pid: int
    code: int
    signal: int


ForkServerEvent = Forked | Exited
"""The birth of each worker is told before its end."""

_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[ForkServerEvent] = msgspec.msgpack.Decoder(ForkServerEvent)


class ForkServer:
    """The supervisor's side."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def fork(self) -> socket.socket:
        """Have a worker made; return our end of its control channel. Raises OSError when the nursery has gone."""
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._line, [_FORK], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    def fileno(self) -> int:
        """Return what to watch: it is readable when there is news."""
        return self._line.fileno()

    def news(self) -> ForkServerEvent | None:
        """Return who was made or has ended; None when the nursery itself has."""
        told = self._line.recv(_NEWS_BYTES)
        return _decoder.decode(told) if told else None

    def close(self) -> None:
        """Let the nursery end; workers are not touched."""
        self._line.close()


def open_fork_server(be_worker: BeWorker) -> ForkServer:
    """Fork the nursery off; to be called before there is a loop or a thread.

    Whatever is open now (listening sockets, standard output) is open in every worker.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork() == 0:
        ours.close()
        _serve(theirs, be_worker)
    theirs.close()
    return ForkServer(ours)


def _serve(line: socket.socket, be_worker: BeWorker) -> NoReturn:
    """Fork on demand until the supervisor has gone.

    An end wakes the loop and is told by it, not by the signal's handler: that one could run between a fork and the news
    of it, and a process would be taken for alive that has ended already.
    """
    for number in (signal.SIGTERM, *_LEFT_TO_THE_SUPERVISOR):
        signal.signal(number, signal.SIG_IGN)
    woken, waking = socket.socketpair()
    for each in (woken, waking):
        each.setblocking(False)  # noqa: FBT003 - the standard library's signature
    signal.signal(signal.SIGCHLD, _do_nothing)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    # What is here now is never garbage: not to look at it keeps its pages shared by all workers.
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError):
        while True:
            ready, _, _ = select.select((line, woken), (), ())
            if woken in ready:
                woken.recv(_WAKE_BYTES)
                _reap(line)
            if line in ready:
                order, descriptors, _, _ = socket.recv_fds(line, 1, 1)
                if not order:
                    break
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    for each in (line, woken, waking):
                        each.close()
                    _work(be_worker, socket.socket(fileno=descriptors[0]))
                os.close(descriptors[0])
                line.send(_encode(Forked(pid)))
    os._exit(0)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Be a handler: without one, a signal wakes nobody."""


def _reap(line: socket.socket) -> None:
    """Tell of everybody who has ended."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            line.send(_encode(_exited(*ended)))


def _work(be_worker: BeWorker, control: socket.socket) -> NoReturn:
    """Be a worker; whatever happens, never return into the nursery's loop."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code = be_worker(control)
    except BaseException:  # noqa: BLE001 - the last frame of this process: nobody else would tell
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _exited(pid: int, status: int) -> Exited:
    code = os.waitstatus_to_exitcode(status)
    return Exited(pid, max(code, 0), max(-code, 0))
