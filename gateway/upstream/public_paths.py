"""What an upstream says of its own paths, put into the caller's: the reverse of a prefix that is taken off.

An upstream that knows neither its prefix nor its base path sends browsers to places that are not there. Only what has
one reading is put right; everything else goes on as it came. Browsers take a backslash for a slash and drop tabs, and
what begins with two slashes names a host: none of these may come of a path (an open redirect).
"""

from __future__ import annotations

import re

from gateway.model.decision import AccessRequest
from gateway.model.route import UNIX, Route, UpstreamAddress
from gateway.upstream.request_head import host_of, public_prefix, target_of

_PLAIN = re.compile(rb"[!-\[\]-~\x80-\xff]+")
_URL = re.compile(rb"(?:(https?):)?//([^/?#]+)(/[^?#]*)?([?#].*)?", re.IGNORECASE)
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:")
_PATH_ENDS = re.compile(rb"[?#]")
_DOT = re.compile(rb"%2e", re.IGNORECASE)
_DOTS = re.compile(rb"(?:\A|/)(?:\.|%2e){1,2}(?:/|\Z)", re.IGNORECASE)
_DEFAULT_PORT = {b"http": b":80", b"https": b":443"}
_PLACES = frozenset({b"location", b"content-location"})
_HOST_PREFIX = b"__host-"
"""Browsers refuse a cookie of such a name whose Path is not `/` (RFC 6265bis section 4.1.3.2)."""


class PublicPaths:
    """Puts the answers of `upstream` to one request right.

    Of origins, those of the route's upstreams are theirs, and the one that the upstream was asked by.
    """

    def __init__(self, route: Route, upstream: UpstreamAddress, access: AccessRequest) -> None:
        self._prefix = public_prefix(route, access).encode("ascii")
        self._base = upstream.path.encode("ascii")
        self._sent = target_of(route, upstream, access.target).partition("?")[0].encode("ascii")
        self._asked = f"{access.prefix}{access.target.path}".encode("ascii")
        self._origins = {_origin(each, each.authority.encode("ascii")): each.path.encode() for each in route.upstream}
        self._origins[_origin(upstream, host_of(route, upstream, access))] = self._base
        self._origins[_origin(upstream, upstream.authority.encode("ascii"))] = self._base

    def put_right(self, lines: list[bytes]) -> list[bytes]:
        """Return the field lines of an answer with the caller's paths."""
        return [self._line(line) for line in lines]

    def _line(self, line: bytes) -> bytes:
        name, _, value = line.partition(b":")
        lower = name.lower()
        if lower in _PLACES:
            place = self._place(value.strip(b" \t"))
            return line if place is None else b"%b: %b" % (name, place)
        if lower == b"set-cookie":
            return b"%b:%b" % (name, self._cookie(value))
        return line

    def _place(self, value: bytes) -> bytes | None:
        """Return a reference (RFC 3986 section 4.1) as the caller has to read it; None for one that stays."""
        if not _PLAIN.fullmatch(value):
            return None
        url = _URL.fullmatch(value)
        if url is not None:
            return self._of_url(*url.groups())
        if value.startswith(b"/"):
            path, rest = _parted(value)
            return _joined(self._public(path, self._base), rest)
        if _SCHEME.match(value) or value[:1] in b"?#":
            return None
        path, rest = _parted(value)
        public = self._public(_beside(self._sent, path), self._base)
        return None if public == _without_dots(_beside(self._asked, path)) else _joined(public, rest)

    def _of_url(self, scheme: bytes | None, authority: bytes, path: bytes | None, rest: bytes | None) -> bytes | None:
        """Return the path of one of our upstreams' URLs as the caller's; None for those of others."""
        schemes = _DEFAULT_PORT if scheme is None else (scheme.lower(),)
        base = next((self._origins[key] for each in schemes if (key := _key(each, authority)) in self._origins), None)
        return None if base is None else _joined(self._public(path or b"/", base), rest or b"")

    def _public(self, path: bytes, base: bytes) -> bytes | None:
        """Return the caller's path for one beneath an upstream's `base`; None for others, and for two slashes."""
        path = _without_dots(path)
        if not _is_beneath(path, base):
            return None
        public = self._prefix + path[len(base) :] or b"/"
        return None if public.startswith(b"//") else public

    def _cookie(self, value: bytes) -> bytes:
        """Return the value of a Set-Cookie with the Path that the caller's browser has to compare with."""
        pair, *attributes = value.split(b";")
        if pair.lstrip(b" \t").lower().startswith(_HOST_PREFIX):
            return value
        return b";".join((pair, *map(self._attribute, attributes)))

    def _attribute(self, attribute: bytes) -> bytes:
        name, _, value = attribute.partition(b"=")
        path = value.strip(b" \t")
        if name.strip(b" \t").lower() != b"path" or not path.startswith(b"/"):
            return attribute
        if _is_beneath(self._base, path.rstrip(b"/")):  # of all that the caller sees of this upstream
            return b"%b=%b" % (name, self._prefix or b"/")
        public = self._public(path, self._base)
        return attribute if public is None else b"%b=%b" % (name, public)


def _origin(upstream: UpstreamAddress, authority: bytes) -> bytes:
    return _key(b"http" if upstream.scheme == UNIX else upstream.scheme.encode("ascii"), authority)


def _key(scheme: bytes, authority: bytes) -> bytes:
    """Return the one spelling of an origin: lower case, without its default port."""
    return b"%b://%b" % (scheme, authority.lower().removesuffix(_DEFAULT_PORT[scheme]))


def _is_beneath(path: bytes, base: bytes) -> bool:
    return path == base or path.startswith(base + b"/")


def _parted(value: bytes) -> tuple[bytes, bytes]:
    """Part a reference's path from its query and fragment."""
    end = _PATH_ENDS.search(value)
    return (value, b"") if end is None else (value[: end.start()], value[end.start() :])


def _joined(path: bytes | None, rest: bytes) -> bytes | None:
    return None if path is None else path + rest


def _beside(path: bytes, reference: bytes) -> bytes:
    """Return a relative path merged with the path that it stands beside (RFC 3986 section 5.2.3)."""
    return path[: path.rindex(b"/") + 1] + reference


def _without_dots(path: bytes) -> bytes:
    """Return a path without its dot segments, as browsers read them, encoded ones too (WHATWG URL, "path state")."""
    if not _DOTS.search(path):
        return path
    kept: list[bytes] = []
    first, *segments = path.split(b"/")
    for place, segment in enumerate(segments):
        plain = _DOT.sub(b".", segment)
        if plain == b".." and kept:
            kept.pop()
        if plain not in {b".", b".."}:
            kept.append(segment)
        elif place == len(segments) - 1:
            kept.append(b"")
    return b"/".join((first, *kept))
