"""A browser's cookie is renewed while it is in use, on whatever answer comes by (DIALECTS, "wacht": sliding)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.dialects.dialect import Renew
from gateway.dialects.wacht import development_session, session_cookie
from gateway.model.answers import Found
from gateway.model.credential import CredentialKind
from gateway.model.decision import Decision, HeaderPairs


class CookieRenewal:
    """Tells what a proxied answer carries besides: a new cookie, when the one that was shown is due.

    `renew` signs it, for sessions of our own directory alone; `cookies` are the cookies' names by their readers'. What
    the readers in `development` found may have come in the query, so the next token goes back in a field of its own.
    """

    def __init__(self, renew: Renew, cookies: Mapping[str, str], development: Collection[str] = ()) -> None:
        self._renew = renew
        self._cookies = cookies
        self._development = frozenset(development)

    def fields(self, decision: Decision) -> HeaderPairs:
        """Return the field that hands a new token out, or nothing."""
        credential, answer = decision.credential, decision.resolution.answer
        if credential is None or credential.kind is not CredentialKind.COOKIE or not isinstance(answer, Found):
            return ()
        token = self._renew(answer, decision.resolution.authority)
        if token is None:
            return ()
        if credential.reader in self._development:
            return (development_session(token),)
        return (session_cookie(self._cookies[credential.reader], token),)
