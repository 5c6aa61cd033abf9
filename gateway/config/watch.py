"""Notices that the config file, or a file that it names, was replaced or rewritten."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

Signature = tuple[tuple[int, int, int, int] | None, ...]


def signature(files: Iterable[Path]) -> Signature:
    """Return what changes with the files; None stands for one that is not there.

    Symbolic links are followed: Kubernetes replaces a ConfigMap by pointing a link at another folder. The inode tells
    two files apart that were written in the same instant.
    """
    return tuple(map(_stat, files))


class Watch:
    """Asked now and then, tells whether there is something new to load."""

    def __init__(self) -> None:
        self._before: Signature = ()
        self._tried: Signature = ()

    def is_due(self, files: Iterable[Path], seen: Signature) -> bool:
        """Tell whether `files` differ from how they were `seen`, and stand still since the last time this was asked.

        An editor, or `cp`, writes a file in several steps: half of a config is not loaded. What was told once is not
        told again, since the same broken config is not better a second later.
        """
        now = signature(files)
        stands_still, self._before = now == self._before, now
        if not stands_still or now in {seen, self._tried}:
            return False
        self._tried = now
        return True


def _stat(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - one system call, many times
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
