"""OpenID Connect's UserInfo endpoint, spoken (OpenID Connect Core 1.0 section 5.3).

It says whose an access token is and not for whom it was issued: the token of any client of that issuer is found. It is
served by issuers; we are none.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from typing_extensions import override

from gateway.dialects.answer_decoder import AnswerDecoder
from gateway.dialects.dialect import DialectClient, RemoteRequest, RemoteResponse, bearer_request
from gateway.dialects.dialect_kind import ClientFactory, DialectKind
from gateway.dialects.wire_times import NonEmptyText
from gateway.model.answers import Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.model.session import Session, User


class UserInfoClaims(msgspec.Struct):
    """The standard claims that we know (section 5.1)."""

    sub: NonEmptyText
    name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    preferred_username: str | None = None
    picture: str | None = None
    email: str | None = None
    email_verified: bool | None = None


class InsufficientScope(msgspec.Struct):
    """The 403 for a token without the scope `openid` (RFC 6750 section 3.1)."""

    error: Literal["insufficient_scope"]


class OidcUserInfo(DialectClient):
    """UserInfo as issuers serve it."""

    name = "oidc_userinfo"

    def __init__(self) -> None:
        self._decoder = AnswerDecoder(UserInfoClaims, InsufficientScope, {403: Reason.FORBIDDEN})

    @override
    def request(self, credential: Credential, session_id: str = "") -> RemoteRequest | None:
        """Send the access token in `Authorization`."""
        if credential.kind is not CredentialKind.BEARER or session_id:
            return None
        return bearer_request(credential)

    @override
    def decode(
        self, response: RemoteResponse, credential: Credential, session_id: str = ""
    ) -> Found | Rejected | Unavailable:
        """Return the token's user. A signed answer (`application/jwt`) is none: it was not asked for."""
        return self._decoder.decode(response, _found)


def _found(claims: UserInfoClaims) -> Found:
    user = User(
        id=claims.sub,
        email=claims.email or None,
        email_verified=claims.email_verified,
        name=claims.name or None,
        username=claims.preferred_username or None,
        first_name=claims.given_name or None,
        last_name=claims.family_name or None,
        image_url=claims.picture or None,
    )
    return Found(Session(subject=claims.sub, user=user))


KIND = DialectKind("oidc_userinfo", spoken=ClientFactory(lambda _settings: OidcUserInfo()))
