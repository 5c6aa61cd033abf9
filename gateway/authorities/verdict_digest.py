"""A digest of the settings by which an authority judges."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

_BYTES = 16


def verdict_digest(kind: str, *settings: str | float | Sequence[str] | dict[str, str] | None) -> bytes:
    """Return 16 bytes that differ when the kind or any of `settings` does.

    It is part of every cache key (DESIGN section 4): an answer that was given under one audience is not served under
    another. JSON keeps the parts apart, so that no two settings run into one.
    """
    return hashlib.blake2b(msgspec.json.encode([kind, *settings], order="deterministic"), digest_size=_BYTES).digest()
