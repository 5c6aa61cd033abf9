"""Which of a client's fields a proxy may send on, though only the gateway's answer to its question is ours.

What the proxied path removes must not reach an application through a proxy that merely asks: the same table decides,
and a request with such a field is refused unless the proxy overwrites or removes it by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.endpoints.forward_auth.original import OriginalReader, malformed
from gateway.http1.field_names import HOP_BY_HOP, MESSAGE
from gateway.model.decision import HeaderPairs
from gateway.model.headers import Headers, spelling
from gateway.model.memo import FieldNameMemo
from gateway.upstream.request_head import RequestHeads

_OF_THE_CONNECTION = HOP_BY_HOP | MESSAGE | {b"expect"}
"""Every proxy sends its own, or none; in another spelling (`Transfer_Encoding`) they are the client's word."""


class ClientFields:
    """Judges the fields of decision requests from the proxy of `reader`.

    `heads` are those of the proxied path. `identity` are the names of our own headers, which every proxy overwrites,
    and `credentials` those of the readers, both in lower case.
    """

    def __init__(
        self,
        reader: OriginalReader,
        heads: RequestHeads,
        identity: frozenset[bytes],
        credentials: Iterable[bytes] = (),
    ) -> None:
        self._heads = heads
        overwritten = _OF_THE_CONNECTION | reader.trusted_fields | reader.own_fields | identity
        self._credentials = frozenset(credentials) - overwritten
        self._known = overwritten | self._credentials  # which every config removes after the decision
        self._harmless: FieldNameMemo[None] = FieldNameMemo()
        self._removes = reader.removes
        self._strays = object()
        self._keys = (object(), object())

    def require_no_stray(self, headers: Headers) -> None:
        """Raise MalformedError where a field would reach the application that the proxied path would have removed."""
        strays = self._strays_of(headers)
        if strays and not (self._removes and all(spelling(name) == name for name in strays)):
            raise malformed("a field that the proxied path removes, and that this proxy would send on")

    def response_fields(self, headers: Headers, *, keep_credentials: bool) -> HeaderPairs:
        """Return the fields of an allow that concern the client's own; equal fields are told alike.

        The cookies that are left without ours, whole and also where nothing is cut: a proxy that copies a field removes
        it where there is none. And what to remove, for a proxy that does so on our word.
        """
        key = self._keys[keep_credentials]
        fields: HeaderPairs | None = headers.made.get(key)
        if fields is None:
            cookie = self._cookie(headers, keep_credentials=keep_credentials)
            fields = headers.made[key] = (*cookie, *self._removed(headers, keep_credentials=keep_credentials))
        return fields

    def _cookie(self, headers: Headers, *, keep_credentials: bool) -> HeaderPairs:
        cookie = self._heads.passing_cookie(headers, keep_credentials=keep_credentials)
        return () if cookie is None else ((b"Cookie", cookie),)

    def _removed(self, headers: Headers, *, keep_credentials: bool) -> HeaderPairs:
        names = set(self._strays_of(headers)) if self._removes else set()
        if self._removes and not keep_credentials:
            names |= self._credentials & headers.by_name.keys()
        return ((self._removes, b",".join(sorted(names))),) if names else ()

    def _strays_of(self, headers: Headers) -> tuple[bytes, ...]:
        """Return the names, in lower case, that would reach the application; remembered with the fields."""
        strays: tuple[bytes, ...] | None = headers.made.get(self._strays)
        if strays is None:
            harmless = self._harmless
            others = [name for name in headers.by_name if name not in harmless]
            strays = headers.made[self._strays] = tuple([name for name in others if self._is_stray(name)])
        return strays

    def _is_stray(self, name: bytes) -> bool:
        is_stray = name not in self._known and self._heads.drops(name)
        if not is_stray:
            self._harmless.keep(name, None)
        return is_stray
