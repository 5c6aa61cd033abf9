"""The header fields of one message as they were received, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.model.memo import FieldNameMemo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_FOLDED = b"!#$%&'*+.^_`|~"
"""What a field name may contain besides letters, digits and the dash (RFC 9110 section 5.6.2)."""

_DASHES = bytes.maketrans(_FOLDED, b"-" * len(_FOLDED))

_SPELLINGS: FieldNameMemo[bytes] = FieldNameMemo()


def spelling(name: bytes) -> bytes:
    """Return the one spelling that CGI-style servers would fold `name` to: lower case, and `-` for every sign.

    Such an upstream sees `X_User_Id`, `x.user.id` and `X-USER-ID` as one variable, so a check that knows only one of
    them can be bypassed (oauth2-proxy CVE-2025-64484). Which signs are folded depends on the server: lighttpd, and
    Apache before 2.4, turn everything that is no letter and no digit into `_`.
    """
    folded = _SPELLINGS.get(name)
    return folded if folded is not None else _SPELLINGS.keep(name, name.lower().translate(_DASHES))


class Headers:
    r"""Header fields in order, with case, duplicates and bytes preserved; look-up by exact lower-case name.

    Bytes, because decoding changes values: aiohttp turns non-UTF-8 bytes into surrogates and drops them when it
    encodes, so `adm\xffin` would arrive as `admin`.

    `by_name` is for those who read it on every request: a method of ours costs more than the look-up. `made` holds what
    pure functions made of these fields alone, each under a key of its own: the same fields may come again.
    """

    __slots__ = ("by_name", "made", "raw")

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self.raw = tuple(raw)
        self.made: dict[object, Any] = {}
        by_name: dict[bytes, list[bytes]] = {}
        for name, value in self.raw:
            lower = name.lower()
            if lower in by_name:
                by_name[lower].append(value)
            else:
                by_name[lower] = [value]
        self.by_name: Mapping[bytes, Sequence[bytes]] = by_name

    def all(self, name: bytes) -> Sequence[bytes]:
        """Return every value of the field `name` (lower case), in order."""
        return self.by_name.get(name, ())

    def __contains__(self, name: bytes) -> bool:
        """Tell whether the field `name` (lower case) is present."""
        return name in self.by_name

    def __repr__(self) -> str:
        """Show names only: values may be secrets."""
        return f"Headers({', '.join(name.decode('latin-1') for name, _ in self.raw)})"
