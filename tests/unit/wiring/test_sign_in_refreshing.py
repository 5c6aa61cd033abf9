from typing import cast

from gateway.resilience.tasks import TaskKeeper
from gateway.wiring.sign_in_accounts import DirectoryAccounts
from gateway.wiring.sign_in_refreshing import Refreshing


class NothingDue:
    """Accounts of which no facts are out of date."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def claim_refresh(self, session_id: str) -> None:
        self.asked.append(session_id)


async def test_a_session_whose_facts_are_fresh_is_left_as_it_is() -> None:
    accounts, tasks = NothingDue(), TaskKeeper()
    assert not await Refreshing(cast("DirectoryAccounts", accounts), {}, tasks).freshen("s1")
    assert accounts.asked == ["s1"]
    await tasks.aclose()
