"""Opaque tokens, looked up at their issuer (OAuth 2.0 Token Introspection, RFC 7662)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus

import msgspec
from pydantic import Field

from gateway.authorities.claims import ClaimMap, Claims, instant_of, listed, session_of_claims
from gateway.authorities.endpoint_url import TrustedEndpointUrl
from gateway.authorities.http_client import HttpAuthoritySettings, HttpClient
from gateway.authorities.verdict_digest import verdict_digest
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import UNDECODABLE
from gateway.source.values import Secret, StringList

_REJECTED = Rejected(Reason.UNKNOWN)
_NumericDate = Annotated[float, msgspec.Meta(ge=0, lt=253402300800)]
"""Epoch seconds up to the year 10000, where datetimes end."""


class IntrospectionSettings(HttpAuthoritySettings):
    """An introspection endpoint and how we authenticate there (client_secret_basic, RFC 6749 section 2.3.1).

    Of `audience` and `clients`, where they are given, the token's `aud` and `client_id` must name one; where `issuer`
    is, its `iss` must be that.
    """

    kind: Literal["introspection"]
    url: TrustedEndpointUrl
    client_id: str = Field(min_length=1)
    client_secret: Secret
    issuer: str | None = None
    audience: StringList = ()
    clients: StringList = ()
    claims: ClaimMap = ClaimMap(username="username")


class _Said(msgspec.Struct):
    """What is judged of an answer (RFC 7662 section 2.2)."""

    active: bool
    exp: _NumericDate | None = None
    iat: _NumericDate | None = None
    nbf: _NumericDate | None = None
    iss: str | None = None
    client_id: str | None = None
    aud: Any = None


_said = msgspec.json.Decoder(_Said)
_claims = msgspec.json.Decoder(Claims)


class IntrospectionAuthority:
    """Asks an issuer about each token. It cannot say *not mine*, so in a list it stands last.

    `clock` is in epoch seconds.
    """

    memory_only = False

    def __init__(self, name: str, settings: IntrospectionSettings, clock: Callable[[], float]) -> None:
        self.name = name
        self.verdict_digest = verdict_digest(
            "introspection",
            settings.url,
            settings.client_id,
            settings.issuer,
            settings.audience,
            settings.clients,
            settings.claims.model_dump(),
        )
        self._settings = settings
        self._clock = clock
        self._client = HttpClient(settings.url, settings)
        self._authorization = _basic(settings.client_id, settings.client_secret.get_secret_value())

    async def look_up(self, credential: Credential) -> Answer:
        """Return whose token it is."""
        if credential.kind is CredentialKind.TOKEN_PAIR:  # half of it would have to be left out
            return _REJECTED
        form = (("token", credential.parts[0]), ("token_type_hint", "access_token"))
        heard = await self._client.post(form, (("Authorization", self._authorization),))
        return heard if isinstance(heard, Unavailable) else self._judge(heard)

    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Tell that there is none: a token speaks of itself alone."""
        del credential, session_id
        return Rejected(Reason.GONE)

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.close()

    def _judge(self, heard: RemoteResponse) -> Found | Rejected | Unavailable:
        """Judge an answer; any status but 200 is about us and not about the token (RFC 7662 section 2.3)."""
        if heard.status != HTTPStatus.OK:
            return Unavailable(f"the introspection endpoint answered {heard.status}")
        if heard.content_type != "application/json":
            return Unavailable("the introspection endpoint answered with another content type than JSON")
        try:
            said, claims = _said.decode(heard.body), _claims.decode(heard.body)
        except UNDECODABLE:
            return Unavailable("the introspection endpoint answered with something else than an introspection")
        return self._refuse(said) or self._found(said, claims)

    def _refuse(self, said: _Said) -> Rejected | None:
        now = self._clock()
        if not said.active:
            return _REJECTED
        if said.exp is not None and now >= said.exp:
            return Rejected(Reason.EXPIRED)
        early = said.nbf is not None and now < said.nbf
        return _REJECTED if early or not self._is_for_us(said) else None

    def _is_for_us(self, said: _Said) -> bool:
        """Tell whether issuer, client and audience are those that the config asks for, as far as it asks."""
        settings = self._settings
        if settings.issuer is not None and said.iss != settings.issuer:
            return False
        if settings.clients and said.client_id not in settings.clients:
            return False
        return not settings.audience or not frozenset(settings.audience).isdisjoint(listed(said.aud))

    def _found(self, said: _Said, claims: Claims) -> Found | Rejected:
        session = session_of_claims(claims, self._settings.claims, client="client_id")
        if session is None:
            return _REJECTED
        return Found(
            session,
            None if said.iat is None else instant_of(said.iat),
            None if said.exp is None else instant_of(said.exp),
        )


def _basic(client_id: str, secret: str) -> str:
    """Return the field's value; both halves are form-encoded first (RFC 6749 section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"
