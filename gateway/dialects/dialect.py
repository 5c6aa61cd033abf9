"""What every dialect is: a product's own words for *who am I?*, served to its clients and spoken to its servers.

Pure both ways: the endpoint turns a request into an InfoRequest, and an InfoResponse into a response; the remote
authority sends a RemoteRequest and hands in the RemoteResponse. Encoding and decoding of one product stand in one file
and are tested by one table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from gateway.model.answers import Found, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential
from gateway.model.decision import HeaderPairs
from gateway.model.refusal import Refusal


class Quota(msgspec.Struct, frozen=True):
    """How the caller's rate limit stands: requests at once, requests left, and when the bucket is full again."""

    limit: int
    remaining: int
    resets_at: datetime


class InfoRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a session-info endpoint, as far as a dialect's words depend on it.

    `path` is canonical and `query` raw, without its `?`. `now` is the instant of the request. `shown` is the one
    credential that was read, `malformed` says that it could not be read as text, and `authority` names who knew it.
    `session_id` is set when `reply` is called again with the session that it wanted.
    """

    path: str
    now: datetime
    request_id: str = ""
    query: str | None = None
    shown: Credential | None = None
    malformed: bool = False
    authority: str = ""
    session_id: str = ""
    quota: Quota | None = None


class InfoResponse(msgspec.Struct, frozen=True):
    """An answer in the product's words: status, JSON body, and the header fields that it needs besides."""

    status: int
    body: bytes
    headers: HeaderPairs = ()

    def __repr__(self) -> str:
        """Never show what is in it: a body may echo a key, a field may hold a cookie."""
        return f"InfoResponse(status={self.status}, body={len(self.body)} bytes)"


class SessionWanted(msgspec.Struct, frozen=True):
    """The caller is known and asks about another session of theirs."""

    session_id: str


class RemoteRequest(msgspec.Struct, frozen=True):
    """What a remote authority is sent: the credential that the dialect names and nothing else of the caller's."""

    headers: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Never show the credential that is in it."""
        return f"RemoteRequest(headers={[name for name, _ in self.headers]})"


class RemoteResponse(msgspec.Struct, frozen=True):
    """What a remote authority answered. `content_type` is the bare media type in lower case."""

    status: int
    content_type: str
    body: bytes

    def __repr__(self) -> str:
        """Never show what is in it: a body may echo a key."""
        return f"RemoteResponse(status={self.status}, content_type={self.content_type!r}, body={len(self.body)} bytes)"


class Documented(msgspec.Struct, frozen=True):
    """One answer for the OpenAPI document: the msgspec type that encodes it is the schema."""

    body: object
    description: str


class DialectServer(Protocol):
    """Our sessions and refusals in a product's words. `parameters` are the query parameters that it must be given."""

    name: str
    paths: tuple[str, ...]
    parameters: tuple[str, ...]

    def reply(self, verdict: Verdict | None, ask: InfoRequest) -> InfoResponse | SessionWanted:
        """Answer with the caller's session, or say why not; `None` is a caller who showed nothing."""

    def refuse(self, refusal: Refusal, ask: InfoRequest) -> InfoResponse:
        """Answer what was refused before anybody was asked: too many requests, a wrong method, our own fault."""

    def documented(self, path: str) -> Mapping[int, Documented]:
        """Return the answers at `path` by status."""


class DialectClient(Protocol):
    """A product's words turned into ours."""

    name: str

    def question(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Return what to send for `credential`, or `None` when the dialect has no such credential.

        With `session_id`, what to send to learn about that session of the same user; `None` when the dialect cannot
        be asked about another session.
        """

    def decode(
        self, heard: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return whose session it is. Strict about what identifies, blind to what is new. Never raises."""


class Dialect(DialectServer, DialectClient, Protocol):
    """A product's words, both ways."""


Renew = Callable[[Found, str], str | None]
"""(what was found, the authority that knew it) -> a new cookie token for the same session, if one is due. No I/O.

By the authority, since a cookie of another issuer's is not ours to renew.
"""
