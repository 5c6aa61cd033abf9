"""Acme's dialect, both ways: `GET /acme/me`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from typing_extensions import override

from gateway.dialects.answer_decoder import AnswerDecoder
from gateway.dialects.dialect import (
    Dialect,
    Documented,
    InfoRequest,
    InfoResponse,
    RemoteRequest,
    RemoteResponse,
    json_response,
    retry_after_header,
)
from gateway.dialects.dialect_kind import ClientFactory, DialectKind, ServerFactory, SpokenSettings
from gateway.dialects.settings import EndpointSettings
from gateway.dialects.wire_times import NonEmptyText
from gateway.model.answers import Found, Rejected, Unavailable, Verdict
from gateway.model.credential import Credential
from gateway.model.refusal import Refusal
from gateway.model.session import Session, User


class Me(msgspec.Struct):
    """A success."""

    person: NonEmptyText
    greeting: str


class Trouble(msgspec.Struct):
    """A failure."""

    trouble: str


class AcmeSettings(EndpointSettings):
    """Acme's endpoint."""

    dialect: Literal["acme"]
    greeting: str = "Hello"


class AcmeKeys(SpokenSettings):
    """The site whose people are asked about."""

    site: str


class Acme(Dialect):
    """Acme's dialect."""

    name = "acme"
    paths: tuple[str, ...] = ("/acme/me",)
    parameters: tuple[str, ...] = ()

    def __init__(self, greeting: str = "", site: str = "") -> None:
        self._greeting = greeting
        self._site = site
        self._decoder = AnswerDecoder(Me, Trouble, {})

    @override
    def reply(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        match verdict:
            case Found(session):
                return json_response(200, Me(session.subject, self._greeting))
            case Unavailable(retry_after=seconds):
                return json_response(503, Trouble("away"), retry_after_header(seconds))
            case _:
                return json_response(401, Trouble("who?"))

    @override
    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        return json_response(refusal.status, Trouble("no"))

    @override
    def documented(self, path: str) -> Mapping[int, Documented]:
        return {200: Documented(Me, "You"), 401: Documented(Trouble, "Nobody")}

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        return RemoteRequest((("X-Acme-Badge", credential.parts[0]), ("X-Acme-Site", self._site)))

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        return self._decoder.decode(response, lambda me: Found(Session(subject=me.person, user=User(id=me.person))))


KIND = DialectKind(
    "acme",
    ServerFactory(AcmeSettings, lambda settings, _issue: Acme(settings.greeting)),
    ClientFactory(lambda settings: Acme(site=settings.site), AcmeKeys),
)
