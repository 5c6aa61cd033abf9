"""Tokens that an issuer signed (RFC 7519), verified here with its published keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Literal

from pydantic import Field
from typing_extensions import override

from gateway.authorities.authority import Authority, verdict_digest
from gateway.authorities.authority_kind import AuthorityKind, OpenedWith
from gateway.authorities.balancer_token import parse_balancer_token
from gateway.authorities.issuer_key_settings import IssuerKeySettings
from gateway.authorities.issuer_keys import ConfiguredKeys, DiscoveredKeys
from gateway.authorities.key_set import KeySet, KeyTimes, TokenKey
from gateway.authorities.parsed_token import ParsedToken, parse_token
from gateway.authorities.pem_keys import PEM_ALGORITHM, PemKeys
from gateway.authorities.published_keys import both_names
from gateway.authorities.shared_secret import HMAC, SharedSecrets
from gateway.authorities.token_rules import TokenRules, instant
from gateway.dialects.claims import ClaimMap, Claims, instant_of, session_of_claims
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.source.values import Duration, StringList

ACCESS_TOKEN_TYPES = ("JWT", "at+jwt")
"""The `typ` of an access token (RFC 9068 section 2.1). Any other is a token of another purpose, like a logout token,
and must not pass for an access token (RFC 8725 section 3.11)."""

_AT_ONCE = 100_000
"""Signed tokens that are judged at once: that takes no connection, and one that waits for a key holds up no other."""


class JwtSettings(IssuerKeySettings):
    """An issuer's tokens, whose `aud` must name one of `audience`.

    `types` are the `typ` that a token's header may have; without one it counts as `JWT`. `leeway` is how many seconds
    the issuer's clock may be ahead of ours in `nbf` and `iat`; an expiry has none. A token longer than `token_bytes` is
    not decoded.
    """

    kind: Literal["jwt"]
    audience: StringList = Field(min_length=1)
    types: StringList = Field(default=ACCESS_TOKEN_TYPES, min_length=1)
    claims: ClaimMap = ClaimMap()
    leeway: Duration = 10.0
    token_bytes: int = Field(default=16384, ge=256)

    @property
    @override
    def longest_credential(self) -> int:
        return self.token_bytes

    @property
    @override
    def at_once(self) -> int:
        return _AT_ONCE


class JwtAuthority(Authority):
    """Verifies one issuer's tokens; any other token is *not mine*.

    `clock` is in epoch seconds, for the times of tokens, and `now` in monotonic ones, for the age of keys. `free` are
    the claims that the config asks for besides those that it maps.
    """

    memory_only = True

    def __init__(
        self,
        name: str,
        settings: JwtSettings,
        clock: Callable[[], float],
        now: Callable[[], float] = monotonic,
        *,
        free: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._free = tuple(free)
        secrets = SharedSecrets(settings.shared_secret)
        self.verdict_digest = verdict_digest(
            "jwt",
            settings.issuer,
            settings.audience,
            settings.jwks_url,
            settings.algorithms,
            secrets.digests,
            settings.types,
            settings.claims.model_dump(),
            self._free,
            settings.pem_url,
            settings.signer,
        )
        self._settings = settings
        algorithms = both_names(frozenset(_algorithms(settings)))
        self._rules = TokenRules(
            settings.issuer, settings.audience, algorithms, settings.types, settings.leeway, settings.signer
        )
        self._clock = clock
        times = KeyTimes(settings.jwks_fresh, settings.jwks_cooldown, settings.jwks_stale)
        self._parse = parse_token if settings.pem_url is None else parse_balancer_token
        self._published: ConfiguredKeys | DiscoveredKeys | PemKeys | None = None
        self._keys: KeySet | SharedSecrets | PemKeys = secrets
        if settings.pem_url is not None:
            self._published = self._keys = PemKeys(settings.pem_url, settings, times, now)
        elif not settings.shared_secret:
            self._published = published = _published(settings)
            self._keys = KeySet(published.fetch, tuple(algorithms), times, now)

    @override
    def disowns(self, credential: Credential) -> bool:
        """Tell a token in another issuer's name, and what is no token at all."""
        return self._own(credential) is None

    @override
    async def look_up(self, credential: Credential) -> Answer:
        """Return the token's session, Rejected for a bad one in this issuer's name, `None` for any other.

        Before the signature is checked, the claims decide one thing alone: whether the token is another issuer's.
        """
        parsed = self._own(credential)
        if parsed is None:
            return None
        if fault := self._rules.header_fault(parsed.header):
            return Rejected(Reason.UNKNOWN, fault)
        wanted = self._wanted(parsed)
        signed = await self._keys.has_signed(wanted, parsed.is_signed_by)
        if isinstance(signed, Unavailable):
            return signed
        return self._judge(parsed.claims) if signed else Rejected(Reason.UNKNOWN, self._keys.unsigned_because(wanted))

    @override
    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Return `Rejected(gone)`: a token names no session but its own."""
        return Rejected(Reason.GONE)

    @override
    async def close(self) -> None:
        if self._published is not None:
            await self._published.close()

    @override
    def unclaimed_because(self, credential: Credential) -> str:
        """Return whose token it is, if it is one; a slash too many is easily overlooked."""
        parsed = self._parsed(credential)
        if parsed is None or parsed.claims.get("iss") == self._settings.issuer:
            return ""
        return self._rules.foreign_because(parsed.claims)

    def _parsed(self, credential: Credential) -> ParsedToken | None:
        if credential.kind not in {CredentialKind.BEARER, CredentialKind.COOKIE}:
            return None
        return self._parse(credential.parts[0], self._settings.token_bytes)

    def _own(self, credential: Credential) -> ParsedToken | None:
        """Return the token of a credential if it is in this issuer's name."""
        parsed = self._parsed(credential)
        return parsed if parsed is not None and parsed.claims.get("iss") == self._settings.issuer else None

    def _wanted(self, parsed: ParsedToken) -> TokenKey:
        """Return what a token says of its key."""
        issued_at = instant(parsed.claims.get("iat"))
        age = None if issued_at is None else self._clock() - issued_at
        return TokenKey(str(parsed.header.get("kid", "")), parsed.header["alg"], age)

    def _judge(self, claims: Claims) -> Found | Rejected:
        """Judge the claims of a verified token."""
        rejected = self._rules.rejected_at(claims, self._clock())
        if rejected is not None:
            return rejected
        session = session_of_claims(claims, self._settings.claims, free=self._free)
        if session is None:
            return Rejected(Reason.UNKNOWN, f"it has no subject at {self._settings.claims.subject}")
        issued_at, expires_at = instant(claims.get("iat")), claims["exp"]
        return Found(session, instant_of(issued_at) if issued_at else None, instant_of(expires_at))


def _algorithms(settings: IssuerKeySettings) -> Sequence[str]:
    if settings.pem_url is not None:
        return (PEM_ALGORITHM,)
    return (HMAC,) if settings.shared_secret else settings.algorithms


def _published(settings: IssuerKeySettings) -> ConfiguredKeys | DiscoveredKeys:
    if settings.jwks_url is not None:
        return ConfiguredKeys(settings.jwks_url, settings, settings.jwks_token_file)
    return DiscoveredKeys(settings.issuer, settings, insecure_http=settings.insecure_http)


async def _open(settings: JwtSettings, opened_with: OpenedWith) -> Authority:
    return JwtAuthority(opened_with.name, settings, opened_with.clock, free=opened_with.free_claims)


KIND = AuthorityKind("jwt", JwtSettings, _open)
