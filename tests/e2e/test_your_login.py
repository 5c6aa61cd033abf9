"""The apps of docs/your-login.md, as the page has them: signed in, passed, signed out, refused."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway.source.document import parse_document
from tests.support.clients.raw_http import RawResponse, exchange
from tests.support.gateways.serving import ADMIN_TOKEN, Gateway, config, serving
from tests.support.readers import pages
from tests.support.repository import DOCS
from tests.support.servers.child_programs import child_program
from tests.support.servers.ports import free_port
from tests.support.servers.recording_upstream import recording_upstream

PAGE = DOCS / "your-login.md"
NPM = Path(__file__).parent / "npm"
DJANGO = Path(__file__).parent / "django_site.py"
MAIL = "ada@example.com"
SECRETS = {name: secrets.token_hex(32) for name in ("APP_SECRET", "INTROSPECTION_TOKEN")}


class Recipe(msgspec.Struct, frozen=True):
    """One app of the page: its heading, the file that its code is, how that is run, and what its login takes."""

    heading: str
    language: str
    file: str
    command: tuple[str, ...]
    login: dict[str, str]
    told: dict[bytes, bytes]

    def block(self, language: str) -> str:
        """Return the block of that language under the heading."""
        (block,) = re.findall(rf"(?ms)^```{language}\n(.*?)^```$", pages.part(PAGE, self.heading))
        return str(block)


PYTHON = sys.executable
RECIPES = [
    Recipe(
        "Express: a custom remote",
        "js",
        "app.mjs",
        ("node", "app.mjs"),
        {"mail": MAIL},
        {b"x-user-id": b"42", b"x-user-email": MAIL.encode(), b"x-user-roles": b"author"},
    ),
    Recipe(
        "Django: introspection",
        "python",
        "views.py",
        (PYTHON, str(DJANGO)),
        {"username": "ada", "password": "correct horse"},
        {b"x-user-id": b"1", b"x-user-email": MAIL.encode(), b"x-user-roles": b"author"},
    ),
    Recipe(
        "FastAPI: `jwt` in a cookie",
        "python",
        "app.py",
        (PYTHON, "-m", "hypercorn", "--bind", "127.0.0.1:{port}", "app:app"),
        {"mail": MAIL},
        {b"x-user-id": b"42", b"x-user-email": MAIL.encode(), b"x-user-roles": b"author"},
    ),
    Recipe(
        "Rails: an opaque token",
        "python",
        "app.py",
        (PYTHON, "app.py"),
        {"mail": MAIL},
        {b"x-user-id": b"42", b"x-user-email": MAIL.encode(), b"x-org-id": b"3", b"x-org-role": b"owner"},
    ),
]


@contextlib.asynccontextmanager
async def app_of(recipe: Recipe, folder: Path, port: int, gateway: Gateway) -> AsyncIterator[str]:
    """Run the app of the page until the end, and return its URL once it answers."""
    (folder / recipe.file).write_text(recipe.block(recipe.language), encoding="utf-8")
    if recipe.language == "js":
        if shutil.which("node") is None or not (NPM / "node_modules/express").exists():
            pytest.fail("no Express: run tests/e2e/run, which gets Node.js and what npm has", pytrace=False)
        (folder / "node_modules").symlink_to(NPM / "node_modules")
    told = {"PORT": str(port), "GATEWAY_ADMIN": f"http://127.0.0.1:{gateway.admin_port}"}
    environment = {**os.environ, **SECRETS, **told, "GATEWAY_ADMIN_TOKEN": ADMIN_TOKEN}
    command = [each.format(port=port) for each in recipe.command]
    async with child_program(*command, cwd=folder, env=environment) as process:
        await _listens(process, port)
        yield f"http://127.0.0.1:{port}"


async def _listens(process: asyncio.subprocess.Process, port: int) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    pytest.fail(f"the app ended with {process.returncode}")


async def sign_in(url: str, recipe: Recipe) -> str:
    """Sign in at the app itself; return the header line by which it knows us from now on."""
    async with aiohttp.ClientSession() as client, client.post(f"{url}/login", json=recipe.login) as answer:
        assert answer.status == 200
        for name, morsel in answer.cookies.items():
            if f"name: {name}," in recipe.block("yaml"):
                return f"Cookie: {name}={morsel.value}"
        return f"Authorization: Token {(await answer.json())['token']}"


async def sign_out(url: str, line: str) -> None:
    name, _, value = line.partition(": ")
    async with aiohttp.ClientSession() as client, client.post(f"{url}/logout", headers={name: value}) as answer:
        assert answer.status == 200


async def ask(gateway: Gateway, line: str) -> RawResponse:
    return await exchange(gateway.port, f"GET /a HTTP/1.1\r\nHost: g\r\nConnection: close\r\n{line}\r\n\r\n".encode())


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.heading)
async def test_an_app_s_own_login_opens_and_its_logout_closes(recipe: Recipe, tmp_path: Path) -> None:
    port = free_port()
    written = recipe.block("yaml").replace("127.0.0.1:3000", f"127.0.0.1:{port}")
    sections = parse_document(written, "your-login.md", environment=SECRETS).data
    async with recording_upstream() as upstream:
        whole: dict[str, Any] = config(upstream.port, {}) | sections | {"cache": {"fresh": "1h"}}
        for authority in whole["authorities"].values():
            authority["timeout"] = "30s"
        whole["routes"] = [{"name": "all", "match": {"path": "/"}, "upstream": f"http://127.0.0.1:{upstream.port}"}]
        async with serving(whole, tmp_path) as gateway, app_of(recipe, tmp_path, port, gateway) as url:
            line, other = await sign_in(url, recipe), await sign_in(url, recipe)
            assert [(await ask(gateway, each)).status for each in (line, f"{line}x", other)] == [200, 401, 200]
            (first, _) = upstream.requests
            assert {name: first.all(name) for name in recipe.told} == {
                name: [value] for name, value in recipe.told.items()
            }
            await sign_out(url, line)
            assert [(await ask(gateway, each)).status for each in (line, other)] == [401, 200]
