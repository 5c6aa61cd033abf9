"""What all remote authorities have in common when they say no (DIALECTS, "Spoken").

"No session" comes in three styles: a status (401, 404), `200 null`, and a flag (`active: false`). All are Rejected.
What is not the dialect's JSON is Unavailable: a login page, a proxy's error page or another product behind the same
address says nothing about the credential.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import msgspec

from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.errors import UNDECODABLE

_Said = TypeVar("_Said")
_Understood = TypeVar("_Understood")


class _Flag(msgspec.Struct):
    active: bool = True


_flags = msgspec.json.Decoder(_Flag | None)


class AnswerDecoder(Generic[_Said]):
    """Reads the answers of one product.

    `said` is the type of a success. `refusals` are the statuses by which the product says no, and why; such a status
    counts only with the product's error `envelope` around it, since a 404 is also what a wrong path gets. 401 counts
    by itself (RFC 9110 section 15.5.2).
    """

    def __init__(self, said: type[_Said], envelope: type[Any], refusals: Mapping[int, Reason]) -> None:
        self._said = msgspec.json.Decoder(said)
        self._envelope = msgspec.json.Decoder(envelope)
        self._refusals = refusals

    def hear(
        self, heard: RemoteResponse, understand: Callable[[_Said], Found | Rejected]
    ) -> Found | Rejected | Unavailable:
        """Return what `understand` makes of a success, or what the answer means otherwise.

        `understand` raises msgspec.ValidationError for what is well formed and nevertheless not the dialect's.
        """
        if heard.status == HTTPStatus.UNAUTHORIZED:
            return Rejected(Reason.UNKNOWN)
        if heard.status != HTTPStatus.OK and heard.status not in self._refusals:
            return Unavailable(f"the authority answered {heard.status}")
        if not _is_json(heard.content_type):
            return Unavailable(f"the authority answered {heard.status} with another content type than JSON")
        if heard.status == HTTPStatus.OK:
            answer = _understood(lambda: _success(heard.body, self._said, understand))
        else:
            answer = _understood(lambda: self._refused(heard))
        return answer or Unavailable(f"the authority answered {heard.status} with JSON that is not its dialect's")

    def _refused(self, heard: RemoteResponse) -> Rejected:
        self._envelope.decode(heard.body)
        return Rejected(self._refusals[heard.status])


def parse(body: bytes, decoder: msgspec.json.Decoder[_Said]) -> _Said | None:
    """Decode `body`, or return `None` when it is not what `decoder` reads."""
    return _understood(lambda: decoder.decode(body))


def _success(
    body: bytes, decoder: msgspec.json.Decoder[_Said], understand: Callable[[_Said], Found | Rejected]
) -> Found | Rejected:
    flag = _understood(lambda: (_flags.decode(body),))
    if flag is not None and (flag[0] is None or not flag[0].active):
        return Rejected(Reason.UNKNOWN)
    return understand(decoder.decode(body))


def _understood(read: Callable[[], _Understood]) -> _Understood | None:
    """Return what `read` reads, `None` where it cannot: not JSON, not these fields, not UTF-8, nested without end."""
    try:
        return read()
    except UNDECODABLE:
        return None


def _is_json(content_type: str) -> bool:
    """Tell whether a media type is JSON (RFC 8259 section 11, RFC 6839 section 3.1)."""
    return content_type == "application/json" or content_type.endswith("+json")
