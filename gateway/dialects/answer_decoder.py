"""How the response of a remote authority is decoded, whatever its dialect.

"No session" comes in three styles: a status (401, 404), `200 null`, and a flag (`active: false`). All are Rejected.
What is not the dialect's JSON is Undecided: a login page, a proxy's error page or another product behind the same
address says nothing about the credential, and a 4xx about an odd one (431, 400) says nothing about the authority.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import msgspec

from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.errors import UNDECODABLE

_Document = TypeVar("_Document")
_Decoded = TypeVar("_Decoded")


class _Flag(msgspec.Struct):
    active: bool = True


_flag_decoder = msgspec.json.Decoder(_Flag | None)


class AnswerDecoder(Generic[_Document]):
    """Decodes the responses of one product.

    `document` is the type of a success. `refusals` maps the statuses that reject a credential to their reasons; such a
    status counts only with the product's error `envelope` around it, since a wrong path gets a 404 too. 401 counts by
    itself (RFC 9110 section 15.5.2).
    """

    def __init__(self, document: type[_Document], envelope: type[Any], refusals: Mapping[int, Reason]) -> None:
        self._document_decoder = msgspec.json.Decoder(document)
        self._envelope_decoder = msgspec.json.Decoder(envelope)
        self._refusals = refusals

    def decode(
        self, response: RemoteResponse, to_answer: Callable[[_Document], Found | Rejected]
    ) -> Found | Rejected | Unavailable:
        """Return what `to_answer` makes of a success, or what any other response means.

        `to_answer` raises msgspec.ValidationError for a document that is well formed and still not the dialect's.
        """
        status = response.status
        if status == HTTPStatus.UNAUTHORIZED:
            return Rejected(Reason.UNKNOWN)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unavailable(f"the authority answered {status}")
        if status != HTTPStatus.OK and status not in self._refusals:
            return Undecided(f"the authority answered {status}", response.retry_after or 1)
        if not is_json(response.content_type):
            return Undecided(f"the authority answered {status} with another content type than JSON")
        if status == HTTPStatus.OK:
            answer = _or_none(lambda: self._success(response.body, to_answer))
        else:
            answer = _or_none(lambda: self._refused(response))
        return answer or Undecided(f"the authority answered {status} with JSON that is not its dialect's")

    def _success(self, body: bytes, to_answer: Callable[[_Document], Found | Rejected]) -> Found | Rejected:
        flag = _or_none(lambda: (_flag_decoder.decode(body),))
        if flag is not None and (flag[0] is None or not flag[0].active):
            return Rejected(Reason.UNKNOWN)
        return to_answer(self._document_decoder.decode(body))

    def _refused(self, response: RemoteResponse) -> Rejected:
        self._envelope_decoder.decode(response.body)
        return Rejected(self._refusals[response.status])


def parse(body: bytes, decoder: msgspec.json.Decoder[_Document]) -> _Document | None:
    """Decode `body`, or return `None` when it is not what `decoder` decodes."""
    return _or_none(lambda: decoder.decode(body))


def _or_none(decode: Callable[[], _Decoded]) -> _Decoded | None:
    """Return what `decode` returns, or `None` for what is not JSON, not these fields, not UTF-8, or nested too deep."""
    try:
        return decode()
    except UNDECODABLE:
        return None


def is_json(content_type: str) -> bool:
    """Tell whether a media type is JSON (RFC 8259 section 11, RFC 6839 section 3.1)."""
    return content_type == "application/json" or content_type.endswith("+json")
