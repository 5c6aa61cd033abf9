"""What every dialect is: one product's session-info endpoint, served to its clients and asked as a remote authority.

Pure both ways: the endpoint turns an HTTP request into an InfoRequest, and an InfoResponse into an HTTP response; the
remote authority sends a RemoteRequest and hands in the RemoteResponse. Encoding and decoding of one product stand in
one file and are tested by one table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

import msgspec

from gateway.model.answers import Found, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential
from gateway.model.decision import HeaderPairs
from gateway.model.refusal import Refusal

DEFAULT_RETRY_AFTER = 1
"""Seconds in `Retry-After` where no better figure is known: an authority mostly fails briefly."""

_WAITING = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_encoder = msgspec.json.Encoder()


class Quota(msgspec.Struct, frozen=True):
    """How the caller's rate limit stands: requests at once, requests left, and when the bucket is full again."""

    limit: int
    remaining: int
    resets_at: datetime


class InfoRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a session-info endpoint, as far as a dialect's answer depends on it.

    `path` is canonical and `query` raw, without its `?`. `now` is the instant of the request. `credential` is the one
    that was read; `malformed` says that it is not readable as text; `authority` is the one that knew it. `session_id`
    is set when `reply` is called again with the session that it wanted.
    """

    path: str
    now: datetime
    request_id: str = ""
    query: str | None = None
    credential: Credential | None = None
    malformed: bool = False
    authority: str = ""
    session_id: str = ""
    quota: Quota | None = None


class InfoResponse(msgspec.Struct, frozen=True):
    """A product's answer: status, body, and the header fields that it needs besides."""

    status: int
    body: bytes
    headers: HeaderPairs = ()
    content_type: bytes = b"application/json"

    def __repr__(self) -> str:
        """Show sizes alone: the body may echo a key, a field may hold a cookie."""
        return f"InfoResponse(status={self.status}, body={len(self.body)} bytes)"


class SessionWanted(msgspec.Struct, frozen=True):
    """The caller is known and wants another session of the same user."""

    session_id: str


class RemoteRequest(msgspec.Struct, frozen=True):
    """What is sent to a remote authority: the credential that the dialect names and nothing else of the caller's."""

    headers: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...] = ()
    method: str = "GET"

    def __repr__(self) -> str:
        """Show field names alone: a value is the credential."""
        return f"RemoteRequest(headers={[name for name, _ in self.headers]})"


class RemoteResponse(msgspec.Struct, frozen=True):
    """A remote authority's response. `content_type` is the bare media type in lower case.

    `retry_after` is in seconds: when a 429 says that it may be asked again, 0 where it does not.
    """

    status: int
    content_type: str
    body: bytes
    retry_after: int = 0

    def __repr__(self) -> str:
        """Show the size alone: the body may echo a key."""
        return f"RemoteResponse(status={self.status}, content_type={self.content_type!r}, body={len(self.body)} bytes)"


class Documented(msgspec.Struct, frozen=True):
    """One answer for the OpenAPI document: the msgspec type that encodes it is the schema, None of no body."""

    body: object
    description: str
    content_type: str = "application/json"


class DialectServer(Protocol):
    """Encodes our sessions and refusals for a product's clients. `parameters` are its required query parameters."""

    name: str
    paths: tuple[str, ...]
    parameters: tuple[str, ...]

    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse | SessionWanted:
        """Answer with the caller's session, or say why not; a verdict of `None` is a request without a credential."""

    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        """Answer a request without a look-up: too many requests, a wrong method, our own fault."""

    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers at `path` by status."""


class DialectClient(Protocol):
    """Asks a product's server for a session and decodes its response.

    `limits_by_address` says that the product's own 429 is about whoever asks, and not about one credential.
    """

    name: str
    limits_by_address: bool = False

    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Return what to send for `credential`, or `None` when the dialect has no such credential.

        With `session_id`, what to send to learn about that session of the same user; `None` when the dialect has no
        such request.
        """

    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return whose session it is. Strict about what identifies, blind to unknown fields. Never raises."""


class Dialect(DialectServer, DialectClient, Protocol):
    """A product's dialect, both ways."""


Renew = Callable[[Found, str], str | None]
"""Called with an answer and the authority that gave it; returns a new cookie token for the same session, if one is due.

It does no I/O. A cookie of another issuer is not ours to renew, hence the authority.
"""


def json_response(status: int, body: object, headers: HeaderPairs = ()) -> InfoResponse:
    """Return `body` (a msgspec struct) as JSON, its keys in the order of its fields."""
    return InfoResponse(status, _encoder.encode(body), headers)


def bearer_request(credential: Credential, *further: tuple[str, str]) -> RemoteRequest:
    """Return a request that shows the credential's one part as a bearer token (RFC 6750 section 2.1)."""
    return RemoteRequest((("Authorization", f"Bearer {credential.parts[0]}"), *further))


def cookie_request(credential: Credential, *cookies: str) -> RemoteRequest:
    """Return a request that shows the credential's one part as the value of these cookies."""
    return RemoteRequest((("Cookie", "; ".join(f"{cookie}={credential.parts[0]}" for cookie in cookies)),))


def waiting_header(status: int, seconds: int | None) -> HeaderPairs:
    """Return the `Retry-After` of a failure that has one: too many requests, or nobody who could tell."""
    return retry_after_header(seconds) if status in _WAITING else ()


def retry_after_header(seconds: int | None) -> HeaderPairs:
    """Return the header field of a 429 or 503, in whole seconds (RFC 9110 section 10.2.3)."""
    return ((b"Retry-After", str(seconds or DEFAULT_RETRY_AFTER).encode("ascii")),)
