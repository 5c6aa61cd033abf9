"""Socket files to listen at: made for those who may connect, and removed by whoever made them."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

import msgspec


class OwnFile(msgspec.Struct, frozen=True):
    """A socket file that this process made.

    `made` tells it from one that has taken its place: its inode, which may be used again at once, and when it was made.
    """

    path: str
    made: tuple[int, int, int]

    def remove(self) -> None:
        """Remove the file, unless another gateway has made one there since."""
        with contextlib.suppress(OSError):
            if _identity(Path(self.path).lstat()) == self.made:
                Path(self.path).unlink()


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_dev, found.st_ino, found.st_mtime_ns


def bind_file(path: str, mode: int) -> tuple[socket.socket, OwnFile]:
    """Return a socket that is bound to a new file of `mode`; raises OSError.

    One that a gateway left behind is replaced. What another process listens at, and what is no socket, is left alone.
    """
    _remove_stale(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Not chmod(2) afterwards: until then others could connect, or have put something else at that place.
    umask = os.umask(0o777 & ~mode)
    try:
        bound.bind(path)
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(umask)
    return bound, OwnFile(path, _identity(Path(path).lstat()))


def _remove_stale(path: str) -> None:
    """Remove a socket file at which nobody listens; raises OSError for anything else that is there."""
    try:
        found = Path(path).lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):  # a link too: it would lead wherever its maker wants
        raise FileExistsError(errno.EEXIST, "there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # noqa: FBT003 - the standard library's signature
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            OwnFile(path, _identity(found)).remove()
            return
        except BlockingIOError:  # its queue is full: somebody listens
            pass
    raise OSError(errno.EADDRINUSE, "another process listens there")
