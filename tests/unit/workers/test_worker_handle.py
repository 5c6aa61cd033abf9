import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.config.load import ConfigText
from gateway.model.errors import GatewayError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.workers.control import Build, RecordedRevocation
from gateway.workers.recent_revocations import RecentRevocations
from tests.support.clients.raw_http import PATIENCE
from tests.support.fakes.crews import Pair, counted

USER = RevocationTarget(RevocationKind.USER, "user_1")
CONFIG = ConfigText("gateway.yaml", "text")
NOTHING = RecentRevocations(lambda: 1.0, 60.0)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    await made.open()
    yield made
    await made.close()


async def test_it_serves_from_its_first_swap_on(pair: Pair) -> None:
    revocations = RecentRevocations(lambda: 1.0, 60.0)
    revocations.note(USER)
    await pair.member.build(CONFIG, revocations)
    assert not pair.member.serving
    await pair.member.swap()
    assert pair.member.serving
    assert pair.worker.orders[0] == Build("gateway.yaml", "text", (RecordedRevocation(USER, 1.0),))


async def test_what_it_says_against_a_config_is_raised(pair: Pair) -> None:
    pair.worker.fault = "gateway.yaml:1:1: is wrong"
    with pytest.raises(GatewayError, match=r"^gateway\.yaml:1:1: is wrong$"):
        await pair.member.build(CONFIG, NOTHING)


async def test_the_last_that_was_heard_of_its_metrics_stays(pair: Pair) -> None:
    await pair.member.build(CONFIG, NOTHING)
    await pair.member.swap()
    pair.worker.count = 3.0
    assert await pair.member.collect() == counted(3.0)
    await pair.worker.die()
    await pair.listening
    assert not pair.member.serving
    assert await pair.member.collect() == counted(3.0)


async def test_one_that_has_ended_cannot_build_and_has_nothing_to_revoke(pair: Pair) -> None:
    await pair.worker.die()
    await pair.listening
    assert await pair.member.revoke(USER)
    await pair.member.discard()
    with pytest.raises(GatewayError, match="has ended"):
        await pair.member.build(CONFIG, NOTHING)


@pytest.mark.parametrize("told", [True, False])
async def test_whether_the_fleet_was_told_is_the_worker_s_word(pair: Pair, told: bool) -> None:
    pair.worker.told = told
    assert await pair.member.revoke(USER) is told


async def test_draining_takes_its_last_numbers_and_hangs_up(pair: Pair) -> None:
    await pair.member.build(CONFIG, NOTHING)
    await pair.member.swap()
    pair.worker.count = 9.0
    assert await pair.member.drain(1.0)
    assert (pair.member.serving, pair.member.snapshot) == (False, counted(9.0))
    await asyncio.wait_for(pair.listening, PATIENCE)


async def test_one_that_vanishes_while_it_drains_did_not_answer(pair: Pair) -> None:
    pair.worker.may_answer.clear()
    draining = asyncio.gather(pair.member.drain(600.0))
    await asyncio.sleep(0)
    await pair.worker.die()
    assert await draining == [False]


async def test_a_ping_comes_back_when_the_worker_answers_and_when_it_has_ended(pair: Pair) -> None:
    await asyncio.wait_for(pair.member.ping(), PATIENCE)
    pair.worker.may_answer.clear()
    asking = asyncio.gather(pair.member.ping())
    await asyncio.sleep(0)
    assert not asking.done()
    await pair.worker.die()
    await asyncio.wait_for(asking, PATIENCE)


async def test_whoever_hangs_up_waits_for_the_worker_no_more(pair: Pair) -> None:
    pair.worker.may_answer.clear()
    await pair.member.hang_up()
    await asyncio.wait_for(pair.listening, PATIENCE)
    assert not pair.member.serving
