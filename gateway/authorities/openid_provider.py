"""An OpenID provider as its client: authorization code with PKCE, pushed requests, ID tokens and logout tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import msgspec

from gateway.authorities.client_authentication import ClientAuthentication
from gateway.authorities.http_client import HttpClient
from gateway.authorities.http_settings import Pairs, require_tls
from gateway.authorities.issuer_keys import IssuerDocument
from gateway.authorities.issuer_tokens import ID_TOKEN_TYPES, LOGOUT_TOKEN_TYPES, TOKEN_BYTES, IssuerTokens
from gateway.authorities.openid_messages import OpenIdClientSettings, ProviderDocument, TokenAnswer, error_code
from gateway.authorities.parsed_token import ParsedToken, parse_token
from gateway.dialects.claims import Claims, session_of_claims
from gateway.dialects.dialect import RemoteResponse
from gateway.model.answers import Unavailable
from gateway.model.errors import UNDECODABLE
from gateway.model.external_identity import EndedAtIssuer, ExternalIdentity, ProviderTokens, Redeemed, SignInRefused
from gateway.sign_in.flow import Flow
from gateway.sign_in.id_token import ExpectedToken, id_token_fault, logout_token_fault

_DOCUMENT_SECONDS = 60.0
"""For which an issuer's document is used: a person who begins soon after its outage reads that we cannot ask it."""

_CANNOT_READ = SignInRefused("the issuer answered with what cannot be read")


class OpenIdProvider:
    """One provider of the config; `name` is its name there. Within one event loop.

    `clock` is in epoch seconds, `now` in monotonic ones. `free` are the claims that are asked for besides those mapped.
    """

    def __init__(
        self,
        name: str,
        settings: OpenIdClientSettings,
        clock: Callable[[], float],
        now: Callable[[], float] = monotonic,
        *,
        free: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._free = tuple(free)
        self._settings = settings
        self._clock = clock
        self._now = now
        self._issuer = settings.issuer
        self._document = IssuerDocument(settings.issuer, settings)
        algorithms = frozenset[str](settings.algorithms)
        self._tokens = IssuerTokens(settings.issuer, settings, algorithms, now, insecure_http=settings.insecure_http)
        self._authentication = ClientAuthentication(settings, settings.issuer, clock)
        self._clients: dict[str, HttpClient] = {}
        self._metadata: tuple[float, ProviderDocument] | None = None

    async def begin(self, flow: Flow, redirect_uri: str) -> str | Unavailable:
        """Return where the browser is sent to sign in; the request is pushed where the issuer takes that (RFC 9126)."""
        document = await self._discovered()
        if isinstance(document, Unavailable):
            return document
        request = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        if document.pushed_authorization_request_endpoint:
            pushed = await self._push(document.pushed_authorization_request_endpoint, request)
            if isinstance(pushed, Unavailable):
                return pushed
            request = {"client_id": self._settings.client_id, "request_uri": pushed}
        return _with_query(document.authorization_endpoint, request)

    async def redeem(
        self, code: str, iss: str | None, flow: Flow, redirect_uri: str
    ) -> Redeemed | SignInRefused | Unavailable:
        """Return who signed in, for the code that the browser brought back; `iss` is that of RFC 9207."""
        document = await self._discovered()
        if isinstance(document, Unavailable):
            return document
        if iss is None and document.authorization_response_iss_parameter_supported:
            return SignInRefused("the answer names no issuer (iss)")
        if iss is not None and iss != self._issuer:
            return SignInRefused("the answer names another issuer (iss)")
        form = (
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", flow.verifier),
        )
        answer = await self._ask_token(document, form)
        return await self._signed_in(answer, flow.nonce) if isinstance(answer, TokenAnswer) else answer

    async def refresh(self, tokens: ProviderTokens, subject: str) -> Redeemed | SignInRefused | Unavailable:
        """Redeem a refresh token for the facts of now (OpenID Connect Core section 12); it is gone afterwards.

        What the issuer leaves out of its answer stays as it was.
        """
        document = await self._discovered()
        if isinstance(document, Unavailable):
            return document
        form = (("grant_type", "refresh_token"), ("refresh_token", tokens.refresh_token))
        answer = await self._ask_token(document, form)
        if not isinstance(answer, TokenAnswer):
            return answer
        renewed = msgspec.structs.replace(
            answer,
            id_token=answer.id_token or tokens.id_token,
            refresh_token=answer.refresh_token or tokens.refresh_token,
        )
        if answer.id_token is None:
            parsed = parse_token(tokens.id_token, TOKEN_BYTES)
            return _CANNOT_READ if parsed is None else self._redeemed(parsed.claims, renewed)
        redeemed = await self._signed_in(renewed, None)
        if isinstance(redeemed, Redeemed) and redeemed.identity.subject != subject:
            return SignInRefused("the refreshed token is of another subject")
        return redeemed

    async def logout_url(self, id_token: str, back_to: str) -> str:
        """Return where the browser is sent to sign out at the issuer (RP-Initiated Logout 1.0), or nothing."""
        document = await self._discovered()
        if isinstance(document, Unavailable) or not document.end_session_endpoint:
            return ""
        request = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back_to}
        return _with_query(document.end_session_endpoint, {"id_token_hint": id_token, **request})

    async def logged_out(self, token: str) -> EndedAtIssuer | SignInRefused | Unavailable:
        """Return what a logout token ends (Back-Channel Logout 1.0 section 2.6)."""
        claims = await self._tokens.verified(token, LOGOUT_TOKEN_TYPES)
        if not isinstance(claims, ParsedToken):
            return claims
        fault = logout_token_fault(claims.claims, self._expected())
        if fault is not None:
            return SignInRefused(fault)
        found = claims.claims
        return EndedAtIssuer(self._issuer, found.get("sub"), found.get("sid"), found["jti"], found["exp"])

    async def close(self) -> None:
        """Close the connections."""
        await self._document.close()
        await self._tokens.close()
        for client in self._clients.values():
            await client.close()

    async def _discovered(self) -> ProviderDocument | Unavailable:
        if self._metadata is not None and self._now() - self._metadata[0] < _DOCUMENT_SECONDS:
            return self._metadata[1]
        document = await self._document.read(ProviderDocument)
        if isinstance(document, Unavailable):
            return document
        named = (document.authorization_endpoint, document.token_endpoint)
        optional = (document.end_session_endpoint, document.pushed_authorization_request_endpoint)
        try:
            for url in (*named, *filter(None, optional)):
                require_tls(url, insecure_http=self._settings.insecure_http)
        except ValueError:
            return Unavailable("the issuer's document names an address that cannot be trusted")
        self._metadata = self._now(), document
        return document

    async def _push(self, url: str, request: Mapping[str, str]) -> str | Unavailable:
        answer = await self._post(url, tuple(request.items()))
        if isinstance(answer, Unavailable):
            return answer
        try:
            pushed = msgspec.json.decode(answer.body, type=dict[str, Any])
        except UNDECODABLE:
            pushed = {}
        found = pushed.get("request_uri")
        if answer.status != HTTPStatus.CREATED or not isinstance(found, str):
            return Unavailable(f"the issuer took no pushed request: {answer.status} {error_code(answer.body)}")
        return found

    async def _ask_token(self, document: ProviderDocument, form: Pairs) -> TokenAnswer | SignInRefused | Unavailable:
        answer = await self._post(document.token_endpoint, form)
        if isinstance(answer, Unavailable):
            return answer
        if answer.status != HTTPStatus.OK:
            error = error_code(answer.body)
            if error == "invalid_grant":
                return SignInRefused(f"the issuer refused: {error}")
            return Unavailable(f"the issuer's token endpoint answered {answer.status} {error}")
        try:
            return msgspec.json.decode(answer.body, type=TokenAnswer)
        except UNDECODABLE:
            return _CANNOT_READ

    async def _post(self, url: str, form: Pairs) -> RemoteResponse | Unavailable:
        client = self._clients.get(url)
        if client is None:
            client = self._clients[url] = HttpClient(url, self._settings)
        own = self._authentication.form()
        names = {name for name, _ in own}  # of which none may come twice (RFC 6749 section 3.2)
        rest = [pair for pair in form if pair[0] not in names]
        return await client.post((*rest, *own), self._authentication.headers())

    async def _signed_in(self, answer: TokenAnswer, nonce: str | None) -> Redeemed | SignInRefused | Unavailable:
        if answer.id_token is None:
            return SignInRefused("the issuer gave no ID token")
        token = await self._tokens.verified(answer.id_token, ID_TOKEN_TYPES)
        if not isinstance(token, ParsedToken):
            return token
        fault = id_token_fault(
            token.claims,
            self._expected(),
            nonce=nonce,
            access_token=answer.access_token,
            algorithm=str(token.header["alg"]),
        )
        return SignInRefused(fault) if fault is not None else self._redeemed(token.claims, answer)

    def _expected(self) -> ExpectedToken:
        trusted = frozenset(self._settings.trusted_audiences)
        return ExpectedToken(self._issuer, self._settings.client_id, self._clock(), trusted)

    def _redeemed(self, claims: Claims, answer: TokenAnswer) -> Redeemed | SignInRefused:
        session = session_of_claims(claims, self._settings.claims, free=self._free)
        if session is None or session.user is None or answer.id_token is None:
            return SignInRefused("its claims name nobody")
        sid = claims.get("sid")
        mapped = "roles" in self._settings.claims.model_fields_set
        identity = ExternalIdentity(
            self.name,
            self._issuer,
            str(claims["sub"]),
            sid if isinstance(sid, str) else "",
            session.user,
            session,
            session.roles if mapped else None,
        )
        fresh = self._clock() + answer.lasts if answer.lasts is not None and answer.refresh_token else None
        return Redeemed(identity, ProviderTokens(answer.id_token, answer.refresh_token, fresh))


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
