"""An issuer's ID tokens and logout tokens: verified by its published keys, and by no algorithm but the config's."""

from __future__ import annotations

from collections.abc import Callable

from gateway.authorities.http_settings import HttpAuthoritySettings
from gateway.authorities.issuer_keys import DiscoveredKeys
from gateway.authorities.key_set import KeySet, KeyTimes, TokenKey
from gateway.authorities.parsed_token import ParsedToken, parse_token
from gateway.authorities.published_keys import both_names
from gateway.model.answers import Unavailable
from gateway.model.external_identity import SignInRefused

TOKEN_BYTES = 16384
ID_TOKEN_TYPES = frozenset({"jwt"})
LOGOUT_TOKEN_TYPES = frozenset({"jwt", "logout+jwt"})


class IssuerTokens:
    """Verifies signatures of one issuer's tokens. `now` is in monotonic seconds."""

    def __init__(
        self,
        issuer: str,
        settings: HttpAuthoritySettings,
        algorithms: frozenset[str],
        now: Callable[[], float],
        *,
        insecure_http: bool,
    ) -> None:
        self._source = DiscoveredKeys(issuer, settings, insecure_http=insecure_http)
        self._algorithms = both_names(algorithms)
        self._keys = KeySet(self._source.fetch, tuple(self._algorithms), KeyTimes(), now)

    async def verified(self, token: str, types: frozenset[str]) -> ParsedToken | SignInRefused | Unavailable:
        """Verify a token's signature by the issuer's keys; its `typ` is one of `types`."""
        parsed = parse_token(token, TOKEN_BYTES)
        if parsed is None:
            return SignInRefused("it is no signed token")
        header = parsed.header
        typ, algorithm = header.get("typ", "JWT"), header.get("alg")
        if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in types:
            return SignInRefused("typ is another kind of token")
        if "crit" in header or "b64" in header:
            return SignInRefused("crit asks for rules that we do not know")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            return SignInRefused("alg is not one of algorithms")
        signed = await self._keys.has_signed(TokenKey(str(header.get("kid", "")), algorithm, 0.0), parsed.is_signed_by)
        if isinstance(signed, Unavailable):
            return signed
        return parsed if signed else SignInRefused("no key of the issuer has signed it")

    async def close(self) -> None:
        """Close the connections."""
        await self._source.close()
