"""What the endpoint writes down, and whom it asks; its answers are in tests/behaviour/test_session_info_*."""

from __future__ import annotations

import msgspec

from gateway.dialects.memghost import Memghost
from gateway.dialects.rocketchat import Rocketchat
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.model.answers import Found, Reason, Rejected, Throttled, Unavailable
from gateway.model.refusal import RefusalCode
from gateway.model.route import LimitBy, RateLimit
from tests.support.builders.example_sessions import COMPOSIO, FOUND, PAIR, ROCKETCHAT
from tests.support.gateways.who_am_i import Authorities, endpoint

PATH = "/auth/session"


async def test_what_was_found_is_written_down_with_who_asked() -> None:
    async with endpoint(Memghost(), Authorities({"good": FOUND["memghost"]})) as who:
        await who.ask(PATH, {"Authorization": "Bearer good"})
    [record] = who.records
    decision = record.decision
    assert decision is not None
    assert decision.allowed
    assert decision.credential is not None
    assert decision.resolution.session == FOUND["memghost"].session
    assert record.decided > 0


async def test_what_was_refused_is_written_down_with_why() -> None:
    verdicts = {"forbidden": Rejected(Reason.FORBIDDEN), "down": Unavailable("refused", 2)}
    async with endpoint(Memghost(), Authorities(verdicts)) as who:
        for headers in ({}, *({"Authorization": f"Bearer {token}"} for token in ("bad", "forbidden", "down"))):
            await who.ask(PATH, headers)
        await who.ask(PATH, method="POST")
    refusals = [record.decision.refusal for record in who.records if record.decision is not None]
    assert [refusal.code for refusal in refusals if refusal is not None] == [
        RefusalCode.UNAUTHENTICATED,
        RefusalCode.UNAUTHENTICATED,
        RefusalCode.FORBIDDEN,
        RefusalCode.UNAVAILABLE,
        RefusalCode.METHOD_NOT_ALLOWED,
    ]


async def test_a_limited_caller_is_written_down_with_whose_session_it_was() -> None:
    policy = EndpointPolicy(rate_limit=RateLimit(LimitBy.SESSION, 1.0, 1))
    async with endpoint(Memghost(), Authorities({"good": FOUND["memghost"]}), policy) as who:
        for _ in range(2):
            await who.ask(PATH, {"Authorization": "Bearer good"})
    decision = who.records[1].decision
    assert decision is not None
    assert decision.refusal is not None
    assert (decision.refusal.code, decision.rule) == (RefusalCode.RATE_LIMITED, "rate_limited")
    assert decision.resolution.session == FOUND["memghost"].session


async def test_an_address_that_asks_too_often_costs_no_look_up() -> None:
    known = Authorities({"good": FOUND["memghost"]})
    async with endpoint(Memghost(), known, EndpointPolicy(rate_limit=RateLimit(LimitBy.ADDRESS, 1.0, 1))) as who:
        statuses = [(await who.ask(PATH, {"Authorization": "Bearer good"})).status for _ in range(3)]
    assert (statuses, len(known.asked)) == ([200, 429, 429], 1)


async def test_keys_have_buckets_of_their_own_where_keys_are_counted() -> None:
    key = COMPOSIO.api_key
    assert key is not None
    sessions = {
        name: Found(msgspec.structs.replace(COMPOSIO, api_key=msgspec.structs.replace(key, id=name)))
        for name in ("k1", "k2")
    }
    policy = EndpointPolicy(rate_limit=RateLimit(LimitBy.API_KEY, 1.0, 1))
    async with endpoint(Memghost(), Authorities(sessions), policy) as who:
        statuses = [(await who.ask(PATH, {"Authorization": f"Bearer {name}"})).status for name in ("k1", "k2", "k1")]
    assert statuses == [404, 404, 429]  # a key opens no memghost session, and is counted all the same


async def test_the_session_that_the_pair_itself_names_is_looked_up_once() -> None:
    live = msgspec.structs.replace(ROCKETCHAT, closed_at=None, state="active")
    known = Authorities({PAIR.parts[1]: Found(live)}, {})  # any second look-up would say gone
    headers = {"X-User-Id": PAIR.parts[0], "X-Auth-Token": PAIR.parts[1]}
    async with endpoint(Rocketchat(), known) as who:
        answer = await who.ask("/api/v1/sessions/info?sessionId=QoYYFw2t9oKks2niG", headers)
    assert (answer.status, len(known.asked)) == (200, 1)


async def test_an_answer_that_stands_in_for_one_that_cannot_be_had_tells_its_age() -> None:
    known = Authorities({"good": FOUND["memghost"]})
    async with endpoint(Memghost(), known) as who:
        fresh = await who.ask(PATH, {"Authorization": "Bearer good"})
        known.stale_for = 90.7
        stale = await who.ask(PATH, {"Authorization": "Bearer good"})
    assert "Age" not in fresh.headers
    assert (stale.status, stale.headers["Age"], stale.body) == (200, "90", fresh.body)


async def test_an_address_of_which_too_much_was_rejected_is_429_in_the_products_words() -> None:
    known = Authorities({"good": Throttled("too many rejected credentials of this address", 7)})
    async with endpoint(Memghost(), known) as who:
        answer = await who.ask(PATH, {"Authorization": "Bearer good"})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
