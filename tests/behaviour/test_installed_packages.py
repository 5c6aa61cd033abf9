"""Kinds of installed packages: used through sockets, and told by `check` when they cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.config.load import check_file
from tests.support.clients.commands import gateway
from tests.support.clients.raw_http import exchange
from tests.support.gateways.packages import install, lay_out, on_path
from tests.support.gateways.serving import config, serving
from tests.support.servers.low_level import listening
from tests.support.servers.recording_upstream import recording_upstream

BADGE = "X-Acme-Badge: B-1"
LEAST = "secret: 0123456789abcdef0123456789abcdef\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("acme"), "acme")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("broken"), "broken")


@pytest.fixture
def acme(installed: Path) -> Iterator[None]:
    with on_path(installed):
        yield


def whole(upstream: int, **sections: Any) -> dict[str, Any]:
    """Return a config in which Acme's authority says whose one of Acme's badges is."""
    settings = config(upstream, {}, credentials={"badge": {"kind": "acme_badge", "authority": "badges"}})
    settings["authorities"] = {"badges": {"kind": "acme_badges", "people": {"B-1": "ada"}}}
    settings["routes"] = settings["routes"][:1]
    return settings | sections


def request(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: app.test", "Connection: close", *lines, "", ""]).encode()


@pytest.mark.usefixtures("acme")
async def test_a_package_s_credential_and_authority_admit_to_a_route(tmp_path: Path) -> None:
    async with recording_upstream() as upstream, serving(whole(upstream.port), tmp_path) as running:
        statuses = [
            (await exchange(running.port, request("/echo/a", *lines))).status
            for lines in ((BADGE,), ("X-Acme-Badge: B-2",), (BADGE, BADGE), ())
        ]
        fields = dict(upstream.requests[0].headers)
    assert statuses == [200, 401, 401, 401]
    assert fields[b"X-User-Id"] == b"ada"
    assert b"X-Acme-Badge" not in fields  # what a package's reader reads is removed as ours is


@pytest.mark.usefixtures("acme")
async def test_a_package_s_dialect_is_served(tmp_path: Path) -> None:
    served = [{"dialect": "acme", "credentials": ["badge"], "greeting": "Ahoy"}]
    settings = whole(1, session_info=served)
    async with serving(settings, tmp_path) as running:
        found = await exchange(running.port, request("/acme/me", BADGE))
        nobody = await exchange(running.port, request("/acme/me"))
        document = (await exchange(running.port, request("/_gateway/openapi.json"))).json()
    assert (found.status, found.json()) == (200, {"person": "ada", "greeting": "Ahoy"})
    assert (nobody.status, nobody.json()) == (401, {"trouble": "who?"})
    assert "/acme/me" in document["paths"]


@pytest.mark.usefixtures("acme")
async def test_a_package_s_dialect_is_spoken_with_keys_of_its_own(tmp_path: Path) -> None:
    async def answer(asked: web.BaseRequest) -> web.StreamResponse:
        known = (asked.headers["X-Acme-Badge"], asked.headers["X-Acme-Site"]) == ("B-9", "north")
        return web.json_response({"person": "bob", "greeting": ""}, status=200 if known else 401)

    async with listening(answer) as port:
        remote = {"kind": "remote", "dialect": "acme", "url": f"http://127.0.0.1:{port}/acme/me", "site": "north"}
        settings = whole(1, authorities={"badges": remote})
        async with serving(settings, tmp_path) as running:
            found = await exchange(running.port, request("/_gateway/session", "X-Acme-Badge: B-9"))
            nobody = await exchange(running.port, request("/_gateway/session", BADGE))
    assert (found.status, found.json()["session"]["subject"], nobody.status) == (200, "bob", 401)


@pytest.mark.usefixtures("acme")
async def test_a_package_s_proxy_may_ask(tmp_path: Path) -> None:
    told = ("X-Forwarded-Method: GET", "X-Forwarded-Proto: http", "X-Forwarded-Host: app.test")
    told = (*told, "X-Forwarded-Uri: /echo/a", "X-Forwarded-For: 192.0.2.7")
    settings = whole(1, forward_auth={"acme_edge": {"peers": ["127.0.0.0/8"]}})
    async with serving(settings, tmp_path) as running:
        allowed = await exchange(running.port, request("/_gateway/auth/acme", *told, BADGE))
        refused = await exchange(running.port, request("/_gateway/auth/acme", *told))
    assert (allowed.status, allowed.one(b"X-User-Id"), refused.status) == (200, b"ada", 401)


@pytest.mark.usefixtures("acme")
async def test_no_package_replaces_a_kind_of_the_gateway_s_own(tmp_path: Path) -> None:
    settings = whole(1, credentials={"badge": {"kind": "cookie", "name": "badge", "authority": "badges"}})
    async with serving(settings, tmp_path) as running:
        by_badge = await exchange(running.port, request("/_gateway/session", BADGE))
        by_cookie = await exchange(running.port, request("/_gateway/session", "Cookie: badge=B-1"))
    assert (by_badge.status, by_cookie.status) == (401, 200)


async def test_a_package_s_authority_that_cannot_be_opened_is_one_clear_line(tmp_path: Path, installed: Path) -> None:
    text = "listen: {public: '127.0.0.1:0', admin: '127.0.0.1:0'}\n"
    text += "authorities: {badges: {kind: acme_badges, people: {B-1: nobody}}}\n"
    path = tmp_path / "gateway.yaml"
    path.write_text(LEAST + text, encoding="utf-8")
    ended = gateway("serve", "-c", path, environment={"PYTHONPATH": str(installed)})
    assert ended.returncode != 0
    assert "acme_badges cannot be opened: LookupError" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "gateway.yaml"
    path.write_text(LEAST + text, encoding="utf-8")
    return [f"{each.line}:{each.column}: {each.path}: {each.text}" for each in check_file(path, {}).problems]


FAULTS = {
    "broken_import": "cannot be loaded: RuntimeError: needs gateway 2.0 or newer",
    "broken_exit": "cannot be loaded: SystemExit: no licence",
    "broken_module": "cannot be loaded: ModuleNotFoundError: ",
    "broken_name": "cannot be loaded: AttributeError: ",
    "broken_type": "cannot be used: broken_kinds:TEXT is no DialectKind of that name",
    "broken_alias": "cannot be used: broken_kinds:BUILD is no DialectKind of that name",
    "broken_settings": "cannot be used: its settings are no SettingsModel",
    "broken_build": "cannot be used: ZeroDivisionError: division by zero",
    "broken_validator": "cannot be used: KeyError: 'x'",
    "broken_speech": "cannot be used: ZeroDivisionError: division by zero",
    "broken_reader": "cannot be used: ZeroDivisionError: division by zero",
    "broken_authority": "cannot be used: broken_kinds:TEXT is no AuthorityKind of that name",
    "broken_edge": "cannot be used: ZeroDivisionError: division by zero",
}
WRITTEN = {
    "broken_speech": "authorities: {a: {kind: remote, dialect: broken_speech, url: 'http://127.0.0.1:1/'}}",
    "broken_validator": "session_info: [{dialect: broken_validator, credentials: [a], word: x}]",
    "broken_reader": "credentials: {a: {kind: broken_reader, authority: b}}",
    "broken_authority": "authorities: {a: {kind: broken_authority}}",
    "broken_edge": "forward_auth: {broken_edge: {path: /ask}}",
}
"""What a config says of a kind, where it is no dialect's usual entry."""


@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_wrong_with_a_package_is_told_at_its_kind_s_name(broken: Path, tmp_path: Path, kind: str) -> None:
    text = WRITTEN.get(kind, f"session_info: [{{dialect: {kind}, credentials: [a]}}]")
    with on_path(broken):
        told = [each for each in problems(tmp_path, text) if "broken-gateway" in each]
    assert len(told) == 1
    assert told[0].startswith("2:")
    assert f"{kind} of broken-gateway 0.0.1 {FAULTS[kind]}" in told[0]


def test_one_name_in_two_packages_is_nobody_s(installed: Path, broken: Path, tmp_path: Path) -> None:
    with on_path(installed), on_path(broken):
        found = problems(tmp_path, "session_info: [{dialect: acme, credentials: [a]}]")
    assert any("acme is of several packages, " in each and "acme-gateway 1.2.3" in each for each in found)


def test_check_names_what_is_installed_and_never_shows_a_traceback(
    installed: Path, broken: Path, tmp_path: Path
) -> None:
    path = tmp_path / "gateway.yaml"
    text = "session_info: [{dialect: broken_import, credentials: [a]}, {dialect: acmee, credentials: [a]}]\n"
    path.write_text(LEAST + text, encoding="utf-8")
    ended = gateway("check", "-c", path, environment={"PYTHONPATH": f"{installed}:{broken}"})
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "2:17: session_info[0].dialect: broken_import of broken-gateway 0.0.1 cannot be loaded" in ended.stdout
    assert "session_info[1].dialect: acmee is not known; must be composio, " in ended.stdout
    assert "acme of acme-gateway 1.2.3" in ended.stdout
    assert "Traceback" not in ended.stdout
