"""Signed identity tokens: the same facts as in the headers, for upstreams that verify them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from gateway.model.person import organization_role_of, roles_of

if TYPE_CHECKING:
    from gateway.model.credential import Credential
    from gateway.model.decision import HeaderPairs
    from gateway.model.session import Session
    from gateway.signing import KeyRing

TYP = "identity+jwt"
"""The `typ` of identity tokens alone, so that one which is sent to us as a bearer token is refused."""


class _Signed(msgspec.Struct, frozen=True):
    """A token, and since and until when it is used, in epoch seconds; a clock that was set back makes a new one."""

    value: bytes
    since: float
    until: float


class IdentityTokens:
    """Signs a JWT (RFC 7519) for a session and an audience, and reuses it for half of its lifetime.

    It is reused because a signature costs more than all the rest of a request, and for half of its lifetime so that a
    service has at least the other half to pass it on. At most `tokens` are stored, by all of their claims, so that a
    role which was taken away is in no token afterwards. `ttl` is in seconds; no token outlives its session. `clock` is
    in epoch seconds.
    """

    def __init__(
        self,
        key_ring: KeyRing,
        issuer: str,
        ttl: float,
        clock: Callable[[], float],
        *,
        name: str = "X-Identity-Token",
        tokens: int = 10_000,
    ) -> None:
        self._key_ring = key_ring
        self._issuer = issuer
        self._ttl = ttl
        self._clock = clock
        self._name = name.encode("ascii")
        self._most = tokens
        self._signed: OrderedDict[tuple[object, ...], _Signed] = OrderedDict()

    def header_for(self, session: Session, audience: str, credential: Credential) -> HeaderPairs:
        """Return the header with a token for `audience`; none where the route names no audience.

        A token without an audience would be valid everywhere, so that every service which gets one could act as the
        caller.
        """
        if not audience:
            return ()
        claims = _claims(session, audience, credential)
        key = (*_flat(claims), session.expires_at)
        now = self._clock()
        signed = self._signed.get(key)
        if signed is None or not signed.since <= now < signed.until:
            signed = self._sign(claims, session, now)
            self._signed[key] = signed
        self._signed.move_to_end(key)
        if len(self._signed) > self._most:
            self._signed.popitem(last=False)
        return ((self._name, signed.value),)

    def _sign(self, claims: dict[str, Any], session: Session, now: float) -> _Signed:
        expires_at = now + self._ttl
        if session.expires_at is not None:
            expires_at = min(expires_at, session.expires_at.timestamp())
        times = {"iss": self._issuer, "iat": int(now), "exp": int(expires_at), "jti": uuid4().hex}
        token = self._key_ring.sign(TYP, {**claims, **times})
        return _Signed(token.encode("ascii"), now, now + (expires_at - now) / 2)


def _claims(session: Session, audience: str, credential: Credential) -> dict[str, Any]:
    """Return the claims without issuer and times; a claim that the session has no value for is absent."""
    claims: dict[str, Any] = {
        "sub": session.subject,
        "aud": audience,
        "auth_method": credential.kind.value,
        "roles": roles_of(session),
        "scopes": session.scopes,
    }
    if session.id is not None:
        claims["sid"] = session.id
    if session.organization is not None:
        claims["org"] = session.organization.id
    if role := organization_role_of(session):
        claims["org_role"] = role
    return claims


def _flat(claims: dict[str, Any]) -> tuple[object, ...]:
    return tuple(claims.items())
