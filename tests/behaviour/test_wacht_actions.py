"""wacht's actions through a socket: people sign out and switch where they are, in one session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.directory.operations.session_rows import IssuedSession
from gateway.directory.schema import open_current
from gateway.directory.tables import members, organizations, signins, workspaces
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.running import running
from tests.support.gateways.serving import Examples, Gateway, config, serving
from tests.support.gateways.signed_in import MEMGHOST_USER, OWN_PAGE, WACHT_USER, call, cookie, sign_in
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

ACTIONS = ["sign-out", "switch-sign-in", "switch-organization", "switch-workspace", "token"]
INFO = [{"dialect": "wacht", "credentials": ["cookie"], "actions": ACTIONS}]
ORGANIZATION, WORKSPACE = "org_123456789", "workspace_987654321"
OTHER, FOREIGN = "org_other", "org_foreign"


class House:
    """A gateway, and people who may be in two organizations."""

    def __init__(self, gateway: Gateway, upstream: RecordingUpstream, accounts: dict[str, Any]) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.accounts = accounts

    async def sign_in(self, **fields: Any) -> IssuedSession:
        return await sign_in(self.accounts, WACHT_USER, **fields)

    async def join(self, session: IssuedSession, user: str) -> str:
        """Let another user sign in to the same browser session."""
        async with open_current(self.accounts["url"]) as directory, directory.changing() as connection:
            signin = {"id": f"signin-{user}", "session_id": session.session.id, "user_id": user}
            await connection.execute(signins.insert(), {**signin, "created_at": datetime.now(UTC)})
        return f"signin-{user}"

    async def post(self, path: str, *lines: str) -> RawResponse:
        return await call(self.gateway.port, f"POST /session/{path}", *lines, OWN_PAGE)

    async def organization(self, line: str) -> bytes | None:
        """Return the organization that an upstream is told."""
        response = await call(self.gateway.port, "GET /echo/", line)
        assert response.status == 200
        return self.upstream.requests[-1].one(b"X-Org-Id")

    async def status(self, line: str) -> int:
        return (await call(self.gateway.port, "GET /echo/", line)).status


async def furnish(accounts: dict[str, Any]) -> None:
    async with open_current(accounts["url"]) as directory, directory.changing() as connection:
        for id_ in (OTHER, FOREIGN):
            await connection.execute(organizations.insert(), {"id": id_, "name": id_.title()})
            await connection.execute(workspaces.insert(), {"id": f"ws_{id_}", "organization_id": id_, "name": "W"})
        member = {"organization_id": OTHER, "user_id": WACHT_USER, "status": "active", "metadata": {}}
        await connection.execute(members.insert(), {"id": "member_other", **member})
        suspended = {"id": "member_foreign", **member, "organization_id": FOREIGN, "status": "suspended"}
        await connection.execute(members.insert(), suspended)


@pytest.fixture
async def house(examples: Examples, tmp_path: Path) -> AsyncIterator[House]:
    accounts = examples.settings(tmp_path)
    await furnish(accounts)
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, accounts, session_info=INFO), tmp_path) as gateway,
    ):
        yield House(gateway, upstream, accounts)


def renewed(response: RawResponse) -> str:
    """Return the header line that shows the new cookie."""
    field = response.one(b"Set-Cookie") or b""
    assert b"HttpOnly; Secure; SameSite=Lax" in field
    return f"Cookie: {field.partition(b';')[0].decode()}"


async def test_signing_out_ends_the_session_and_its_cookie(house: House) -> None:
    mine = await house.sign_in()
    response = await house.post("sign-out", cookie(mine))
    body = response.json()
    assert (response.status, body["status"], body["errors"], body["message"]) == (200, 200, [], "")
    assert (body["session"]["signins"], body["session"]["active_signin"], body["data"]["user"]) == ([], None, None)
    assert (response.one(b"Set-Cookie") or b"").startswith(b"__session=; Path=/; Max-Age=0")
    assert await house.status(cookie(mine)) == 401


async def test_one_sign_in_leaves_and_the_other_goes_on(house: House) -> None:
    mine = await house.sign_in(organization=ORGANIZATION, workspace=WORKSPACE)
    other = await house.join(mine, MEMGHOST_USER)
    response = await house.post(f"sign-out?sign_in_id={mine.session.active_signin}", cookie(mine))
    body = response.json()
    assert response.status == 200
    assert [each["id"] for each in body["session"]["signins"]] == [other]
    assert (body["session"]["active_signin"]["id"], body["data"]["user"]["id"]) == (other, MEMGHOST_USER)
    assert (body["data"]["organization"], body["data"]["workspace"]) == (None, None)
    assert await house.organization(renewed(response)) is None
    assert await house.status(cookie(mine)) == 401
    last = await house.post(f"sign-out?sign_in_id={other}", renewed(response))
    assert (last.status, last.json()["session"]["signins"]) == (200, [])
    assert await house.status(renewed(response)) == 401


async def test_another_sign_in_is_another_cookie_and_the_old_one_is_over(house: House) -> None:
    mine = await house.sign_in(organization=ORGANIZATION)
    other = await house.join(mine, MEMGHOST_USER)
    assert await house.organization(cookie(mine)) == ORGANIZATION.encode()
    response = await house.post(f"switch-sign-in?sign_in_id={other}", cookie(mine))
    assert (response.status, response.json()["data"]["user"]["id"]) == (200, MEMGHOST_USER)
    assert response.json()["session"]["active_signin"]["id"] == other
    assert await house.organization(renewed(response)) is None
    assert house.upstream.requests[-1].one(b"X-User-Id") == MEMGHOST_USER.encode()
    assert await house.status(cookie(mine)) == 401


async def test_an_organization_is_switched_to_and_left(house: House) -> None:
    mine = await house.sign_in(organization=ORGANIZATION, workspace=WORKSPACE)
    assert await house.organization(cookie(mine)) == ORGANIZATION.encode()
    response = await house.post(f"switch-organization?organization_id={OTHER}", cookie(mine))
    assert (response.status, response.json()["data"]["organization"]["id"]) == (200, OTHER)
    assert response.json()["data"]["workspace"] is None
    assert await house.organization(cookie(mine)) == OTHER.encode()
    assert (await house.post("switch-organization", cookie(mine))).json()["data"]["organization"] is None
    assert await house.organization(cookie(mine)) is None


async def test_a_workspace_is_switched_to_with_its_organization(house: House) -> None:
    mine = await house.sign_in(organization=ORGANIZATION)
    response = await house.post(f"switch-workspace?workspace_id=ws_{OTHER}", cookie(mine))
    data = response.json()["data"]
    assert (response.status, data["organization"]["id"], data["workspace"]["id"]) == (200, OTHER, f"ws_{OTHER}")
    assert await house.organization(cookie(mine)) == OTHER.encode()
    assert (await house.post("switch-workspace", cookie(mine))).json()["data"]["workspace"] is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"switch-organization?organization_id={FOREIGN}", "You are not a member of this organization"),
        ("switch-organization?organization_id=org_abc123xyz456", "You are not a member of this organization"),
        ("switch-organization?organization_id=unheard-of", "You are not a member of this organization"),
        (f"switch-workspace?workspace_id=ws_{FOREIGN}", "You are not a member of this workspace"),
        ("switch-workspace?workspace_id=unheard-of", "You are not a member of this workspace"),
        ("switch-sign-in?sign_in_id=signin_987654321", "Invalid sign in ID"),
        ("switch-sign-in", "Invalid sign in ID"),
        ("switch-sign-in?sign_in_id=%00%ff", "Invalid sign in ID"),
        ("sign-out?sign_in_id=signin_987654321", "Sign in not found"),
    ],
)
async def test_nobody_switches_to_where_they_do_not_belong(house: House, path: str, message: str) -> None:
    mine = await house.sign_in(organization=ORGANIZATION)
    response = await house.post(path, cookie(mine))
    assert (response.status, response.json()) == (
        400,
        {
            "status": 400,
            "message": message,
            "data": None,
            "session": None,
            "errors": [{"code": "BAD_REQUEST", "message": message}],
        },
    )
    assert await house.organization(cookie(mine)) == ORGANIZATION.encode()


async def test_a_token_opens_what_its_session_opens_and_is_short(house: House) -> None:
    mine = await house.sign_in(organization=ORGANIZATION)
    before = datetime.now(UTC).timestamp() * 1000
    response = await call(house.gateway.port, "GET /session/token?template=default", cookie(mine))
    data = response.json()["data"]
    assert (response.status, response.json()["errors"]) == (200, [])
    assert before + 29_000 < data["expires"] < datetime.now(UTC).timestamp() * 1000 + 31_000
    line = f"Authorization: Bearer {data['token']}"
    assert await house.organization(line) == ORGANIZATION.encode()
    await house.post("sign-out", cookie(mine))
    assert await house.status(line) == 401
    assert (
        await call(house.gateway.port, "GET /session/token?template=x", cookie(await house.sign_in()))
    ).status == 404


async def test_nobody_acts_without_a_session_or_from_a_foreign_page(house: House) -> None:
    mine = await house.sign_in()
    assert (await house.post("sign-out")).status == 401
    assert (await house.post("sign-out", "Cookie: __session=garbled")).status == 401
    assert (await call(house.gateway.port, "GET /session/token")).status == 401
    for origin in ("X-No: origin", "Origin: null", "Origin: https://evil.example"):
        response = await call(house.gateway.port, "POST /session/sign-out", cookie(mine), origin)
        assert (response.status, response.json()["errors"][0]["code"]) == (403, "FORBIDDEN")
    assert await house.status(cookie(mine)) == 200


async def test_only_what_is_listed_is_there(examples: Examples, tmp_path: Path) -> None:
    accounts = examples.settings(tmp_path)
    info = [{"dialect": "wacht", "credentials": ["cookie"], "actions": ["token"]}]
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, accounts, session_info=info), tmp_path) as gateway,
    ):
        mine = await sign_in(accounts, WACHT_USER)
        assert (await call(gateway.port, "GET /session/token", cookie(mine))).status == 200
        assert (await call(gateway.port, "POST /session/sign-out", cookie(mine), OWN_PAGE)).status == 404
        assert upstream.requests == []


async def test_the_next_request_on_every_replica_has_the_new_organization(
    examples: Examples, tmp_path: Path, redis_url: str, key_prefix: str
) -> None:
    accounts = examples.settings(tmp_path)
    await furnish(accounts)
    (tmp_path / "other").mkdir()
    shared = {"session_info": INFO, "redis": {"url": redis_url, "key_prefix": key_prefix, "timeout": "5s"}}
    async with recording_upstream() as upstream:
        settings = config(upstream.port, accounts, **shared)
        async with serving(settings, tmp_path) as one, serving(settings, tmp_path / "other") as other:
            houses = House(one, upstream, accounts), House(other, upstream, accounts)
            mine = await houses[0].sign_in(organization=ORGANIZATION)
            seen = []
            for wanted in (ORGANIZATION, OTHER, ORGANIZATION, OTHER):
                switched = await houses[0].post(f"switch-organization?organization_id={wanted}", cookie(mine))
                assert switched.status == 200
                seen.append([await house.organization(cookie(mine)) for house in (houses[1], houses[0], houses[1])])
    assert seen == [[wanted.encode()] * 3 for wanted in (ORGANIZATION, OTHER, ORGANIZATION, OTHER)]


async def test_without_redis_every_worker_of_the_gateway_has_it(examples: Examples, tmp_path: Path) -> None:
    accounts = examples.settings(tmp_path)
    await furnish(accounts)
    async with recording_upstream() as upstream:
        settings = config(upstream.port, accounts, session_info=INFO)
        settings["listen"] |= {"workers": 2, "watch": "0s"}
        (tmp_path / "gateway.yaml").write_text(json.dumps(settings), encoding="utf-8")
        async with running(tmp_path / "gateway.yaml") as gateway:
            mine = await sign_in(accounts, WACHT_USER, organization=ORGANIZATION)
            for wanted in (ORGANIZATION, OTHER, ORGANIZATION):
                line = f"POST /session/switch-organization?organization_id={wanted}"
                assert (await call(int(gateway.port), line, cookie(mine), OWN_PAGE)).status == 200
                del upstream.requests[:]
                # often enough that every worker is asked
                await asyncio.gather(*(call(int(gateway.port), "GET /echo/", cookie(mine)) for _ in range(20)))
                assert {each.one(b"X-Org-Id") for each in upstream.requests} == {wanted.encode()}
