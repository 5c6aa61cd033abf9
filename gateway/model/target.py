"""The request target in canonical form, made once: what is judged is what is sent.

The oldest way around an authenticating proxy is a path that two programs read differently: the proxy judges
`/public/../admin` as public and the upstream serves `/admin` (oathkeeper CVE-2026-33494, Envoy CVE-2021-29492). So a
target that two correct programs could read as different paths is refused here, and every other one has one reading:

- escapes of unreserved characters are decoded (RFC 3986 section 6.2.2.2); every other escape stays as it was sent;
- dot segments, bare backslashes and control characters, and broken escapes are refused, also where decoding makes them;
- empty segments, encoded backslashes and control characters, and escapes that are not UTF-8 are refused unless a route
  allows them, and so is an encoded slash where decoding it would make an empty segment; else it stays in its segment.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from unicodedata import normalize
from urllib.parse import quote, unquote, unquote_to_bytes

import msgspec

from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode, mistake

# Segments of unreserved characters, sub-delims (without `;`), `:` and `@` that are not `.` or `..`: nearly every real
# path, recognised in one pass.
_PLAIN = re.compile(r"(?=/)((?:/(?!\.{1,2}(?:[/?]|\Z))[A-Za-z0-9\-._~!$&'()*+,=:@]+)*/?)(?:\?([!-\"$-~]*))?", re.ASCII)
_PLAIN_QUERY = re.compile(r"[!-\"$-~]*", re.ASCII)  # visible ASCII without `#`
_QUERY = re.compile(r"[!-\"$-~\x80-\U0010ffff]*")
_NOT_ASCII = re.compile(r"[\x80-\U0010ffff]+")
_VISIBLE = re.compile(r"[!-\"$-\[\]-~]*", re.ASCII)  # visible ASCII without `#` and backslash
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL_ESCAPE = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_BACKSLASH = re.compile(r"\\|%5[Cc]")
_ODD_ESCAPE = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff]|5[Cc])")  # control characters and the backslash
_OVERLONG = re.compile(
    r"(?:%[Cc][01]|%[Ee]0%8[01]|%[Ff]0%80%8[01]|%[Ff]8%80%80%8[01]|%[Ff][Cc]%80%80%80%8[01])%[89AaBb][0-9A-Fa-f]"
)
"""ASCII in two to six bytes, which UTF-8 has not (RFC 3629 section 3)."""
_ENCODED_SLASH = re.compile(r"%2[Ff]")
_EMPTY_WHEN_DECODED = re.compile(r"(?:/|%2[Ff])%2[Ff]|%2[Ff]/")
_PARAMETERS = re.compile(r";|%3[Bb]")
_SEPARATORS = re.compile(r"[/\\]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Oddity(StrEnum):
    """What servers read in several ways, so that a route has to allow it; each is the name of the route's key."""

    PATH_PARAMETERS = "path_parameters"
    ENCODED_SLASHES = "encoded_slashes"
    EMPTY_SEGMENTS = "empty_segments"
    ANY_BYTES = "any_bytes"


_WHY = {
    Oddity.PATH_PARAMETERS: "the path has parameters, and no route here allows them",
    Oddity.ENCODED_SLASHES: "the path holds an empty segment where its encoded slashes are decoded",
    Oddity.EMPTY_SEGMENTS: "the path holds an empty segment",
    Oddity.ANY_BYTES: "the path holds an encoded control character or backslash, or escapes that are not UTF-8",
}
NOTHING_ODD: frozenset[Oddity] = frozenset()
ALWAYS_READ = (Oddity.PATH_PARAMETERS,)
"""What is read whatever the routes allow, and refused where the route does not."""


def oddity_refusal(oddity: Oddity) -> Refusal:
    """Return why a path with `oddity` is refused where the route does not allow it."""
    return mistake(RefusalCode.MALFORMED, _WHY[oddity])


class Target(msgspec.Struct, frozen=True, gc=False):
    """A request target that has one reading, but for its `oddities`, which a route has to allow.

    `path` is canonical and is what is forwarded. `match` is the same with escapes in upper case, so that `%2f` and
    `%2F` match the same route. `query` is without its `?`, `None` when there is none, and takes no part in matching.
    """

    path: str
    match: str
    query: str | None = None
    oddities: frozenset[Oddity] = NOTHING_ODD

    def __str__(self) -> str:
        """Return the origin-form (RFC 9112 section 3.2.1), as it is forwarded."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def beneath(self, prefix: str) -> str:
        """Return the path without a route's prefix; a path that is not beneath it stays whole."""
        if not self.path.startswith(prefix):
            return self.path
        rest = self.path[len(prefix) :]
        return (rest or "/") if not rest or rest[0] == "/" else self.path


def parse_target(raw: str, allowed: Collection[Oddity] = ALWAYS_READ) -> Target:
    """Parse a request target in origin-form (RFC 9112 section 3.2.1); `allowed` is what some route allows.

    Raises MalformedError (400) for every other form and for a target that has two readings.
    """
    plain = _PLAIN.fullmatch(raw)
    if plain is not None:
        path, query = plain.groups()
        return Target(path, path, query)
    path, mark, query = raw.partition("?")
    if not _PLAIN_QUERY.fullmatch(query):
        query = _plain_query(query)
    query_or_none = query if mark else None
    canonical, oddities = _canonical(path)
    if _PARAMETERS.search(canonical) is not None:
        oddities.add(Oddity.PATH_PARAMETERS)
    for oddity in oddities:
        if oddity not in allowed:
            raise MalformedError(oddity_refusal(oddity))
    match = _ESCAPE.sub(lambda escape: escape[0].upper(), canonical)
    return Target(canonical, match, query_or_none, frozenset(oddities))


def _plain_query(query: str) -> str:
    """Return a query with what is not ASCII percent-encoded, as browsers send it (WHATWG URL, "query state")."""
    if not _QUERY.fullmatch(query):
        raise _malformed("the query holds a control or fragment character")
    return _NOT_ASCII.sub(lambda text: quote(text[0].encode("utf-8", "surrogateescape")), query)


def _canonical(path: str) -> tuple[str, set[Oddity]]:
    if not path.startswith("/"):
        raise _malformed("the target is not in origin-form")
    if not _VISIBLE.fullmatch(path):
        raise _malformed("the path holds a control, non-ASCII, backslash or fragment character")
    if _BROKEN_ESCAPE.search(path):
        raise _malformed("the path holds a broken percent-escape")
    decoded = _ESCAPE.sub(_decode_unreserved, path)
    oddities = set()
    if _ODD_ESCAPE.search(path) or not _is_utf8(path):
        oddities.add(Oddity.ANY_BYTES)
        _refuse_dot_segments(any_bytes_readings(decoded))
    _refuse_dot_segments([decoded])
    if "%" in decoded:
        _refuse_compatible_dots(decoded)
    if "//" in decoded:
        oddities.add(Oddity.EMPTY_SEGMENTS)
    if _EMPTY_WHEN_DECODED.search(decoded):
        oddities.add(Oddity.ENCODED_SLASHES)
    return decoded, oddities


def any_bytes_readings(path: str) -> set[str]:
    """Return what lenient programs make of escapes of control characters, backslashes and overlong UTF-8.

    Windows has slashes of backslashes; decoders before RFC 3629 took `%C0%AE` for a dot; C ends a text at a NUL, and
    others at a line end; some drop control characters.
    """
    separated = _BACKSLASH.sub("/", _OVERLONG.sub(_decode_overlong, path))
    readings = {path, separated}
    for each in (path, separated):
        readings |= {_CONTROL_ESCAPE.sub("", each), _CONTROL_ESCAPE.split(each, maxsplit=1)[0]}
    return readings


def _decode_overlong(escapes: re.Match[str]) -> str:
    """Return the ASCII character of an overlong form: its last seven bits are those of the last two bytes."""
    first, last = (int(escape, 16) for escape in escapes[0].rsplit("%", maxsplit=2)[1:])
    return chr((first & 1) << 6 | last & 0x3F)


def _is_utf8(path: str) -> bool:
    """Tell whether all escapes are UTF-8: `%c0%ae` is a dot to a lenient decoder."""
    try:
        unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decode_unreserved(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0]


def _refuse_dot_segments(readings: Iterable[str]) -> None:
    """Refuse a path that an upstream which decodes slashes or drops parameters would resolve to another one."""
    for path in readings:
        for segment in _ENCODED_SLASH.sub("/", path).split("/"):
            if _PARAMETERS.split(segment, maxsplit=1)[0] in {".", ".."}:
                raise _malformed("the path holds a dot segment")


def _refuse_compatible_dots(path: str) -> None:
    """Refuse dot segments of compatibility forms (a full-width dot or slash), or with blanks behind them.

    Windows, and what normalises names (UAX 15), takes such a form for the sign itself; Windows drops the blanks too.
    """
    for segment in _SEPARATORS.split(normalize("NFKC", unquote(path, errors="surrogateescape"))):
        if segment.rstrip(" ") in {".", ".."}:
            raise _malformed("the path holds a dot segment to some")


def _malformed(detail: str) -> MalformedError:
    return MalformedError(mistake(RefusalCode.MALFORMED, detail))
