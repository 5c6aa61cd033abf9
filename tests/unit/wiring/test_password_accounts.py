"""What a name and a password cost, and what they open: as much work for a name that nobody has."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from typing_extensions import override

from gateway.config.sign_in_settings import SignInSettings
from gateway.directory.operations.password_operations import password_of, set_password
from gateway.directory.operations.session_operations import list_sessions, show_session
from gateway.directory.operations.session_rows import SessionFilter
from gateway.directory.operations.user_operations import NewUser, create_user
from gateway.directory.password_hashing import PasswordHashing, Verified
from gateway.endpoints.sign_in.password_logins import LoginCredentials, OpenedLogin, PasswordAttempt
from gateway.model.session import RevocationTarget
from gateway.wiring.change_notifier import ChangeNotifier
from gateway.wiring.password_accounts import PasswordAccounts
from gateway.wiring.process import Process
from gateway.wiring.sign_in_directory import NOBODY, SignInDirectory
from tests.support.builders.directory import authority_of, clock, context_of, opened

pytestmark = pytest.mark.slow

CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
SETTINGS = SignInSettings.model_validate(
    {"reader": "signed_in", "providers": {"people": {"kind": "password"}}, "lifetime": "2h", "idle": "10m"}
)
UNTOLD: Any = None


class Counting(PasswordHasher):
    """Counts its work: how often each of argon2's functions is computed, whatever comes of it."""

    def __init__(self) -> None:
        super().__init__(**CHEAP)
        self.computed = 0

    @override
    def hash(self, *given: Any, **more: Any) -> str:
        self.computed += 1
        return super().hash(*given, **more)

    @override
    def verify(self, *given: Any) -> Any:
        self.computed += 1
        return super().verify(*given)


class House:
    """A directory with joe, whose password is `right`, and with ann, who has none."""

    def __init__(self, accounts: PasswordAccounts, hasher: Counting, context: Any) -> None:
        self._accounts = accounts
        self._hasher = hasher
        self.context = context

    async def open(
        self, login: str, password: str, wanted: LoginCredentials = "cookie"
    ) -> tuple[OpenedLogin | None, int]:
        """Return what was opened, and how many hashes that took."""
        before = self._hasher.computed
        login_opened = await self._accounts.open(PasswordAttempt("people", login, password, NOBODY), wanted)
        return login_opened, self._hasher.computed - before


@pytest.fixture
async def house(tmp_path: Path, process: Process) -> AsyncIterator[House]:
    async with living(tmp_path, process) as house:
        yield house


@contextlib.asynccontextmanager
async def living(folder: Path, process: Process) -> AsyncIterator[House]:
    hasher, process.clock = Counting(), clock
    async with opened(f"sqlite:///{folder}/directory.db", demo=False) as directory:
        context = context_of(directory)
        joe = await create_user(context, NewUser(id="joe-1", username="joe", email="joe@example.com", roles=("user",)))
        await create_user(context, NewUser(username="ann"))
        await set_password(context, joe.id, hasher.hash("right"))
        place = SignInDirectory(authority_of(directory), ChangeNotifier(UNTOLD, process, has_bus=False), process)
        house = House(PasswordAccounts(place, SETTINGS, lambda _: PasswordHashing(2, hasher)), hasher, context)
        await house.open("somebody", "first")  # makes the hash of nobody's, once
        yield house


async def test_as_many_hashes_are_computed_for_a_name_that_nobody_has(house: House) -> None:
    for login, password in (("joe", "wrong"), ("nobody", "right"), ("ann", "right"), ("joe", "x" * 5000), ("", "")):
        assert await house.open(login, password) == (None, 1), login
    good, computed = await house.open("joe", "right")
    assert (good is not None, computed) == (True, 1)


async def test_a_hash_of_other_parameters_is_replaced_at_the_next_login(house: House) -> None:
    await set_password(house.context, "joe-1", PasswordHasher(**CHEAP | {"time_cost": 2}).hash("right"))
    assert await house.open("joe", "wrong") == (None, 1)
    stored = await password_of(house.context, "joe")
    assert stored is not None
    assert ",t=2," in stored.hash
    assert (await house.open("joe", "right"))[1] == 2
    renewed = await password_of(house.context, "joe")
    assert renewed is not None
    assert ",t=1," in renewed.hash
    assert (await house.open("joe", "right"))[1] == 1


async def test_a_session_that_a_password_opens_lasts_as_sign_in_says(house: House) -> None:
    for wanted in ("cookie", "pair", "tokens"):
        login, _ = await house.open("joe@example.com", "right", wanted)  # type: ignore[arg-type]
        assert login is not None
        shown = [bool(each) for each in (login.cookie, login.token, login.granted)]
        assert shown == [wanted == "cookie", wanted == "pair", wanted == "tokens"]
        assert "joe-1" in repr(login)
        assert login.cookie + login.token not in repr(login) or wanted == "tokens"
        if wanted == "pair":
            assert (login.username, login.email, login.roles) == ("joe", "joe@example.com", ("user",))


async def test_the_cookie_lasts_as_long_as_its_session(house: House) -> None:
    login, _ = await house.open("joe", "right")
    tokens = house.context.required_tokens
    assert login is not None
    claims = tokens.verify_cookie(login.cookie)
    row = await show_session(house.context, claims.session_id)
    assert row.idle == 600
    assert row.expires_at is not None
    assert claims.expires_at == row.expires_at.replace(microsecond=0)
    assert row.login is not None
    assert row.login.type == "people"


async def test_a_password_that_is_taken_away_meanwhile_opens_nothing(tmp_path: Path, process: Process) -> None:
    process.clock = clock
    async with opened(f"sqlite:///{tmp_path}/directory.db", demo=False) as directory:
        context = context_of(directory)
        joe = await create_user(context, NewUser(id="joe-1", username="joe"))

        class Slow(PasswordHashing):
            @override
            async def verify(self, stored: str | None, password: str) -> Verified:
                verified = await super().verify(stored, password)
                await set_password(context, "joe-1", None)
                return verified

        async def notify(_target: RevocationTarget, *, ended: bool = False) -> bool:
            return ended

        unheard: Any = notify
        hasher = PasswordHasher(**CHEAP)
        await set_password(context, joe.id, hasher.hash("right"))
        place = SignInDirectory(authority_of(directory), unheard, process)
        accounts = PasswordAccounts(place, SETTINGS, lambda _: Slow(2, hasher))
        assert await accounts.open(PasswordAttempt("people", "joe", "right", NOBODY), "cookie") is None
        (row,) = (await list_sessions(context, SessionFilter(user="joe-1"))).rows
        assert row.closed_at is not None


def test_an_attempt_shows_neither_name_nor_password() -> None:
    assert repr(PasswordAttempt("people", "joe", "secret", NOBODY)) == "PasswordAttempt('people')"
