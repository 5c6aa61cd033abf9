"""Passwords as argon2id hashes (RFC 9106), made in a few threads so that nobody's guesses keep the event loop busy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from secrets import token_urlsafe
from typing import TYPE_CHECKING, TypeVar
from unicodedata import normalize

import msgspec

from gateway.model.errors import DirectoryError, InvalidRecordError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LONGEST_PASSWORD = 1024
"""Bytes. A longer one is a way to keep us busy."""
_MOST_WAITING = 32
"""Hashes that wait for a thread; at 50 ms each, whoever comes behind them is told to come later."""

_Done = TypeVar("_Done")


class Verified(msgspec.Struct, frozen=True):
    """Whether a password is the right one, and its new hash where the parameters have changed since it was set."""

    right: bool
    rehashed: str = ""


class PasswordHashing:
    """Hashes and verifies; raises DirectoryError where the extra is not installed.

    `threads` hash at once, each in 64 MiB (the second recommended option of RFC 9106 section 4), unless `hasher` has
    other parameters.
    """

    def __init__(self, threads: int = 2, hasher: PasswordHasher | None = None) -> None:
        self._hasher = _hasher() if hasher is None else hasher
        self._nobodys = ""
        # Its own, so that no more hash at once than these, though their callers have hung up.
        self._threads = ThreadPoolExecutor(threads, "password")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return the hash to store; raises InvalidRecordError for one that is too long."""
        encoded = _encoded(password)
        if len(encoded) > LONGEST_PASSWORD:
            raise InvalidRecordError(f"password: has {LONGEST_PASSWORD} bytes at most")
        return await self._in_thread(lambda: self._hasher.hash(encoded))

    async def verify(self, stored: str | None, password: str) -> Verified:
        """Compare a password with a stored hash; without one it takes as long, so that nobody learns who is known."""
        encoded = _encoded(password)
        odd = len(encoded) > LONGEST_PASSWORD
        return await self._in_thread(lambda: self._verify(None if odd else stored, b"" if odd else encoded))

    def _verify(self, stored: str | None, password: bytes) -> Verified:
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - an extra

        if not self._nobodys:
            self._nobodys = self._hasher.hash(token_urlsafe(16))
        try:
            self._hasher.verify(self._nobodys if stored is None else stored, password)
        except (VerificationError, InvalidHashError):
            return Verified(right=False)
        if stored is None:
            return Verified(right=False)
        old = self._hasher.check_needs_rehash(stored)
        return Verified(right=True, rehashed=self._hasher.hash(password) if old else "")

    async def _in_thread(self, work: Callable[[], _Done]) -> _Done:
        if self._waiting >= _MOST_WAITING:
            raise DirectoryError("too many passwords are being checked at once")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


class NewPasswords:
    """Hashes the passwords that users are given, of so many characters at least; argon2 is loaded for the first."""

    def __init__(self, characters: int) -> None:
        self._characters = characters
        self._hashing: PasswordHashing | None = None

    async def hash(self, password: str) -> str:
        """Return the hash to store; raises InvalidRecordError for a password that is too short or too long."""
        if len(password) < self._characters:
            raise InvalidRecordError(f"password: has {self._characters} characters or more")
        if self._hashing is None:
            self._hashing = PasswordHashing()
        return await self._hashing.hash(password)


def _encoded(password: str) -> bytes:
    """Return the same bytes however a keyboard spells the letters (NFKC, NIST SP 800-63B section 3.1.1.2).

    What is too long is not read for that: marks on one letter take time by the square of their number.
    """
    text = normalize("NFKC", password) if len(password) <= LONGEST_PASSWORD else password
    return text.encode("utf-8", "surrogatepass")


def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher  # noqa: PLC0415 - an extra
    except ImportError:
        raise DirectoryError("passwords need argon2-cffi: install session-gateway[passwords]") from None
    return PasswordHasher()
