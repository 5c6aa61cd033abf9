"""Our cookies, cut out of the `Cookie` fields that an upstream is sent, in every spelling that servers fold into them.

RFC 6265 has one separator and no folding. Servers have more: old ones split at commas (RFC 2109), Python's SimpleCookie
at white space; `str.strip` and its like trim no-break spaces; ASP.NET ignores case; PHP makes `_` of a dot, a space and
a bracket, and like Rack has decoded percent-escapes in names (CVE-2020-7070, CVE-2020-8184). What is no cookie of ours
to the reader but one to the upstream would be a credential that nobody judged.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_BLANK = rb"""[\x00-\x20"\x7f-\xff]|%(?:[01][0-9A-F]|20|22|7F|[89A-F][0-9A-F])"""
"""What is trimmed off a name by somebody: white space, of Unicode in any encoding too, control bytes and quotes."""

_JOINTS = b"._[ +"
"""What PHP makes `_` of, and a plus sign, which it reads as a space."""

_SPLIT = bytes.maketrans(_JOINTS, b" " * len(_JOINTS))
_ESCAPED_JOINT = rb"%(?:2E|5F|5B|20)"


class OwnCookies:
    """Cuts the cookies of the configured `names` out of the others. Case counts in a name, as it does to the reader."""

    def __init__(self, names: Collection[bytes]) -> None:
        self._names = frozenset(names)
        self._cores = tuple({_core(name) for name in names})
        self._escaped = re.compile(b"|".join({_escaped(byte) for core in self._cores for byte in core}), re.IGNORECASE)
        self._alike = _pattern(names)

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._names)

    def cut(self, value: bytes, *, keep_own: bool) -> bytes | None:
        """Return one Cookie value without ours, the rest byte for byte; None when nothing is left.

        With `keep_own` those stay that are spelled as the reader has them, and only what passes for one of them goes.
        """
        pairs = value.split(b";")
        names = self._names
        kept = pairs if keep_own else [pair for pair in pairs if pair.partition(b"=")[0].strip(b" \t") not in names]
        if kept and self._resembles(b";".join(kept)):
            kept = [pair for pair in kept if not self._passes_for_own(pair)]
        if len(kept) == len(pairs):
            return value
        return b";".join(kept).strip(b" \t") or None

    def _resembles(self, text: bytes) -> bool:
        """Tell whether a name of ours may be in `text`, in any spelling; nearly always there is none."""
        lower = text.lower()
        for core in self._cores:  # no generator: it would cost more than all the rest
            if core in lower:
                return True
        return b"%" in text and self._escaped.search(text) is not None  # nobody honest escapes a letter

    def _passes_for_own(self, pair: bytes) -> bool:
        if not self._resembles(pair) or pair.partition(b"=")[0].strip(b" \t") in self._names:
            return False
        return self._alike.search(pair) is not None


def _core(name: bytes) -> bytes:
    """Return the longest piece of a name that is not folded but for its case, in lower case."""
    return max(name.lower().translate(_SPLIT).split(b" "), key=len)


def _pattern(names: Collection[bytes]) -> re.Pattern[bytes]:
    """Return what finds a name in a pair: at its beginning, or behind what some server takes for a separator.

    An equals sign follows it, or PHP's bracket: a name without a value says nobody's session. A quote behind an equals
    sign begins another cookie's value, and separates nothing. What may repeat before the name begins where nothing else
    can, so that a long field of it costs no square of its length.
    """
    spelled = b"|".join(b"".join(map(_spelled, name)) for name in names)
    before = rb"(?:\A(?:\+|%b)*|(?:,|(?!(?<==)(?:\"|%%22))(?:%b))\+*)" % (_BLANK, _BLANK)
    behind = rb"(?:\[|(?:\+|%b)*=)" % _BLANK
    return re.compile(before + b"(?:" + spelled + b")" + behind, re.IGNORECASE)


def _spelled(byte: int) -> bytes:
    """Return a pattern for one character of a name, as it stands or percent-encoded."""
    character = bytes((byte,))
    plain = b"[" + re.escape(_JOINTS) + b"]" if character in _JOINTS else re.escape(character)
    return b"(?:" + plain + b"|" + _escaped(byte) + b")"


def _escaped(byte: int) -> bytes:
    """Return a pattern for the escapes of one character of a name, in either case."""
    character = bytes((byte,))
    if character in _JOINTS:
        return _ESCAPED_JOINT
    return rb"%%(?:%02X|%02X)" % (*character.lower(), *character.upper())
