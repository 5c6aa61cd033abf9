"""Whose credential is it? Answered by our own directory: its API keys, bearer tokens, cookies and login tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import structlog
from typing_extensions import override

from gateway.authorities.authority import Authority, NotesActivity
from gateway.directory.hashing import Peppers, login_token_hash
from gateway.directory.session_tokens import SessionClaims, SessionTokens
from gateway.directory.stored import Store, StoredKey, StoredSession, judge_key, judge_session
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable, Undecided
from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import DirectoryError, OddQuestionError
from gateway.signing import TokenFault

_log = structlog.get_logger(__name__)


class Recognition(msgspec.Struct, frozen=True):
    """How the directory recognizes what it issued: keys by their peppered hashes, tokens by their signatures.

    Without `tokens` it recognizes no bearer token and no cookie.
    """

    peppers: Peppers
    tokens: SessionTokens | None


Freshen = Callable[[str], Awaitable[bool]]
"""Brings the facts of a session up to date where they come from elsewhere; tells whether its rows have changed."""


async def nothing_is_due(session_id: str) -> bool:  # noqa: ARG001 - the type's
    """Leave a session as it is: nobody but the directory says who that is."""
    return False


class DirectoryAuthority(Authority, NotesActivity):
    """Judges what the directory issued; anything else is *not mine*.

    `timeout` is in seconds and `clock` in epoch seconds. `freshen` is asked at each look-up of a token's session.
    """

    memory_only = False

    def __init__(
        self,
        name: str,
        store: Store,
        recognition: Recognition,
        clock: Callable[[], float],
        *,
        timeout: float = 2.0,
        verdict_digest: bytes = b"",
    ) -> None:
        self.name = name
        self.tokens = recognition.tokens
        self.verdict_digest = verdict_digest
        self.store = store
        self.peppers = recognition.peppers
        self.freshen: Freshen = nothing_is_due
        self._clock = clock
        self._timeout = timeout

    @override
    def disowns(self, credential: Credential) -> bool:
        """Tell a token that is not in the name of the directory's own issuer."""
        is_token = credential.kind in {CredentialKind.BEARER, CredentialKind.COOKIE}
        return is_token and self._claims(credential) is TokenFault.FOREIGN

    @override
    async def look_up(self, credential: Credential) -> Answer:
        return await self._in_time(self._answer(credential))

    @override
    async def session_of(self, credential: Credential, session_id: str) -> Found | Rejected | Unavailable:
        """Judge the credential again first: a session is shown to its owner alone."""
        answer = await self._in_time(self._other_session(credential, session_id))
        return Rejected(Reason.UNKNOWN) if answer is None else answer

    @override
    async def note_activity(self, session_id: str, at: datetime) -> None:
        await self.store.note_activity(session_id, at)

    @override
    async def close(self) -> None:
        await self.store.close()

    async def _in_time(self, answer: Awaitable[Answer]) -> Answer:
        """Turn a fault or slowness of the database into `Unavailable`."""
        try:
            async with asyncio.timeout(self._timeout):
                return await answer
        except TimeoutError:
            return Unavailable(self._late)
        except OddQuestionError as fault:
            return Undecided(str(fault))
        except DirectoryError as fault:
            return Unavailable(str(fault))

    async def _answer(self, credential: Credential) -> Answer:
        match credential.kind:
            case CredentialKind.API_KEY:
                return await self._by_key(credential)
            case CredentialKind.TOKEN_PAIR:
                return await self._by_login(credential)
            case CredentialKind.BEARER | CredentialKind.COOKIE:
                return await self._by_token(credential)

    async def _by_key(self, credential: Credential) -> Answer:
        hashes = self.peppers.every(credential.parts[0])
        stored = await self.store.key_by_hash(hashes)
        key = stored.session.api_key if stored is not None else None
        if stored is None or key is None or key.type != credential.key_type:
            return None
        reason = judge_key(stored, self._now())
        if reason is not None:
            return Rejected(reason)
        if stored.hash != hashes[0]:
            await self._rehash(stored, hashes[0])
        return Found(stored.session)

    async def _rehash(self, stored: StoredKey, current: str) -> None:
        """Hash a key under the pepper in use; a failure is logged, and its owner is let in all the same."""
        try:
            await self.store.rehash_key(stored.hash, current)
        except DirectoryError as fault:
            _log.warning("api_key_rehash_failed", authority=self.name, fault=str(fault))

    async def _by_login(self, credential: Credential) -> Answer:
        user_id, token = credential.parts[:2]
        stored = await self.store.session_by_login(user_id, login_token_hash(token))
        return None if stored is None else self._verdict(stored)

    async def _by_token(self, credential: Credential) -> Answer:
        claims = self._claims(credential)
        if claims is TokenFault.FOREIGN:
            return None
        if isinstance(claims, TokenFault):
            return Rejected(
                Reason.EXPIRED if claims is TokenFault.EXPIRED else Reason.UNKNOWN, f"the token is {claims}"
            )
        stored = await self.store.session_by_id(claims.session_id)
        if stored is None or stored.session.subject != claims.subject:
            return Rejected(Reason.GONE)
        verdict = self._verdict(stored, claims)
        if isinstance(verdict, Rejected) or not await self.freshen(claims.session_id):
            return verdict
        renewed = await self.store.session_by_id(claims.session_id)
        return Rejected(Reason.GONE) if renewed is None else self._verdict(renewed, claims)

    def _claims(self, credential: Credential) -> SessionClaims | TokenFault:
        if self.tokens is None:
            return TokenFault.FOREIGN
        if credential.kind is CredentialKind.COOKIE:
            return self.tokens.verify_cookie(credential.parts[0])
        return self.tokens.verify_access(credential.parts[0])

    def _verdict(self, stored: StoredSession, claims: SessionClaims | None = None) -> Found | Rejected:
        reason = judge_session(stored, self._now())
        times = () if claims is None else (claims.issued_at, claims.expires_at)
        return Found(stored.session, *times) if reason is None else Rejected(reason)

    async def _other_session(self, credential: Credential, session_id: str) -> Answer:
        own = await self._answer(credential)
        if not isinstance(own, Found):
            return own
        stored = await self.store.session_by_id(session_id)
        owner = own.session.user
        if stored is None or stored.session.user is None or owner is None or stored.session.user.id != owner.id:
            return Rejected(Reason.GONE)
        return Found(stored.session, own.issued_at, own.expires_at)

    @property
    def _late(self) -> str:
        return f"the directory did not answer within {self._timeout:g} s"

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
