"""memghost's actions through a socket: logging out, and refresh tokens that are good once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.operations.session_rows import IssuedSession
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.serving import Examples, Gateway, config, serving
from tests.support.gateways.signed_in import MEMGHOST_USER, bearer, call, sign_in
from tests.support.servers.recording_upstream import recording_upstream

INFO = [{"dialect": "memghost", "credentials": ["token"], "actions": ["logout", "refresh"]}]
INVALID = {"error": "unauthorized", "message": "Invalid or expired token"}
WITH_REFRESH = ("bearer", "refresh")


class House:
    """A gateway, and programs that refresh their tokens."""

    def __init__(self, gateway: Gateway, accounts: dict[str, Any]) -> None:
        self.gateway = gateway
        self.port = gateway.port
        self.accounts = accounts

    async def sign_in(self, **fields: Any) -> IssuedSession:
        return await sign_in(self.accounts, MEMGHOST_USER, credentials=WITH_REFRESH, **fields)

    async def refresh(self, token: str | None) -> RawResponse:
        return await call(self.port, "POST /auth/refresh", body=json.dumps({"refresh_token": token}))

    async def passes(self, token: str | None) -> bool:
        return (await call(self.port, "GET /echo/", f"Authorization: Bearer {token}")).status == 200


@pytest.fixture
async def house(examples: Examples, tmp_path: Path) -> AsyncIterator[House]:
    accounts = examples.settings(tmp_path)
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, accounts, session_info=INFO), tmp_path) as gateway,
    ):
        yield House(gateway, accounts)


@pytest.mark.parametrize("prefix", ["/auth", "/api/v1/auth"])
async def test_a_logout_ends_the_session_and_its_refresh_token(house: House, prefix: str) -> None:
    mine = await house.sign_in()
    response = await call(house.port, f"POST {prefix}/logout", bearer(mine))
    assert (response.status, response.body, response.one(b"Location")) == (202, b"", f"{prefix}/session".encode())
    assert not await house.passes(mine.bearer)
    assert ((await house.refresh(mine.refresh)).status, (await house.refresh(mine.refresh)).json()) == (401, INVALID)
    again = await call(house.port, f"POST {prefix}/logout", bearer(mine))
    assert (again.status, again.json()) == (401, INVALID)


async def test_a_refresh_token_is_exchanged_for_new_tokens(house: House) -> None:
    mine = await house.sign_in()
    response = await house.refresh(mine.refresh)
    tokens = response.json()
    assert (response.status, tokens["token_type"], tokens["expires_in"]) == (202, "Bearer", 3600)
    assert list(tokens) == ["access_token", "refresh_token", "expires_in", "token_type"]
    assert tokens["refresh_token"] != mine.refresh
    assert await house.passes(tokens["access_token"])
    assert await house.passes(mine.bearer)  # the old access token lives as long as it says
    again = await house.refresh(tokens["refresh_token"])
    assert again.status == 202
    assert response.one(b"Cache-Control") == b"no-store"


async def test_a_token_that_was_used_ends_its_family_and_its_session(house: House) -> None:
    mine, other = await house.sign_in(), await house.sign_in()
    newest = mine.refresh
    for _ in range(3):
        newest = (await house.refresh(newest)).json()["refresh_token"]
    access = (await house.refresh(newest)).json()
    assert await house.passes(access["access_token"])
    replayed = await house.refresh(mine.refresh)  # four generations old
    assert (replayed.status, replayed.json()) == (401, INVALID)
    assert (await house.refresh(access["refresh_token"])).status == 401
    assert not await house.passes(access["access_token"])
    assert not await house.passes(mine.bearer)
    assert (await house.refresh(other.refresh)).status == 202


async def test_the_token_before_the_current_one_ends_the_family_at_once(house: House) -> None:
    mine = await house.sign_in()
    newest = (await house.refresh(mine.refresh)).json()["refresh_token"]
    assert (await house.refresh(mine.refresh)).status == 401
    assert (await house.refresh(newest)).status == 401


async def test_of_many_uses_at_once_exactly_one_wins_and_the_family_lives(house: House) -> None:
    mine = await house.sign_in()
    answers = await asyncio.gather(*(house.refresh(mine.refresh) for _ in range(6)))
    won = [answer.json() for answer in answers if answer.status == 202]
    lost = [answer for answer in answers if answer.status != 202]
    assert len(won) == 1
    assert {(answer.status, answer.json()["error"]) for answer in lost} == {(409, "version_conflict")}
    assert (await house.refresh(won[0]["refresh_token"])).status == 202


@pytest.mark.parametrize(
    "token", ["", "rt_", "rt_x", "rt_x.", "rt_unheard.of", "x" * 300, "rt_" + "a" * 400 + ".b", "rt_\u00ff.x", "\x00"]
)
async def test_any_other_token_is_401(house: House, token: str) -> None:
    response = await house.refresh(token)
    assert (response.status, response.json()) == (401, INVALID)


@pytest.mark.parametrize("body", [None, "", "{}", '{"refresh_token": 7}', '{"refresh_token": null}', "[" * 5000, "x"])
async def test_a_body_without_a_token_is_400(house: House, body: str | None) -> None:
    response = await call(house.port, "POST /auth/refresh", body=body)
    assert (response.status, response.json()["error"]) == (400, "invalid_request")


async def test_an_access_token_is_no_refresh_token_and_the_reverse(house: House) -> None:
    mine = await house.sign_in()
    assert (await house.refresh(mine.bearer)).status == 401
    assert not await house.passes(mine.refresh)
    assert (await house.refresh(mine.refresh)).status == 202


async def test_tokens_outlive_no_session(house: House) -> None:
    mine = await house.sign_in(ttl=600)
    tokens = (await house.refresh(mine.refresh)).json()
    assert 590 <= tokens["expires_in"] <= 600


async def test_within_the_leeway_a_client_that_tries_again_ends_nothing(examples: Examples, tmp_path: Path) -> None:
    accounts = examples.settings(tmp_path)
    accounts["tokens"]["refresh_leeway"] = "1h"
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, accounts, session_info=INFO), tmp_path) as gateway,
    ):
        house = House(gateway, accounts)
        mine = await house.sign_in()
        newest = (await house.refresh(mine.refresh)).json()["refresh_token"]
        assert (await house.refresh(mine.refresh)).status == 409
        after = (await house.refresh(newest)).json()["refresh_token"]
        assert (await house.refresh(mine.refresh)).status == 401  # two generations old
        assert (await house.refresh(after)).status == 401


async def test_an_expired_refresh_token_is_over_and_nothing_else(examples: Examples, tmp_path: Path) -> None:
    accounts = examples.settings(tmp_path)
    accounts["tokens"]["refresh_ttl"] = "1ms"
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, accounts, session_info=INFO), tmp_path) as gateway,
    ):
        house = House(gateway, accounts)
        mine = await house.sign_in()
        assert (await house.refresh(mine.refresh)).status == 401
        assert await house.passes(mine.bearer)


async def test_at_rest_there_is_a_row_a_family_and_no_token(house: House, tmp_path: Path) -> None:
    mine = await house.sign_in()
    newest = mine.refresh or ""
    shown = [newest]
    for _ in range(3):
        newest = (await house.refresh(newest)).json()["refresh_token"]
        shown.append(newest)
    with sqlite3.connect(tmp_path / "directory.db") as database:
        rows = database.execute("select * from refresh_families").fetchall()
    assert len(rows) == 1
    stored = repr(rows)
    for token in shown:
        selector, _, secret = token.removeprefix("rt_").partition(".")
        assert selector not in stored
        assert secret not in stored
    assert b"rt_" not in house.gateway.log()
