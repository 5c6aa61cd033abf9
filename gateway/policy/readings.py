"""What other programs make of a path: each is right by its own rules, and serves what it reads.

A path that one of them reads as the path of another route is no path that can be judged by itself alone: the upstream
might serve what that route guards (Traefik CVE-2026-48020, oathkeeper CVE-2026-33494).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import unquote

from gateway.model.target import Oddity, Target, any_bytes_readings

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gateway.model.route import Route

_SLASHES = re.compile(r"//+")
_PARAMETER = re.compile(r"(?:;|%3B)[^/]*")
_ODD = re.compile(r"%(?:[01][0-9A-F]|5C|7F|C[01]|E0|F[08C])")  # what may have the readings of `any_bytes_readings`
_READ_TWO_WAYS = re.compile(rf"//|;|%2F|%3B|{_ODD.pattern}")
_AUTHORITY = re.compile(r"//[^/]*")

_DROPPED = (".", " ")
_ENDS = re.compile(r"(?<![. ])[. ]++(?=/|\Z)")

_ONE_READING: frozenset[str] = frozenset()


def other_readings(path: str, prefix: str = "") -> AbstractSet[str]:
    """Return a matched path as read by programs that drop parameters, decode slashes, or do both in either order.

    Servlet containers and WSGI's PATH_INFO do. Empty segments are merged, as most servers do; to some, two slashes at
    the beginning of what they are sent, which is without the route's `prefix`, are followed by a host.
    """
    if _READ_TWO_WAYS.search(path) is None:
        return _ONE_READING
    readings = set()
    for each in any_bytes_readings(path) if _ODD.search(path) else (path,):
        decoded, dropped = each.replace("%2F", "/"), _PARAMETER.sub("", each)
        readings |= {each, decoded, dropped, _PARAMETER.sub("", decoded), dropped.replace("%2F", "/")}
    readings |= {_SLASHES.sub("/", reading) for reading in readings}
    start = f"{prefix}//"
    behind = [each[len(prefix) :] for each in readings if each.startswith(start)]
    hostless = {prefix + (_AUTHORITY.sub("", each, count=1) or "/") for each in behind}
    return readings | hostless | {_SLASHES.sub("/", reading) for reading in hostless}


def refused_oddity(target: Target, route: Route | None) -> Oddity | None:
    """Return what of a target's oddities its route does not allow; without a route all are refused."""
    for oddity in sorted(target.oddities):
        if route is None or not getattr(route, oddity.value):
            return oddity
    return None


def folded(path: str) -> str:
    """Return the one spelling of every path that a program takes for the same which ignores letter case.

    Express, IIS and ASP.NET do by default. They match the decoded path, so every escape is decoded as well. Windows
    takes compatibility forms for the letter itself (a full-width `A`), and drops dots and blanks at a name's end.
    """
    plain = normalize("NFKC", unquote(path, errors="surrogateescape")).upper() if "%" in path else path
    spelled = plain.casefold()
    if spelled.endswith(_DROPPED) or any(f"{each}/" in spelled for each in _DROPPED):
        return _ENDS.sub("", spelled)
    return spelled
