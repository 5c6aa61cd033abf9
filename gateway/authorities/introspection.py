"""Opaque tokens, introspected at their issuer (OAuth 2.0 Token Introspection, RFC 7662)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus

import msgspec
from pydantic import Field
from typing_extensions import override

from gateway.authorities.authority import Authority, verdict_digest
from gateway.authorities.claims import ClaimMap, Claims, instant_of, listed, session_of_claims
from gateway.authorities.http_client import AskedHttpSettings, HttpClient, TrustedEndpointUrl
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import UNDECODABLE
from gateway.source.values import Secret, StringList

_REJECTED = Rejected(Reason.UNKNOWN)
_NumericDate = Annotated[float, msgspec.Meta(ge=-62135596800, lt=253402300800)]
"""Epoch seconds from the year 1 to the year 10000, where datetimes begin and end; `exp: -1` is long over."""


class IntrospectionSettings(AskedHttpSettings):
    """An introspection endpoint and how we authenticate there (client_secret_basic, RFC 6749 section 2.3.1).

    The token's `aud` must name one of `audience`, its `client_id` one of `clients`, and its `iss` must be `issuer`;
    each only where the config has it.
    """

    kind: Literal["introspection"]
    url: TrustedEndpointUrl
    client_id: str = Field(min_length=1)
    client_secret: Secret
    issuer: str | None = None
    audience: StringList = ()
    clients: StringList = ()
    claims: ClaimMap = ClaimMap(username="username")


class _Introspection(msgspec.Struct):
    """The members of an answer that are judged (RFC 7662 section 2.2)."""

    active: bool
    exp: _NumericDate | None = None
    iat: _NumericDate | None = None
    nbf: _NumericDate | None = None
    iss: str | None = None
    client_id: str | None = None
    aud: Any = None


_introspection_decoder = msgspec.json.Decoder(_Introspection)
_claims_decoder = msgspec.json.Decoder(Claims)


class IntrospectionAuthority(Authority):
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

    @override
    async def look_up(self, credential: Credential) -> Answer:
        if credential.kind is CredentialKind.TOKEN_PAIR:  # the request has room for one token alone
            return _REJECTED
        form = (("token", credential.parts[0]), ("token_type_hint", "access_token"))
        response = await self._client.post(form, (("Authorization", self._authorization),))
        return response if isinstance(response, Unavailable) else self._judge(response)

    @override
    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Return `Rejected(gone)`: a token names no session but its own."""
        return Rejected(Reason.GONE)

    @override
    async def close(self) -> None:
        await self._client.close()

    def _judge(self, response: RemoteResponse) -> Found | Rejected | Unavailable:
        """Judge an answer; any status but 200 is no verdict on the token (RFC 7662 section 2.3)."""
        if response.status != HTTPStatus.OK:
            return Undecided(f"the introspection endpoint answered {response.status}")
        if response.content_type != "application/json":
            return Undecided("the introspection endpoint answered with another content type than JSON")
        try:
            introspection = _introspection_decoder.decode(response.body)
            claims = _claims_decoder.decode(response.body)
        except UNDECODABLE:
            return Undecided("the introspection endpoint answered with something else than an introspection")
        return self._reject(introspection) or self._found(introspection, claims)

    def _reject(self, introspection: _Introspection) -> Rejected | None:
        now = self._clock()
        if not introspection.active:
            return _REJECTED
        if introspection.exp is not None and now >= introspection.exp:
            return Rejected(Reason.EXPIRED)
        early = introspection.nbf is not None and now < introspection.nbf
        return _REJECTED if early or not self._is_for_us(introspection) else None

    def _is_for_us(self, introspection: _Introspection) -> bool:
        """Tell whether issuer, client and audience are those of the config, as far as it has them."""
        settings = self._settings
        if settings.issuer is not None and introspection.iss != settings.issuer:
            return False
        if settings.clients and introspection.client_id not in settings.clients:
            return False
        return not settings.audience or not frozenset(settings.audience).isdisjoint(listed(introspection.aud))

    def _found(self, introspection: _Introspection, claims: Claims) -> Found | Rejected:
        session = session_of_claims(claims, self._settings.claims, client="client_id")
        if session is None:
            return _REJECTED
        return Found(
            session,
            None if introspection.iat is None else instant_of(introspection.iat),
            None if introspection.exp is None else instant_of(introspection.exp),
        )


def _basic(client_id: str, secret: str) -> str:
    """Return the field's value; both halves are form-encoded first (RFC 6749 section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode('ascii')).decode('ascii')}"
