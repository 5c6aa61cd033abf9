"""The header fields of one message as they were received, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model.memo import FieldNameMemo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_FOLDED = b"!#$%&'*+.^_`|~"
"""What a field name may hold besides letters, digits and the dash (RFC 9110 section 5.6.2)."""

_DASHES = bytes.maketrans(_FOLDED, b"-" * len(_FOLDED))

_SPELLINGS: FieldNameMemo[bytes] = FieldNameMemo()


def spelling(name: bytes) -> bytes:
    """Return the one spelling that CGI-style servers would fold `name` to: lower case, and `-` for every sign.

    `X_User_Id`, `x.user.id` and `X-USER-ID` reach such an upstream as the same variable, so a check that knows only
    one of them is a way around it (oauth2-proxy CVE-2025-64484). Which signs are folded depends on the server:
    lighttpd, and Apache before 2.4, make `_` of everything that is no letter and no digit.
    """
    known = _SPELLINGS.get(name)
    return known if known is not None else _SPELLINGS.keep(name, name.lower().translate(_DASHES))


class Headers:
    r"""Header fields in order, with case, duplicates and bytes kept; look-up by exact lower-case name.

    Bytes, because a decoded value is another value: aiohttp turns non-UTF-8 bytes into surrogates and drops them on
    the way out, so `adm\xffin` would arrive as `admin`.

    `by_name` is for those who read it on every request: a method of ours costs more than the look-up.
    """

    __slots__ = ("by_name", "raw")

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self.raw = tuple(raw)
        by_name: dict[bytes, list[bytes]] = {}
        for name, value in self.raw:
            lower = name.lower()
            if lower in by_name:
                by_name[lower].append(value)
            else:
                by_name[lower] = [value]
        self.by_name: Mapping[bytes, Sequence[bytes]] = by_name

    def all(self, name: bytes) -> Sequence[bytes]:
        """Return every value of the field `name` (lower case), in order; empty when there is none."""
        return self.by_name.get(name, ())

    def __contains__(self, name: bytes) -> bool:
        """Tell whether the field `name` (lower case) is there."""
        return name in self.by_name

    def __repr__(self) -> str:
        """Names only: values may be secrets."""
        return f"Headers({', '.join(name.decode('latin-1') for name, _ in self.raw)})"
