"""What the arguments of commands are written like; each raises ArgumentTypeError, a usage error, for what is not."""

from __future__ import annotations

import argparse

_LAST_PORT = 65535
_LONGEST_INTERVAL = 3600


def port(text: str) -> int:
    """Return the port that `text` says, 0 for any."""
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {_LAST_PORT}")
    return int(text)


def seconds(text: str) -> float:
    """Return the seconds that `text` says."""
    if not text.isdecimal() or not 0 < int(text) <= _LONGEST_INTERVAL:
        raise argparse.ArgumentTypeError(f"an interval is a number of seconds from 1 to {_LONGEST_INTERVAL}")
    return float(text)


def header(text: str) -> tuple[bytes, bytes]:
    """Return a header written as `name: value`, as curl takes it."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or "\n" in text or "\r" in text:
        raise argparse.ArgumentTypeError("a header is 'name: value'")
    return name.strip().encode(), value.strip().encode()
