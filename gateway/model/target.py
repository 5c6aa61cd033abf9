"""The request target in canonical form, made once: what is judged is what is sent.

The oldest way around an authenticating proxy is a path that two programs read differently: the proxy judges
`/public/../admin` as public and the upstream serves `/admin` (oathkeeper CVE-2026-33494, Envoy CVE-2021-29492). So a
target that two correct programs could read as different paths is refused here, and every other one has one reading:

- escapes of unreserved characters are decoded (RFC 3986 section 6.2.2.2); every other escape stays as it was sent;
- dot segments, empty segments, backslashes, control characters and broken escapes are refused, encoded or not;
- an encoded slash stays inside its segment, and is refused where decoding it would make one of the above.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

import msgspec

from gateway.model.errors import MalformedError
from gateway.model.refusal import Refusal, RefusalCode

# Segments of unreserved characters, sub-delims (without `;`), `:` and `@` that are not `.` or `..`: nearly every real
# path, recognised in one pass.
_PLAIN = re.compile(r"(?=/)((?:/(?!\.{1,2}(?:[/?]|\Z))[A-Za-z0-9\-._~!$&'()*+,=:@]+)*/?)(?:\?([!-\"$-~]*))?", re.ASCII)
_PLAIN_QUERY = re.compile(r"[!-\"$-~]*", re.ASCII)  # visible ASCII without `#`
_VISIBLE = re.compile(r"[!-\"$-\[\]-~]*", re.ASCII)  # visible ASCII without `#` and backslash
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FORBIDDEN_ESCAPE = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff]|5[Cc])")  # control characters and the backslash
_ENCODED_SLASH = re.compile(r"%2[Ff]")
_PARAMETERS = re.compile(r";|%3[Bb]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Target(msgspec.Struct, frozen=True, gc=False):
    """A request target that has one reading.

    `path` is canonical and is what is forwarded. `match` is the same with escapes in upper case, so that `%2f` and
    `%2F` match the same route. `query` is without its `?`, `None` when there is none, and takes no part in matching.
    `has_parameters` says that the path holds a `;`: servers disagree about what it ends, so a route has to allow it.
    """

    path: str
    match: str
    query: str | None = None
    has_parameters: bool = False

    def __str__(self) -> str:
        """Return the origin-form (RFC 9112 section 3.2.1), as it is forwarded."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def beneath(self, prefix: str) -> str:
        """Return the path without a route's prefix; a path that is not beneath it stays whole."""
        if not self.path.startswith(prefix):
            return self.path
        rest = self.path[len(prefix) :]
        return (rest or "/") if not rest or rest[0] == "/" else self.path


def parse_target(raw: str) -> Target:
    """Parse a request target in origin-form (RFC 9112 section 3.2.1).

    Raises MalformedError (400) for every other form and for a target that has two readings.
    """
    plain = _PLAIN.fullmatch(raw)
    if plain is not None:
        path, query = plain.groups()
        return Target(path, path, query)
    path, mark, query = raw.partition("?")
    if not _PLAIN_QUERY.fullmatch(query):
        raise _malformed("the query holds a control, non-ASCII or fragment character")
    query_or_none = query if mark else None
    canonical = _canonical(path)
    match = _ESCAPE.sub(lambda escape: escape[0].upper(), canonical)
    return Target(canonical, match, query_or_none, _PARAMETERS.search(canonical) is not None)


def _canonical(path: str) -> str:
    if not path.startswith("/"):
        raise _malformed("the target is not in origin-form")
    if not _VISIBLE.fullmatch(path):
        raise _malformed("the path holds a control, non-ASCII, backslash or fragment character")
    if _BROKEN_ESCAPE.search(path):
        raise _malformed("the path holds a broken percent-escape")
    if _FORBIDDEN_ESCAPE.search(path):
        raise _malformed("the path holds an encoded control character or backslash")
    _require_utf8(path)
    decoded = _ESCAPE.sub(_decode_unreserved, path)
    _refuse_ambiguous_segments(decoded)
    return decoded


def _require_utf8(path: str) -> None:
    """Refuse escapes that are not UTF-8: `%c0%ae` is a dot to a lenient decoder."""
    try:
        unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("the path's escapes are not UTF-8") from None


def _decode_unreserved(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0]


def _refuse_ambiguous_segments(path: str) -> None:
    """Refuse a path that an upstream which decodes slashes or drops parameters would resolve to another one."""
    segments = _ENCODED_SLASH.sub("/", path).split("/")[1:]
    for position, segment in enumerate(segments):
        name = _PARAMETERS.split(segment, maxsplit=1)[0]
        if name in {".", ".."}:
            raise _malformed("the path holds a dot segment")
        if not segment and position < len(segments) - 1:
            raise _malformed("the path holds an empty segment")


def _malformed(detail: str) -> MalformedError:
    return MalformedError(Refusal(RefusalCode.MALFORMED, detail))
