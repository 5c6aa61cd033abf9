"""The page on which a person sees where they are signed in, as a browser asks for it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from gateway.directory.operations.session_rows import IssuedSession, NewDevice
from tests.support.clients.raw_http import RawResponse
from tests.support.gateways.serving import Examples, config, serving
from tests.support.gateways.signed_in import FIREFOX, MEMGHOST_USER, OWN_PAGE, WACHT_USER, call, cookie, sign_in
from tests.support.servers.recording_upstream import recording_upstream

PAGE = "/_gateway/devices"


class House:
    """A gateway, and a person with a browser."""

    def __init__(self, port: int, accounts: dict[str, object]) -> None:
        self.port = port
        self._accounts = accounts

    async def sign_in(self, user: str = WACHT_USER, **fields: object) -> IssuedSession:
        return await sign_in(self._accounts, user, **fields)

    async def post(self, form: str, *lines: str) -> RawResponse:
        return await call(self.port, f"POST {PAGE}", *lines, body=form)

    async def passes(self, issued: IssuedSession) -> bool:
        return (await call(self.port, "GET /echo/", cookie(issued))).status == 200


@pytest.fixture
async def house(examples: Examples, tmp_path: Path) -> AsyncIterator[House]:
    accounts = examples.settings(tmp_path)
    async with (
        recording_upstream() as upstream,
        serving(config(upstream.port, accounts, sessions={"credentials": ["cookie"]}), tmp_path) as gateway,
    ):
        yield House(gateway.port, accounts)


async def test_the_page_says_where_a_person_is_signed_in(house: House) -> None:
    mine, other = await house.sign_in(user_agent=FIREFOX, ip="2001:db8::7"), await house.sign_in()
    response = await call(house.port, f"GET {PAGE}", cookie(mine))
    text = response.body.decode()
    assert response.status == 200
    assert "Firefox 128 on Linux <strong>(this one)</strong>" in text
    assert "from 2001:<wbr>db8:<wbr>:<wbr>7" in text
    assert set(re.findall(r'name="session" value="([^"]+)"', text)) >= {mine.session.id, other.session.id}
    assert "Sign out everywhere else" in text


async def test_nothing_foreign_and_no_script_is_on_it(house: House) -> None:
    response = await call(house.port, f"GET {PAGE}", cookie(await house.sign_in()))
    policy = response.one(b"Content-Security-Policy") or b""
    assert policy.startswith(b"default-src 'none'; style-src 'sha256-")
    assert policy.endswith(b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
    assert (response.one(b"Referrer-Policy"), response.one(b"Cache-Control")) == (b"same-origin", b"no-store")
    assert response.all(b"Content-Type") == [b"text/html; charset=utf-8"]
    text = response.body.decode()
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert not re.search(r"<script|\son\w+=|style=|src=|href=|javascript:", text)


async def test_what_a_device_calls_itself_is_text(house: House) -> None:
    name = "<script>alert(1)</script>\"'&"
    mine = await house.sign_in(device=NewDevice(name=name), ip="<b>")
    text = (await call(house.port, f"GET {PAGE}", cookie(mine))).body.decode()
    assert "<script" not in text
    assert "<b>" not in text
    assert name in unescape(text)


async def test_a_form_ends_a_session_and_shows_the_page_again(house: House) -> None:
    mine, other, stranger = await house.sign_in(), await house.sign_in(), await house.sign_in(MEMGHOST_USER)
    for session_id in (other.session.id, other.session.id, stranger.session.id, "unheard-of"):
        response = await house.post(f"session={session_id}", cookie(mine), OWN_PAGE)
        assert (response.status, response.one(b"Location"), response.body) == (303, PAGE.encode(), b"")
    assert not await house.passes(other)
    assert await house.passes(stranger)
    assert await house.passes(mine)


async def test_a_form_ends_all_others(house: House) -> None:
    mine, other = await house.sign_in(), await house.sign_in()
    assert (await house.post("others=1", cookie(mine), OWN_PAGE)).status == 303
    assert not await house.passes(other)
    text = (await call(house.port, f"GET {PAGE}", cookie(mine))).body.decode()
    assert "everywhere else" not in text


async def test_who_signs_out_here_is_told_so(house: House) -> None:
    mine = await house.sign_in()
    response = await house.post(f"session={mine.session.id}", cookie(mine), OWN_PAGE)
    assert (response.one(b"Set-Cookie") or b"").startswith(b"__session=; Path=/; Max-Age=0")
    after = await call(house.port, f"GET {PAGE}", cookie(mine))
    assert (after.status, b"You are not signed in." in after.body) == (401, True)


@pytest.mark.parametrize("lines", [(), ("Origin: null",), ("Origin: https://evil.example",)])
async def test_a_foreign_form_ends_nothing(house: House, lines: tuple[str, ...]) -> None:
    mine, other = await house.sign_in(), await house.sign_in()
    response = await house.post(f"session={other.session.id}", cookie(mine), *lines)
    assert (response.status, response.all(b"Content-Type")) == (403, [b"text/html; charset=utf-8"])
    assert await house.passes(other)


@pytest.mark.parametrize("form", ["", "x=1", "session=", "a=1&b=2&c=3", "\u00e9"])
async def test_a_form_that_names_nothing_is_400(house: House, form: str) -> None:
    assert (await house.post(form, cookie(await house.sign_in()), OWN_PAGE)).status == 400
