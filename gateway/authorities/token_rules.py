"""What a signed token must say besides being signed, and in words for the log why one is refused.

The words tell what was expected and, of public claims and header parameters, what came; the caller is told none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from gateway.authorities.public_claims import shown
from gateway.dialects.claims import END_OF_TIME, Claims, is_number, listed
from gateway.model.answers import Reason, Rejected

_RULES_OF_ITS_OWN = frozenset({"crit", "b64"})
"""Header parameters that change what a signature means (RFC 7515 section 4.1.11, RFC 7797); we know none of them.

`jku`, `x5u`, `x5c` and `jwk` point to keys: they are never followed, and some issuers write them into every token.
"""


class TokenRules:
    """What the header (RFC 7515 section 4.1) and the claims (RFC 7519 section 4.1) of one issuer's tokens must say.

    `algorithms` are by every name that they have; `leeway` is in seconds. `signers` are whom the header may name as the
    token's signer, where that counts.
    """

    def __init__(
        self,
        issuer: str,
        audience: Sequence[str],
        algorithms: AbstractSet[str],
        types: Sequence[str],
        leeway: float,
        signers: Sequence[str] = (),
    ) -> None:
        self._issuer = issuer
        self._audience = tuple(audience)
        self._algorithms = frozenset(algorithms)
        self._types = {plain_type(typ): typ for typ in types}
        self._leeway = leeway
        self._signers = tuple(signers)

    def foreign_because(self, claims: Claims) -> str:
        """Return why a token is another issuer's."""
        return f"iss is {shown(claims.get('iss'))}, not {shown(self._issuer)}"

    def header_fault(self, header: Mapping[str, Any]) -> str:
        """Return why a token is refused by its header alone, empty when it is not."""
        typ, algorithm = header.get("typ", "JWT"), header.get("alg")
        if not isinstance(typ, str) or plain_type(typ) not in self._types:
            return f"typ is {shown(typ)}, not {_one_of(self._types.values())}"
        if own := sorted(_RULES_OF_ITS_OWN & set(header)):
            return f"its header has {' and '.join(own)}, which would change what its signature means"
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            return f"alg is {shown(algorithm)}, not {_one_of(self._algorithms)}"
        if self._signers and header.get("signer") not in self._signers:
            return f"signer is {shown(header.get('signer'))}, not {_one_of(self._signers)}"
        return ""

    def rejected_at(self, claims: Claims, now: float) -> Rejected | None:
        """Judge the audience and times of a verified token; `now` is in epoch seconds."""
        expires_at = instant(claims.get("exp"))
        for name in ("exp", "iat", "nbf"):
            if instant(claims.get(name, None if name == "exp" else 0)) is None:
                return _unknown(f"{name} is {shown(claims.get(name))}, not a time")
        if frozenset(self._audience).isdisjoint(listed(claims.get("aud"))):
            return _unknown(f"aud is {shown(claims.get('aud'))}, not {_one_of(self._audience)}")
        if expires_at is not None and now >= expires_at:
            return Rejected(Reason.EXPIRED, f"exp is {shown(claims.get('exp'))}, and it is {now:.0f}")
        for name in ("nbf", "iat"):
            if now + self._leeway < (instant(claims.get(name, 0)) or 0):
                return _unknown(f"{name} is {shown(claims.get(name))}, ahead of {now:.0f} by more than the leeway")
        return None


def plain_type(typ: str) -> str:
    """Return a media type in one spelling: `application/` may be left out (RFC 7515 section 4.1.9)."""
    return typ.lower().removeprefix("application/")


def instant(value: Any) -> float | None:
    """Return a NumericDate (epoch seconds, RFC 7519 section 2) that a datetime can hold, `None` for anything else."""
    return value if is_number(value) and 0 <= value < END_OF_TIME else None


def _unknown(detail: str) -> Rejected:
    return Rejected(Reason.UNKNOWN, detail)


def _one_of(values: Any) -> str:
    return " or ".join(map(shown, sorted(values)))
