"""Tokens that an issuer signed (RFC 7519), verified here with its published keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import override

from gateway.authorities.authority import Authority, verdict_digest
from gateway.authorities.authority_kind import AuthorityKind, OpenedWith
from gateway.authorities.claims import ClaimMap, Claims, instant_of, is_number, listed, session_of_claims
from gateway.authorities.http_client import EndpointUrl, HttpAuthoritySettings, require_tls, trusted
from gateway.authorities.issuer_keys import ConfiguredKeys, DiscoveredKeys
from gateway.authorities.key_set import KeySet, KeyTimes, TokenKey
from gateway.authorities.parsed_token import ParsedToken, parse_token
from gateway.authorities.published_keys import EVERY_ALGORITHM, JwtAlgorithm, both_names
from gateway.authorities.shared_secret import HMAC, SharedSecrets, require_long
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.source.values import Duration, PositiveDuration, SecretList, StringList, field_faults

_RULES_OF_ITS_OWN = frozenset({"crit", "b64"})
"""Header parameters that change what a signature means (RFC 7515 section 4.1.11, RFC 7797); we know none of them.

`jku`, `x5u`, `x5c` and `jwk` point to keys: they are never followed, and some issuers write them into every token.
"""

ACCESS_TOKEN_TYPES = ("JWT", "at+jwt")
"""The `typ` of an access token (RFC 9068 section 2.1). Any other is a token of another purpose, like a logout token,
and must not pass for an access token (RFC 8725 section 3.11)."""

_REJECTED = Rejected(Reason.UNKNOWN)

_END_OF_TIME = 253402300800.0
"""Epoch seconds of the year 10000, where datetimes end."""

_AT_ONCE = 100_000
"""Signed tokens that are judged at once: that takes no connection, and one that waits for a key holds up no other."""


class JwtSettings(HttpAuthoritySettings):
    """An issuer's tokens, whose `aud` must name one of `audience`.

    Their keys are at `jwks_url`, without it where the issuer's document says, or `shared_secret` verifies them: of HMAC
    alone, never beside published keys, since whoever knows those could sign by HMAC with them (RFC 8725 section 3.1).
    `types` are the `typ` that a token's header may have; without one it counts as `JWT`. `leeway` is how many seconds
    the issuer's clock may be ahead of ours in `nbf` and `iat`; an expiry has none. The `jwks_` keys are those of
    `KeyTimes`. A token longer than `token_bytes` is not decoded.
    """

    kind: Literal["jwt"]
    insecure_http: bool = False
    issuer: str = Field(min_length=1)
    audience: StringList = Field(min_length=1)
    shared_secret: Annotated[SecretList, AfterValidator(require_long)] = ()
    jwks_url: Annotated[EndpointUrl | None, AfterValidator(trusted)] = None
    algorithms: tuple[JwtAlgorithm | Literal["HS256"], ...] = Field(default=EVERY_ALGORITHM, min_length=1)
    types: StringList = Field(default=ACCESS_TOKEN_TYPES, min_length=1)
    claims: ClaimMap = ClaimMap()
    leeway: Duration = 10.0
    token_bytes: int = Field(default=16384, ge=256)
    jwks_fresh: PositiveDuration = KeyTimes().fresh
    jwks_cooldown: PositiveDuration = KeyTimes().cooldown
    jwks_stale: PositiveDuration = KeyTimes().stale

    @property
    @override
    def longest_credential(self) -> int:
        return self.token_bytes

    @property
    @override
    def at_once(self) -> int:
        return _AT_ONCE

    @model_validator(mode="after")
    def _keys_are_known(self) -> Self:
        """Refuse HMAC beside anything that is published, and an issuer whose keys nobody can find."""
        algorithms = self.algorithms if "algorithms" in self.model_fields_set else ()
        if self.shared_secret:
            faults = {} if self.jwks_url is None else {"jwks_url": f"is not for {HMAC}: a secret is not published"}
            if algorithms and algorithms != (HMAC,):
                faults["algorithms"] = f"must be {HMAC} alone beside a shared_secret"
        else:
            faults = {"shared_secret": f"is required by {HMAC}, which stands alone"} if HMAC in algorithms else {}
            if self.jwks_url is None and (fault := _fault_of_address(self.issuer, insecure_http=self.insecure_http)):
                faults["issuer"] = fault
        if faults:
            raise field_faults(faults)
        return self


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
        )
        self._settings = settings
        self._audience = frozenset(settings.audience)
        self._algorithms = both_names(frozenset((HMAC,) if settings.shared_secret else settings.algorithms))
        self._types = frozenset(map(_plain_type, settings.types))
        self._clock = clock
        self._published = None if settings.shared_secret else _published(settings)
        times = KeyTimes(settings.jwks_fresh, settings.jwks_cooldown, settings.jwks_stale)
        self._keys: KeySet | SharedSecrets = (
            secrets if self._published is None else KeySet(self._published.fetch, tuple(self._algorithms), times, now)
        )

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
        wanted = self._wanted(parsed)
        if wanted is None:
            return _REJECTED
        signed = await self._keys.has_signed(wanted, parsed.is_signed_by)
        if isinstance(signed, Unavailable):
            return signed
        return self._judge(parsed.claims) if signed else _REJECTED

    @override
    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Return `Rejected(gone)`: a token names no session but its own."""
        return Rejected(Reason.GONE)

    @override
    async def close(self) -> None:
        if self._published is not None:
            await self._published.close()

    def _own(self, credential: Credential) -> ParsedToken | None:
        """Return the token of a credential if it is in this issuer's name."""
        if credential.kind not in {CredentialKind.BEARER, CredentialKind.COOKIE}:
            return None
        parsed = parse_token(credential.parts[0], self._settings.token_bytes)
        return parsed if parsed is not None and parsed.claims.get("iss") == self._settings.issuer else None

    def _wanted(self, parsed: ParsedToken) -> TokenKey | None:
        """Return what an acceptable header says of the token's key, `None` for any other header."""
        header = parsed.header
        typ, algorithm = header.get("typ", "JWT"), header.get("alg")
        if not isinstance(typ, str) or _plain_type(typ) not in self._types:
            return None
        if not _RULES_OF_ITS_OWN.isdisjoint(header):
            return None
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            return None
        issued_at = _instant(parsed.claims.get("iat"))
        age = None if issued_at is None else self._clock() - issued_at
        return TokenKey(str(header.get("kid", "")), algorithm, age)

    def _judge(self, claims: Claims) -> Found | Rejected:
        """Judge the claims of a verified token (RFC 7519 section 4.1): its audience, its times and its subject."""
        now = self._clock()
        expires_at, issued_at = _instant(claims.get("exp")), _instant(claims.get("iat", 0))
        not_before = _instant(claims.get("nbf", 0))
        if expires_at is None or issued_at is None or not_before is None:
            return _REJECTED
        if self._audience.isdisjoint(listed(claims.get("aud"))):
            return _REJECTED
        if now >= expires_at:
            return Rejected(Reason.EXPIRED)
        if now + self._settings.leeway < max(issued_at, not_before):
            return _REJECTED
        session = session_of_claims(claims, self._settings.claims, free=self._free)
        if session is None:
            return _REJECTED
        return Found(session, instant_of(issued_at) if issued_at else None, instant_of(expires_at))


def _published(settings: JwtSettings) -> ConfiguredKeys | DiscoveredKeys:
    if settings.jwks_url is not None:
        return ConfiguredKeys(settings.jwks_url, settings)
    return DiscoveredKeys(settings.issuer, settings, insecure_http=settings.insecure_http)


def _fault_of_address(issuer: str, *, insecure_http: bool) -> str:
    """Return why an issuer's own document cannot be fetched, empty when it can."""
    try:
        require_tls(issuer, insecure_http=insecure_http)
    except ValueError as error:
        return f"is where its document is, without a jwks_url: {error}"
    return ""


def _plain_type(typ: str) -> str:
    """Return a media type in one spelling: `application/` may be left out (RFC 7515 section 4.1.9)."""
    return typ.lower().removeprefix("application/")


def _instant(value: Any) -> float | None:
    """Return a NumericDate (RFC 7519 section 2) that a datetime can hold, `None` for anything else."""
    return value if is_number(value) and 0 <= value < _END_OF_TIME else None


async def _open(settings: JwtSettings, opened_with: OpenedWith) -> Authority:
    return JwtAuthority(opened_with.name, settings, opened_with.clock, free=opened_with.free_claims)


KIND = AuthorityKind("jwt", JwtSettings, _open)
