"""`listen.admin_token`: whoever shows one of them is the owner."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from gateway.admin.web_answers import CallRefusedError
from gateway.model.refusal import Refusal, RefusalCode

_BEARER = "bearer "


class AdminTokens:
    """The owner's bearer tokens (RFC 6750); several while they rotate."""

    def __init__(self, tokens: Sequence[str] = ()) -> None:
        self._tokens: tuple[bytes, ...] = ()
        self.apply(tokens)

    def apply(self, tokens: Sequence[str]) -> None:
        """Take the tokens of another config."""
        self._tokens = tuple(token.encode("utf-8") for token in tokens if token)

    def require(self, authorization: Sequence[str]) -> None:
        """Take the values of the Authorization fields; raises CallRefusedError unless they are one right token."""
        if not authorization:
            raise CallRefusedError(Refusal(RefusalCode.UNAUTHENTICATED, "no admin token was sent"))
        if not self._tokens:
            raise CallRefusedError(Refusal(RefusalCode.FORBIDDEN, "no admin token is configured"))
        if not self.include(authorization):
            raise CallRefusedError(Refusal(RefusalCode.FORBIDDEN, "a wrong admin token was sent"))

    def include(self, authorization: Sequence[str]) -> bool:
        """Tell whether these fields show a right token; an early exit would show how much of a guess is right."""
        if len(authorization) != 1 or authorization[0][: len(_BEARER)].lower() != _BEARER:
            return False
        candidate = authorization[0][len(_BEARER) :].strip(" \t").encode("utf-8", "surrogateescape")
        return any(hmac.compare_digest(candidate, token) for token in self._tokens)
