"""wacht's session cookies: renewed while they are in use, and replaced by a token in the query in development.

A browser sends no cookie from `localhost:3000` to a server elsewhere. So pages of that product that are being developed
send the session token in the query, as `__dev_session__`, and get the next one in a header.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import unquote_plus

import msgspec

from gateway.dialects.dialect import Renew
from gateway.dialects.wacht import development_session, session_cookie
from gateway.model.answers import Found
from gateway.model.credential import CredentialKind
from gateway.model.decision import AccessRequest, Decision, HeaderPairs
from gateway.model.headers import Headers
from gateway.model.target import Target

DEV_SESSION = "__dev_session__"

_NO_DOMAINS: Mapping[str, str] = MappingProxyType({})
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+", re.ASCII)
_UNREADABLE = b"(unreadable)"
"""The cookie value for a token that cannot be one: the request has a credential, so it must not pass as anonymous."""


class CookieRenewal:
    """Gives an answer a new cookie when the request's cookie is due, so that a session in use does not expire.

    `renew` signs it, for sessions of our own directory alone; `cookies` are the cookies' names by reader, `domains` the
    domains of those that several hosts share: without it a browser would have two of one name. What the
    readers in `development` found may have been in the query, so their next token goes back in a header of its own.
    """

    def __init__(
        self,
        renew: Renew,
        cookies: Mapping[str, str],
        development: Collection[str] = (),
        domains: Mapping[str, str] = _NO_DOMAINS,
    ) -> None:
        self._renew = renew
        self._cookies = cookies
        self._domains = domains
        self._development = frozenset(development)

    def fields(self, decision: Decision) -> HeaderPairs:
        """Return the field with the new token, or none."""
        credential, answer = decision.credential, decision.resolution.answer
        if credential is None or credential.kind is not CredentialKind.COOKIE or not isinstance(answer, Found):
            return ()
        token = self._renew(answer, decision.resolution.authority)
        if token is None:
            return ()
        if credential.reader in self._development:
            return (development_session(token),)
        reader = credential.reader
        return (session_cookie(self._cookies[reader], token, self._domains.get(reader, "")),)


def without_dev_session(target: Target) -> tuple[Target, tuple[str, ...]]:
    """Return `target` without `__dev_session__`, every other byte unchanged, and the values that it had."""
    if target.query is None or "_" not in target.query:
        return target, ()
    pairs, tokens = [], []
    for pair in target.query.split("&"):
        name, _, value = pair.partition("=")
        if unquote_plus(name) == DEV_SESSION:
            tokens.append(unquote_plus(value))
        else:
            pairs.append(pair)
    if not tokens:
        return target, ()
    return msgspec.structs.replace(target, query="&".join(pairs) or None), tuple(tokens)


def dev_session_as_cookie(access: AccessRequest, cookies: Sequence[bytes]) -> AccessRequest:
    """Return the request with a cookie, of the first name in `cookies`, for each token in its query.

    A real cookie remains beside it, so that the two are ambiguous.
    """
    target, tokens = without_dev_session(access.target)
    if not tokens or not cookies:
        return access
    fields = tuple((b"Cookie", cookies[0] + b"=" + _cookie_value(token)) for token in tokens if token)
    headers = Headers((*access.headers.raw, *fields))
    return access.altered(target, headers)


def _cookie_value(token: str) -> bytes:
    """Return a cookie value; a token with a `;` in it would become two cookies."""
    return token.encode("ascii") if _TOKEN.fullmatch(token) else _UNREADABLE
