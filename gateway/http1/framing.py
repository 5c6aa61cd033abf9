"""What aiohttp's parser lets through and two servers could read in two ways (THREATS section 4).

The parser (llhttp) refuses by itself: Content-Length with Transfer-Encoding, two lengths, `+4`, `4, 4`, `xchunked`,
obs-fold, bare LF, white space before a colon, NUL. What is left is refused here, before any judgement.
"""

from __future__ import annotations

from gateway.model.headers import Headers
from gateway.model.refusal import Refusal, RefusalCode

_HTTP_1_1 = (1, 1)
_VERSIONS = {(1, 0), _HTTP_1_1}
_FRAMING = frozenset({b"transfer-encoding", b"content-length", b"expect", b"upgrade"})


def refuse_framing(method: str, version: tuple[int, int], headers: Headers) -> Refusal | None:
    """Return why a request's framing cannot be carried, or None. `version` is that of the request line."""
    if version not in _VERSIONS:
        return _malformed("the version is not HTTP/1.0 or HTTP/1.1")
    return None if _FRAMING.isdisjoint(headers.by_name) else _refuse_fields(method, version, headers)


def _refuse_fields(method: str, version: tuple[int, int], headers: Headers) -> Refusal | None:
    if b"transfer-encoding" in headers and (broken := _transfer_encoding(version, headers)):
        return _malformed(broken)
    if b"content-length" in headers and any(map(_has_leading_zero, headers.all(b"content-length"))):
        return _malformed("a length with a leading zero")
    if b"expect" in headers and [value.lower() for value in headers.all(b"expect")] != [b"100-continue"]:
        return _malformed("an expectation that is not 100-continue")
    if b"upgrade" in headers and is_upgrade(headers) and (broken := _upgrade(method, version, headers)):
        return _malformed(broken)
    return None


def is_upgrade(headers: Headers) -> bool:
    """Tell whether a request asks for another protocol: the `Upgrade` field counts only when `Connection` names it."""
    if b"upgrade" not in headers:
        return False
    named = (token.strip(b" \t").lower() for value in headers.all(b"connection") for token in value.split(b","))
    return b"upgrade" in named


def _transfer_encoding(version: tuple[int, int], headers: Headers) -> str:
    if version != _HTTP_1_1:
        return "a transfer coding in HTTP/1.0"  # RFC 9112 section 6.1: faulty framing
    if b"content-length" in headers:
        return "a length beside a transfer coding"
    if [value.lower() for value in headers.all(b"transfer-encoding")] != [b"chunked"]:
        return "a transfer coding that is not chunked alone"
    return ""


def _upgrade(method: str, version: tuple[int, int], headers: Headers) -> str:
    """Find out why an upgrade is malformed: after a 101, whatever was taken for a body would be the tunnel's."""
    if method != "GET" or version != _HTTP_1_1:
        return "an upgrade that is not GET over HTTP/1.1"  # RFC 6455 section 4.1
    if b"content-length" in headers or b"transfer-encoding" in headers:
        return "an upgrade with a body"
    if [value.lower() for value in headers.all(b"upgrade")] != [b"websocket"]:
        return "an upgrade to something else than websocket"  # h2c carries requests past every judgement
    return ""


def _has_leading_zero(length: bytes) -> bool:
    """Tell whether a length could be read as octal, by an upstream that takes the base from the first digit."""
    return length.startswith(b"0") and length != b"0"


def _malformed(detail: str) -> Refusal:
    return Refusal(RefusalCode.MALFORMED, detail)
