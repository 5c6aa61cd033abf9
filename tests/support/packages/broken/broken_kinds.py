"""Kinds that cannot be used, each in its own way."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from gateway.credentials.reader_kind import CredentialReaderKind, CredentialSettings
from gateway.dialects.dialect_kind import ClientFactory, DialectKind, ServerFactory
from gateway.dialects.settings import EndpointSettings
from gateway.endpoints.forward_auth.original import ForwardAuthEndpointSettings, ForwardAuthKind


class Faulty(EndpointSettings):
    """Settings whose own code fails."""

    word: str = ""

    @field_validator("word")
    @classmethod
    def _known(cls, value: str) -> Any:
        return {"known": 1}[value]


def _fail(*_: object) -> Any:
    raise ZeroDivisionError("division by zero")


TEXT = "no kind at all"
SETTINGS = DialectKind("broken_settings", ServerFactory(dict, _fail))  # type: ignore[arg-type]
BUILD = DialectKind("broken_build", ServerFactory(EndpointSettings, _fail))
VALIDATOR = DialectKind("broken_validator", ServerFactory(Faulty, _fail))
SPEECH = DialectKind("broken_speech", spoken=ClientFactory(_fail))
READER = CredentialReaderKind("broken_reader", CredentialSettings, _fail)
EDGE = ForwardAuthKind("broken_edge", ForwardAuthEndpointSettings, _fail)
