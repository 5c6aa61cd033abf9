"""What other programs make of a path: each is right by its own rules, and serves what it reads.

A path that one of them reads as the path of another route is no path that can be judged by itself alone: the upstream
might serve what that route guards (Traefik CVE-2026-48020, oathkeeper CVE-2026-33494).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_SLASH = "%2F"
_SLASHES = re.compile(r"//+")
_PARAMETER = re.compile(r"(?:;|%3B)[^/]*")
_READ_TWO_WAYS = re.compile(r"%2F|;|%3B")

_DROPPED = (".", " ")
_ENDS = re.compile(r"(?<![. ])[. ]++(?=/|\Z)")

_ONE_READING: frozenset[str] = frozenset()


def other_readings(path: str) -> AbstractSet[str]:
    """Return a matched path as read by programs that drop parameters, decode slashes, or do both in either order.

    Servlet containers and WSGI's PATH_INFO do. Empty segments that result are merged, as most servers do.
    """
    if _READ_TWO_WAYS.search(path) is None:
        return _ONE_READING
    decoded, dropped = path.replace(_SLASH, "/"), _PARAMETER.sub("", path)
    readings = {decoded, dropped, _PARAMETER.sub("", decoded), dropped.replace(_SLASH, "/")}
    return {_SLASHES.sub("/", reading) for reading in readings}


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
