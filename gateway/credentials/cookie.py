"""Session cookies, read strictly.

A browser sends two cookies of one name when a neighbouring subdomain, or an attacker on one, has set a second. Which
of them a program reads depends on the program, so a gateway that judges one and an upstream that reads the other would
see two callers. A name that is there twice is therefore ambiguous, in one field or in several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from typing_extensions import override

from gateway.credentials.forms import Place
from gateway.credentials.reader import Fingerprint, Reader, RepeatedError, only_value
from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.model.credential import Ambiguous, Credential, CredentialKind, Reading, is_anonymous
from gateway.model.decision import AccessRequest
from gateway.model.route import OnMany
from gateway.source.names import CookieName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FIELD = b"cookie"
_FORGET = b"; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
_MOST_PARENTS = 4
"""Parent domains, of which a browser takes some: a longer host name would only make the answer longer."""


class CookieSettings(CredentialSettings):
    """A session token in the cookie `name`; `on_many` says which of two with that name counts, if one may.

    A browser sends the one with the longer path first (RFC 6265 section 5.4).
    """

    kind: Literal["cookie"]
    name: CookieName
    on_many: OnMany = OnMany.REJECT

    @override
    def places(self) -> list[Place]:
        """Return where the token is looked for."""
        return [Place(f"cookie {self.name}")]


class CookieReader(Reader):
    """Reads one cookie by its exact name: `parts` is `(value,)`.

    An empty value is no credential: some clients send it after a cookie was cleared. Nor is the cookie of an anonymous
    visitor. Quotes are part of the value: clients keep them (RFC 6265 section 5.2), and to strip them would give one
    session two spellings.
    """

    kind = CredentialKind.COOKIE
    headers: frozenset[bytes] = frozenset()

    def __init__(self, name: str, settings: CookieSettings, fingerprint: Fingerprint) -> None:
        self.name = name
        self._cookie = settings.name.encode("ascii")
        self.cookies = frozenset({self._cookie})
        self._takes_first = settings.on_many is OnMany.FIRST
        self._fingerprint = fingerprint

    @override
    def read(self, access: AccessRequest) -> Reading:
        """Return the cookie's value, `Ambiguous` when it may not be there twice, `None` when it is not, or is empty."""
        fields = access.headers.by_name.get(_FIELD)
        if fields is None:
            return None
        values = [*_values(fields, self._cookie)]
        try:
            value = only_value(values[:1] if self._takes_first else values)
        except RepeatedError:
            return Ambiguous(self.name)
        if not value or is_anonymous(value):
            return None
        parts = (value,)
        return Credential(self.name, self.kind, "", parts, self._fingerprint(parts))

    @override
    def clearing(self, host: str = "", path: str = "/") -> tuple[tuple[bytes, bytes], ...]:
        """Return the fields that make a browser forget the cookie (RFC 6265 section 5.2.2: a Max-Age of zero).

        With a `host`, also the cookies of that name of its parent domains and of `path`: of two, nobody can tell which
        scope they have. A `__Host-` cookie has but one.
        """
        scopes = [b"Path=/"] if self._cookie.startswith(b"__Host-") or not host else _scopes(host, path)
        return tuple((b"Set-Cookie", self._cookie + b"=; " + scope + _FORGET) for scope in scopes)


def _scopes(host: str, path: str) -> Iterator[bytes]:
    """Yield the attributes of every scope that a cookie may have here; a browser ignores those that it may not."""
    labels = host.split(".")
    is_name = not labels[-1].isdecimal() and ":" not in host
    parents = [".".join(labels[at:]) for at in range(len(labels) - 1)][-_MOST_PARENTS:] if is_name else []
    paths = dict.fromkeys(("/", path, path.rstrip("/") or "/") if ";" not in path else ("/",))
    for each in paths:
        yield f"Path={each}".encode("ascii")
        yield from (f"Path={each}; Domain={parent}".encode("ascii") for parent in parents)


def _values(fields: Sequence[bytes], cookie: bytes) -> Iterator[bytes]:
    """Yield every value of `cookie`, over all fields; a pair without `=` is one without a value."""
    for field in fields:
        if cookie not in field:  # so that 64 KB of other cookies are not split for nothing
            continue
        for pair in field.split(b";"):
            name, _, value = pair.partition(b"=")
            if name.strip(b" \t") == cookie:
                yield value


KIND = CredentialReaderKind(
    "cookie",
    CookieSettings,
    lambda settings, parts: CookieReader(parts.name, settings, parts.fingerprint),
)
