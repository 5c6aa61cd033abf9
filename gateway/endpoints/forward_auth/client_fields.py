"""Which of a client's fields a proxy may send on, though only the gateway's answer to its question is ours.

What the proxied path removes must not reach an application through a proxy that merely asks: the same table decides,
and a request with such a field is refused unless the proxy overwrites or removes it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.endpoints.forward_auth.original import OriginalReader, malformed
from gateway.http1.field_names import HOP_BY_HOP, MESSAGE
from gateway.model.decision import HeaderPairs
from gateway.model.headers import Headers, spelling

_OF_THE_CONNECTION = HOP_BY_HOP | MESSAGE | {b"expect"}
"""Every proxy sends its own, or none; in another spelling (`Transfer_Encoding`) they are the client's word."""


class ClientFields:
    """Judges the fields of decision requests from the proxy of `reader`.

    `never_sent` tells whether the proxied path never sends a name on; `identity` are the names of our own headers,
    which every proxy overwrites, and `credentials` those of the readers, both in lower case.
    """

    def __init__(
        self,
        reader: OriginalReader,
        never_sent: Callable[[bytes], bool],
        identity: frozenset[bytes],
        credentials: Iterable[bytes] = (),
    ) -> None:
        self._never_sent = never_sent
        overwritten = _OF_THE_CONNECTION | reader.trusted_fields | reader.own_fields | identity
        self._credentials = frozenset(credentials) - overwritten
        self._known = overwritten | self._credentials  # which every config removes after the decision
        self._removes = reader.removes
        self._strays = object()
        self._removals = (object(), object())

    def require_no_stray(self, headers: Headers) -> None:
        """Raise MalformedError where a field would reach the application that the proxied path would have removed."""
        strays = self._strays_of(headers)
        if strays and not (self._removes and all(spelling(name) == name for name in strays)):
            raise malformed("a field that the proxied path removes, and that this proxy would send on")

    def removed(self, headers: Headers, *, keep_credentials: bool) -> HeaderPairs:
        """Return the field by which the proxy is told what to remove; none where it removes nothing on our word."""
        if not self._removes:
            return ()
        key = self._removals[keep_credentials]
        told: HeaderPairs | None = headers.made.get(key)
        if told is None:
            names = set(self._strays_of(headers))
            if not keep_credentials:
                names |= self._credentials & headers.by_name.keys()
            told = headers.made[key] = ((self._removes, b",".join(sorted(names))),) if names else ()
        return told

    def _strays_of(self, headers: Headers) -> tuple[bytes, ...]:
        """Return the names, in lower case, that would reach the application; remembered with the fields."""
        strays: tuple[bytes, ...] | None = headers.made.get(self._strays)
        if strays is None:
            others = headers.by_name.keys() - self._known
            strays = headers.made[self._strays] = tuple([name for name in others if self._never_sent(name)])
        return strays
