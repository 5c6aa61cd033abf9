"""Who we are at an OpenID provider, and what it says and answers."""

from __future__ import annotations

import re

import msgspec
from pydantic import Field

from gateway.authorities.client_authentication import ClientSettings
from gateway.authorities.published_keys import EVERY_ALGORITHM, JwtAlgorithm
from gateway.dialects.claims import ClaimMap
from gateway.model.errors import UNDECODABLE
from gateway.source.values import StringList

_LONGEST = 366 * 86400.0
_ERROR_CODE = re.compile(r"[a-z_]{1,64}", re.ASCII)


class OpenIdClientSettings(ClientSettings):
    """An issuer, and who we are there. `scopes` are asked for; of `algorithms` one signs its tokens.

    An ID token may name `trusted_audiences` beside us.
    """

    insecure_http: bool = False
    issuer: str = Field(min_length=1)
    scopes: StringList = ("openid", "profile", "email")
    algorithms: tuple[JwtAlgorithm, ...] = Field(default=EVERY_ALGORITHM, min_length=1)
    trusted_audiences: StringList = ()
    claims: ClaimMap = ClaimMap()


class ProviderDocument(msgspec.Struct):
    """What we use of an issuer's metadata (OpenID Connect Discovery 1.0 section 3, RFC 9126 section 5, RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str = ""
    pushed_authorization_request_endpoint: str = ""
    authorization_response_iss_parameter_supported: bool = False


class TokenAnswer(msgspec.Struct):
    """What a token endpoint hands out (RFC 6749 section 5.1); `expires_in` is in seconds."""

    access_token: str
    id_token: str | None = None
    refresh_token: str = ""
    expires_in: float | None = None

    @property
    def lasts(self) -> float | None:
        """How many seconds the access token is believed for: an issuer's number may be one that no clock has."""
        return None if self.expires_in is None else min(max(self.expires_in, 0.0), _LONGEST)


class ErrorAnswer(msgspec.Struct):
    """Why it hands out nothing (RFC 6749 section 5.2)."""

    error: str = ""


def error_code(body: bytes) -> str:
    """Return the error code of an answer (RFC 6749 section 5.2), as far as it is one."""
    try:
        code = msgspec.json.decode(body, type=ErrorAnswer).error
    except UNDECODABLE:
        return ""
    return code if _ERROR_CODE.fullmatch(code) else ""
