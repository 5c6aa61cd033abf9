import asyncio
import threading
from typing import Any

import pytest
from argon2 import PasswordHasher

from gateway.directory.password_hashing import LONGEST_PASSWORD, PasswordHashing, Verified
from gateway.model.errors import DirectoryError

pytestmark = pytest.mark.slow


async def test_a_password_is_right_or_not_and_nobodys_never_is() -> None:
    hashing = PasswordHashing()
    stored = await hashing.hash("pass\u00f6rd")
    assert stored.startswith("$argon2id$")
    assert await hashing.verify(stored, "pass\u00f6rd") == Verified(right=True)
    for wrong in ("passord", "", "pass\u00f6rd ", "x" * 100_000, "\ud800"):
        assert await hashing.verify(stored, wrong) == Verified(right=False)
    assert await hashing.verify(None, "") == Verified(right=False)
    assert await hashing.verify("no hash", "pass") == Verified(right=False)


async def test_older_parameters_are_replaced_when_the_password_is_shown() -> None:
    hashing = PasswordHashing()
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("pass")
    verified = await hashing.verify(old, "pass")
    assert verified.right
    assert await hashing.verify(verified.rehashed, "pass") == Verified(right=True)


async def test_a_password_is_the_same_however_a_keyboard_spells_it() -> None:
    hashing = PasswordHashing()
    stored = await hashing.hash("pass\u00f6rd \ufb01")
    assert await hashing.verify(stored, "passo\u0308rd fi") == Verified(right=True)


class Waiting(PasswordHasher):
    """Computes until it may go on, and knows how many of its hashes were computed at once."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on, self.begun = threading.Event(), threading.Semaphore(0)
        self.at_once = self.most = 0

    def hash(self, *_: Any, **__: Any) -> str:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.begun.release()
        self.goes_on.wait()
        self.at_once -= 1
        return ""


async def test_who_hangs_up_leaves_no_place_to_another_before_its_hash_is_done() -> None:
    hasher = Waiting()
    hashing = PasswordHashing(2, hasher)
    loop = asyncio.get_running_loop()
    for _ in range(8):
        caller = loop.create_task(hashing.hash("pass"))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    for _ in range(2):
        await asyncio.to_thread(hasher.begun.acquire)
    hasher.goes_on.set()
    await hashing.hash("pass")
    assert hasher.most == 2


async def test_a_password_has_its_bounds() -> None:
    with pytest.raises(DirectoryError):
        await PasswordHashing().hash("x" * (LONGEST_PASSWORD + 1))
