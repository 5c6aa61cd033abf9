"""Opaque tokens, introspected at their issuer (OAuth 2.0 Token Introspection, RFC 7662)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import AfterValidator
from typing_extensions import override

from gateway.authorities.authority import Authority, verdict_digest
from gateway.authorities.authority_kind import AuthorityKind, OpenedWith
from gateway.authorities.client_authentication import ClientAuthentication, ClientSettings
from gateway.authorities.http_settings import EndpointUrl, trusted
from gateway.authorities.open_http_client import open_http_client
from gateway.authorities.public_claims import shown
from gateway.dialects.claims import END_OF_TIME, ClaimMap, Claims, instant_of, is_number, listed, session_of_claims
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import UNDECODABLE
from gateway.source.values import Duration, StringList


class IntrospectionSettings(ClientSettings):
    """An introspection endpoint.

    The token's `aud` must name one of `audience`, its `client_id` one of `clients`, and its `iss` must be `issuer`;
    each only where the config has it. `leeway` is how many seconds the issuer's clock may be ahead of ours in `nbf`.
    """

    kind: Literal["introspection"]
    insecure_http: bool = False
    url: Annotated[EndpointUrl, AfterValidator(trusted)]
    issuer: str | None = None
    audience: StringList = ()
    clients: StringList = ()
    claims: ClaimMap = ClaimMap(username="username")
    leeway: Duration = 10.0

    @property
    @override
    def asked_host(self) -> str:
        return urlsplit(self.url).hostname or ""


_claims_decoder = msgspec.json.Decoder(Claims)


class IntrospectionAuthority(Authority):
    """Asks an issuer about each token. It cannot say *not mine*, so in a list it stands last.

    `clock` is in epoch seconds. `free` are the claims that the config asks for besides those that it maps.
    """

    memory_only = False

    def __init__(
        self, name: str, settings: IntrospectionSettings, clock: Callable[[], float], *, free: Sequence[str] = ()
    ) -> None:
        self.name = name
        self._free = tuple(free)
        self.verdict_digest = verdict_digest(
            "introspection",
            settings.url,
            settings.auth,
            settings.client_id,
            settings.issuer,
            settings.audience,
            settings.clients,
            settings.claims.model_dump(),
            self._free,
        )
        self._settings = settings
        self._clock = clock
        self._client = open_http_client(settings.url, settings)
        self._authentication = ClientAuthentication(settings, settings.url, clock)

    @override
    async def look_up(self, credential: Credential) -> Answer:
        if credential.kind is CredentialKind.TOKEN_PAIR:  # the request has room for one token alone
            return Rejected(Reason.UNKNOWN)
        form = (("token", credential.parts[0]), ("token_type_hint", "access_token"), *self._authentication.form())
        response = await self._client.post(form, self._authentication.headers())
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
            return Undecided(f"the introspection endpoint answered {response.status}", response.retry_after or 1)
        if response.content_type != "application/json":
            return Undecided("the introspection endpoint answered with another content type than JSON")
        try:
            claims = _claims_decoder.decode(response.body)
        except UNDECODABLE:
            return Undecided("the introspection endpoint answered with something else than an introspection")
        active = claims.get("active")
        if not isinstance(active, bool):
            return Undecided("the introspection endpoint does not say whether the token is active")
        if not active:  # then nothing else is read
            return Rejected(Reason.UNKNOWN, "the issuer calls it inactive")
        return self._judge_active(claims)

    def _judge_active(self, claims: Claims) -> Found | Rejected:
        """Judge the claims of a token that is active, which is what counts: an odd time is none."""
        now, expires_at = self._clock(), _instant(claims.get("exp"))
        if expires_at is not None and now >= expires_at:
            return Rejected(Reason.EXPIRED, f"exp is {shown(claims.get('exp'))}, and it is {now:.0f}")
        if fault := self._fault_of(claims, now):
            return Rejected(Reason.UNKNOWN, fault)
        session = session_of_claims(claims, self._settings.claims, client="client_id", free=self._free)
        if session is None:
            return Rejected(Reason.UNKNOWN, f"it has no subject at {self._settings.claims.subject}")
        issued_at = _instant(claims.get("iat"))
        return Found(
            session,
            None if issued_at is None else instant_of(issued_at),
            None if expires_at is None else instant_of(expires_at),
        )

    def _fault_of(self, claims: Claims, now: float) -> str:
        """Return why an active token is not for us, as far as the config says what is; empty when it is."""
        settings, not_before = self._settings, claims.get("nbf")
        if is_number(not_before) and not_before > now + settings.leeway:
            return f"nbf is {shown(not_before)}, ahead of {now:.0f} by more than the leeway"
        if settings.issuer is not None and claims.get("iss") != settings.issuer:
            return f"iss is {shown(claims.get('iss'))}, not {shown(settings.issuer)}"
        if settings.clients and claims.get("client_id") not in settings.clients:
            return f"client_id is {shown(claims.get('client_id'))}, not one of clients"
        if settings.audience and frozenset(settings.audience).isdisjoint(listed(claims.get("aud"))):
            return f"aud is {shown(claims.get('aud'))}, not {' or '.join(map(shown, settings.audience))}"
        return ""


def _instant(value: Any) -> float | None:
    """Return a NumericDate (RFC 7519 section 2) after the epoch that a datetime can hold, `None` for anything else.

    Issuers write 0, -1, the largest number that they have, or a text for a token without an expiry.
    """
    return float(value) if is_number(value) and 0 < value < END_OF_TIME else None


async def _open(settings: IntrospectionSettings, opened_with: OpenedWith) -> Authority:
    return IntrospectionAuthority(opened_with.name, settings, opened_with.clock, free=opened_with.free_claims)


KIND = AuthorityKind("introspection", IntrospectionSettings, _open, can_disown=False)
