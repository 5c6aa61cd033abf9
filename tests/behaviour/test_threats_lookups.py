"""docs/THREATS.md, "One caller is not the authority": an odd credential shuts nobody else out of a whole gateway."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.gateways.attacks import Victim, get, victim
from tests.support.gateways.serving import READERS, Examples
from tests.support.servers.low_level import Handler, listening

GOOD = {"user": {"id": "u1"}, "active": True}


@contextlib.asynccontextmanager
async def asking(
    examples: Examples, folder: Path, answer: Handler, kind: dict[str, Any], **sections: Any
) -> AsyncIterator[Victim]:
    """A gateway whose bearer tokens an authority on a socket knows."""
    async with listening(answer) as port:
        authority = {"url": f"http://127.0.0.1:{port}/who", "timeout": "2s", **kind}
        credentials = READERS | {"token": {"kind": "bearer", "authority": ["remote"]}}
        authorities = {"remote": authority, "accounts": examples.settings(folder)}
        async with victim(examples, folder, authorities=authorities, credentials=credentials, **sections) as running:
            yield running


def bearer(token: str) -> bytes:
    return get(b"/echo/", b"Authorization: Bearer " + token.encode())


INTROSPECTION = {"kind": "introspection", "client_id": "gw", "client_secret": "s3cret"}


@pytest.mark.parametrize("status", [400, 431, 429, 302])
async def test_odd_tokens_shut_no_good_one_out(examples: Examples, tmp_path: Path, status: int) -> None:
    """As of an introspection endpoint that says 400 to an absurd token, or 431 to one that is too long for it."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        form = (await request.read()).decode()
        if "absurd" in form or len(form) > 8192:
            return web.Response(status=status, text="Bad Request", headers={"Location": "/elsewhere"})
        return web.json_response({"active": True, "sub": "u1"})

    kind = {**INTROSPECTION, "credential_bytes": 20_000}
    async with asking(examples, tmp_path, answer, kind) as running:
        for number in range(20):
            assert await running.misjudged([bearer(f"absurd-{number}"), bearer(f"{number}" * 9000)], (503,)) == []
            assert await running.misjudged([bearer(f"good-{number}")], (200,), (b"/echo/",)) == []


async def test_a_key_that_is_too_long_is_401_and_never_sent(examples: Examples, tmp_path: Path) -> None:
    asked = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(await request.read())
        return web.Response(status=431)

    async with asking(examples, tmp_path, answer, INTROSPECTION) as running:
        assert await running.misjudged([bearer("k" * 17_000)], (401,)) == []
    assert asked == []
