"""Envoy's question as the decision request that it would send over HTTP: the same endpoint reads both.

So there is one way in which a request is read and judged. What Envoy writes is taken from the attributes, never from
a field that a client could have sent: method, path, host, and the client's address from `source`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gateway.http1.field_names import HOP_BY_HOP
from gateway.http1.malformed import malformed
from gateway.model.client_address import UNKNOWN_CLIENT
from gateway.model.errors import MalformedError
from gateway.model.memo import FieldNameMemo
from gateway.model.refusal import RefusalCode, mistake

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110 section 5.6.2, in lower case
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_WORD = re.compile(r"[^\x00-\x20\x7f]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_COOKIE, _UPGRADE, _PROTO, _FOR = b"cookie", b"upgrade", b"x-forwarded-proto", b"x-forwarded-for"
_OURS = (HOP_BY_HOP - {_UPGRADE, b"te", b"proxy-authorization"}) | {b"expect", b"host", b"x-real-ip"}
"""Fields that a decision request over HTTP does not have from the client either (deploy/envoy), or that we compose."""

_ADDRESS = re.compile(r"[0-9A-Za-z.:%]+")

_NAMES: FieldNameMemo[None] = FieldNameMemo()

Fields = list[tuple[bytes, bytes]]


class CheckReading:
    """Reads questions; `path` is the endpoint's, `merging` the fields in which a comma may join two credentials."""

    def __init__(self, path: str, merging: frozenset[bytes], head_bytes: int) -> None:
        self._path = path
        self._merging = merging
        self._head_bytes = head_bytes

    def head(self, question: Any) -> bytes:
        """Return the head of the decision request that a CheckRequest stands for.

        Raises MalformedError for one that Envoy cannot have sent.
        """
        http = _http_of(question)
        if not (_METHOD.fullmatch(http.method) and _WORD.fullmatch(http.path) and _WORD.fullmatch(http.host)):
            raise malformed("the question has no method, path or host, or one that cannot be read")
        if http.query or http.fragment:
            raise malformed("the question has a query or a fragment beside its path")
        fields = self._fields(http)
        lines = [b"%b: %b\r\n" % field for field in fields if field[0] not in _OURS]
        if not any(name == _PROTO for name, _ in fields):
            lines.append(b"X-Forwarded-Proto: %b\r\n" % _bytes(http.scheme))
        raw = b"%b %b%b HTTP/1.1\r\nHost: %b\r\nX-Real-IP: %b\r\n%b\r\n" % (
            http.method.encode("ascii"),
            self._path.encode("ascii"),
            http.path.encode("utf-8"),
            http.host.encode("utf-8"),
            _way_of(question.attributes.source, fields),
            b"".join(lines),
        )
        if len(raw) > self._head_bytes:
            raise MalformedError(mistake(RefusalCode.HEAD_TOO_LARGE, "the head is longer than limits.head_bytes"))
        return raw

    def _fields(self, http: Any) -> Fields:
        """Return the client's fields, from whichever of the two places has them."""
        if http.headers and http.header_map.headers:
            raise malformed("the question has its headers in two places")
        pairs = _exact(http.header_map.headers) if http.header_map.headers else self._merged(http.headers)
        fields = []
        for name, value in pairs:
            if name.startswith(b":"):
                _require_same(name, value, http)
            elif not (name in _NAMES or _is_token(name)) or _CONTROL.search(value):
                raise malformed("the question has a field that none can be")
            elif name == b"host" and value != _bytes(http.host):
                raise malformed("the question names two hosts")
            elif name == _UPGRADE and value.lower() != b"websocket":
                raise malformed("an upgrade to another protocol than a WebSocket's")
            else:
                fields.append((name, value))
        return fields

    def _merged(self, headers: Any) -> Iterator[tuple[bytes, bytes]]:
        """Yield the fields of the map, in which Envoy has joined equal names by commas.

        Whether a comma is a client's own cannot be told, so a credential with one may be two of which the application
        sees the other.
        """
        for name, value in headers.items():
            field = name.lower().encode("utf-8"), value.encode("utf-8")
            if "," in value and field[0] in self._merging:
                raise malformed("a credential's field with a comma, which may be two: set encode_raw_headers")
            yield field


def _is_token(name: bytes) -> bool:
    """Tell whether a field may have this name; those that may are remembered."""
    if not _TOKEN.fullmatch(name):
        return False
    _NAMES.keep(name, None)
    return True


def _http_of(question: Any) -> Any:
    """Return the HTTP request that is asked about; raises MalformedError where there is none."""
    attributes = question.attributes
    if not (question.HasField("attributes") and attributes.HasField("request") and attributes.request.HasField("http")):
        raise malformed("the question is about no HTTP request")
    return attributes.request.http


def _exact(headers: Any) -> Iterator[tuple[bytes, bytes]]:
    """Yield the fields of a HeaderMap, each as it was received."""
    for field in headers:
        raw, text = field.raw_value, field.value
        if raw and text and raw != _bytes(text):
            raise malformed("the question has a field with two values")
        yield field.key.lower().encode("utf-8"), raw or _bytes(text)


def _require_same(name: bytes, value: bytes, http: Any) -> None:
    """Raise MalformedError for a pseudo-header that is not what the attributes say."""
    attribute = {b":method": http.method, b":path": http.path, b":authority": http.host}.get(name)
    if attribute is not None and _bytes(attribute) != value:
        raise malformed("the question names two methods, paths or hosts")


def _way_of(source: Any, fields: Fields) -> bytes:
    """Return the addresses from the client to Envoy, the nearest last; what is no address ends the way."""
    if source.address.HasField("pipe"):
        address = UNKNOWN_CLIENT
    else:
        address = source.address.socket_address.address or UNKNOWN_CLIENT
    if not _ADDRESS.fullmatch(address):
        raise malformed("the question has a source that is no address")
    chain = [value for name, value in fields if name == _FOR]
    return b", ".join([*chain, address.encode("ascii")])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8")
