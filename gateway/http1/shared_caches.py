"""What keeps an answer out of caches that others are served from.

An answer that carries a credential of ours is its caller's alone, whatever the upstream says of it: a shared cache that
kept a renewed cookie handed it to the next stranger, who was then the one it was made for.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model.decision import HeaderPairs

_CREDENTIALS = frozenset({b"set-cookie", b"x-development-session"})
"""Fields of ours that carry a credential, or clear one."""

_TELLS_CACHES = (b"cache-control", b"surrogate-control")
"""How the names end that tell caches what to keep: of all (RFC 9111), of some (RFC 9213), of those of one product."""

_TELLS_CACHES_TOO = frozenset({b"expires", b"x-accel-expires", b"edge-control", b"pragma"})

_KEPT = frozenset(
    {b"no-store", b"no-cache", b"must-revalidate", b"no-transform", b"immutable", b"max-age", b"stale-if-error"}
)
"""Directives that mean the same to the caller's own cache (RFC 9111 section 5.2.2, RFC 8246, RFC 5861)."""


def carries_credential(caller_headers: HeaderPairs) -> bool:
    """Tell whether one of these fields of ours is a credential of its caller."""
    return any(name.lower() in _CREDENTIALS for name, _ in caller_headers)


def without_credentials(caller_headers: HeaderPairs) -> HeaderPairs:
    """Return the fields that are no credential."""
    return tuple(field for field in caller_headers if field[0].lower() not in _CREDENTIALS)


def private_lines(lines: Iterable[bytes]) -> list[bytes]:
    """Return an answer's field lines as those of one that only its caller may keep (RFC 9111 section 5.2.2.7).

    What the upstream says to the caller's own cache stays: `public, max-age=60` becomes `private, max-age=60`.
    """
    kept: list[bytes] = []
    directives: list[bytes] = [b"private"]
    for line in lines:
        name, _, value = line.partition(b":")
        lower = name.lower()
        if lower == b"cache-control":
            directives += _kept_directives(value)
        elif not lower.endswith(_TELLS_CACHES) and lower not in _TELLS_CACHES_TOO:
            kept.append(line)
    return [*kept, b"Cache-Control: " + b", ".join(dict.fromkeys(directives))]


def _kept_directives(value: bytes) -> list[bytes]:
    if b'"' in value:  # a list of fields (`private="set-cookie"`), which holds commas too
        return [b"no-store"]
    directives = (directive.strip(b" \t").lower() for directive in value.split(b","))
    return [directive for directive in directives if directive.partition(b"=")[0] in _KEPT]
