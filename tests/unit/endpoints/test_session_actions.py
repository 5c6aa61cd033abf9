from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.dialects.action import Action, ActionCall, ActionReply, DialectActions
from gateway.dialects.dialect import InfoRequest, InfoResponse, json_response
from gateway.dialects.normal import Normal
from gateway.endpoints.access_reader import AccessReader
from gateway.endpoints.endpoint_policy import EndpointPolicy
from gateway.endpoints.session_actions import SessionActionsEndpoint
from gateway.gate import Gate
from gateway.http1.downstream import DownstreamRequest
from gateway.identity.identity_headers import IdentityHeaders
from gateway.model.answers import Found, Sessions, Verdict
from gateway.model.decision import Response
from gateway.model.refusal import Refusal
from gateway.model.route import LimitBy, RateLimit
from gateway.model.session import ApiKey, Session, User
from gateway.policy.limits import LocalLimits
from gateway.policy.routes import RouteTable
from gateway.telemetry.record import RequestRecord
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.signed_in import call
from tests.support.gateways.who_am_i import NOW, READERS, Authorities
from tests.support.servers.fronts import front

PERSON = Session(subject="u", id="s", user=User(id="u"), roles=("admin",))
API_KEY = ApiKey(auto_id=1, id="k", type="user", name="n", created_at=NOW, updated_at=NOW)
KEY = Session(subject="u", id="s", user=User(id="u"), api_key=API_KEY)
FOUND = {"person": Found(PERSON), "nobody": Found(Session(subject="x", id="s")), "key": Found(KEY)}


class Fruits(DialectActions):
    """A product whose words are the proxy's, and whose actions are the test's."""

    name = "fruits"

    def __init__(self, *actions: Action) -> None:
        self.actions = actions
        self._words = Normal()

    def reject(self, verdict: Verdict | None, info_request: InfoRequest) -> InfoResponse:
        return self._words.reply(verdict, info_request)

    def refuse(self, refusal: Refusal, info_request: InfoRequest) -> InfoResponse:
        return self._words.refuse(refusal, info_request)


async def echo(call: ActionCall, _operations: object) -> ActionReply:
    return ActionReply(json_response(200, {"body": call.body.decode(), "caller": call.found is not None}))


async def fail(_call: ActionCall, _operations: object) -> ActionReply:
    raise ValueError("a fault of ours")


@contextlib.asynccontextmanager
async def serving(*actions: Action, **policy: Any) -> AsyncIterator[tuple[int, list[RequestRecord]]]:
    limits, records = LocalLimits(lambda: 0.0), []
    gate = Gate(RouteTable(()), READERS, Sessions(Authorities(FOUND).resolve), IdentityHeaders(), limits)
    read = EndpointPolicy(readers=(READERS["token"], READERS["cookie"]), **policy)
    nothing: Any = object()
    operations = {"a": lambda _: nothing}
    endpoint = SessionActionsEndpoint(Fruits(*actions), read, gate, operations, limits, time.monotonic)
    accesses = AccessReader((), 8192, NOW.timestamp)

    async def answer(request: DownstreamRequest) -> Response:
        record = RequestRecord("req-1", 0.0)
        records.append(record)
        access = accesses.read(request, request.head.block.headers, record.request_id)
        return await endpoint.answer(request, access, record)

    async with front(answer) as port:
        yield port, records


async def post(port: int, *lines: str, body: str | None = None) -> RawResponse:
    return await call(port, "POST /p", *lines, body=body)


PERSONS = "Authorization: Bearer person"


async def test_an_action_gets_its_caller_and_its_body() -> None:
    async with serving(Action(method="POST", paths=("/p",), run=echo)) as (port, _):
        response = await post(port, PERSONS, body="pear")
    assert (response.status, response.json()) == (200, {"body": "pear", "caller": True})
    assert response.one(b"Content-Type") == b"application/json"


async def test_one_that_needs_no_caller_is_asked_without() -> None:
    async with serving(Action(method="POST", paths=("/p",), run=echo, without_caller=True)) as (port, records):
        assert (await post(port, body="pear")).json() == {"body": "pear", "caller": False}
    assert records[0].decision is None


@pytest.mark.parametrize(("shown", "status"), [("person", 200), ("nobody", 403), ("key", 403), ("stranger", 401)])
async def test_a_key_and_a_session_of_nobodys_may_nothing(shown: str, status: int) -> None:
    async with serving(Action(method="POST", paths=("/p",), run=echo)) as (port, records):
        assert (await post(port, f"Authorization: Bearer {shown}")).status == status
    decision = records[0].decision
    assert decision is not None
    assert (decision.refusal is None) == (status == 200)


@pytest.mark.parametrize(("managers", "status"), [(frozenset({"admin"}), 200), (frozenset({"owner"}), 403)])
async def test_what_is_for_managers_is_for_them_alone(managers: frozenset[str], status: int) -> None:
    async with serving(Action(method="POST", paths=("/p",), run=echo, managers=managers)) as (port, _):
        assert (await post(port, PERSONS)).status == status


async def test_a_fault_of_ours_is_the_products_500_and_logged() -> None:
    async with serving(Action(method="POST", paths=("/p",), run=fail)) as (port, records):
        with capture_logs() as logs:
            response = await post(port, PERSONS)
    assert (response.status, response.json()["error"]["code"]) == (500, "internal_error")
    assert records[0].fault == "unexpected"
    assert [log["event"] for log in logs] == ["request_failed"]


async def test_a_body_that_is_too_long_is_413_and_reaches_no_action() -> None:
    async with serving(Action(method="POST", paths=("/p",), run=fail)) as (port, _):
        assert (await post(port, PERSONS, body="x" * 20_000)).status == 413


@pytest.mark.parametrize("per", [LimitBy.ADDRESS, LimitBy.SESSION])
async def test_each_caller_has_so_many(per: LimitBy) -> None:
    limit = RateLimit(per, 0.5, 1)
    async with serving(Action(method="POST", paths=("/p",), run=echo), rate_limit=limit) as (port, _):
        statuses = [(await post(port, PERSONS)).status for _ in range(2)]
    assert statuses == [200, 429]


async def test_two_at_once_are_answered_each() -> None:
    async with serving(Action(method="POST", paths=("/p",), run=echo)) as (port, _):
        answers = await asyncio.gather(*(post(port, PERSONS, body=str(number)) for number in range(5)))
    assert sorted(answer.json()["body"] for answer in answers) == list("01234")
