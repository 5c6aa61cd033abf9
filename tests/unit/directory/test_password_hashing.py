import pytest
from argon2 import PasswordHasher

from gateway.directory.password_hashing import LONGEST_PASSWORD, PasswordHashing, Verified
from gateway.model.errors import DirectoryError


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


async def test_a_password_has_its_bounds() -> None:
    with pytest.raises(DirectoryError):
        await PasswordHashing().hash("x" * (LONGEST_PASSWORD + 1))
