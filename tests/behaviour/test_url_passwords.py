"""No message shows a part of a URL's password: what commands print, what is logged, what is measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main
from tests.support.builders.configs import LEAST, written
from tests.support.clients.commands import python
from tests.support.clients.raw_http import exchange
from tests.support.gateways.attacks import get, victim
from tests.support.gateways.serving import Examples

PARTS = ("QUUX", "ZORK")
"""Both halves of every password here."""

OPEN = "QUUX/ZORK"
PLACES = {
    "redis": 'redis: {url: "redis://:QUUX/ZORK@127.0.0.1:1/0"}\n',
    "redis, as a port": 'redis: {url: "redis://:QUUX?ZORK@127.0.0.1:1/0"}\n',
    "redis, without an end": 'redis: {url: "redis://:QUUX#ZORK"}\n',
    "sentinels": 'redis: {url: "redis+sentinel://u:QUUX/ZORK@127.0.0.1:1/master/0"}\n',
    "a cluster": 'redis: {url: "redis+cluster://u:QUUX/ZORK@127.0.0.1:1"}\n',
    "a key": 'redis: {"redis://:QUUX/ZORK@127.0.0.1:1/0": here}\n',
    "a key at the top": '"redis://:QUUX/ZORK@127.0.0.1:1/0": here\n',
    "a place that is no map": 'redis: "redis://:QUUX/ZORK@127.0.0.1:1/0"\n',
    "an address": 'listen: {public: "http://u:QUUX/ZORK@h:1"}\n',
    "a network": 'trusted_proxies: ["http://u:QUUX/ZORK@h:1"]\n',
    "text that is not YAML": 'redis: {url: "redis://:QUUX/ZORK@127.0.0.1:1/0"\n',
}
DIRECTORY = "sqlite:///gateway.db"


def config(folder: Path, more: str = "", **replaced: str) -> Path:
    text = LEAST + more
    for old, new in replaced.items():
        text = text.replace({"directory": DIRECTORY, "upstream": "http://127.0.0.1:8000"}[old], new)
    return written(folder, text)


COMMANDS = (
    ("check", ()), ("serve", ()), ("explain", ("GET", "http://u:QUUX/ZORK@h/orders/")), ("revoke", ("--user", "u")),
)  # fmt: skip
EACH = "import json, sys; from gateway.cli import main; print([main(each) for each in json.loads(sys.argv[1])])"
"""Runs commands one after the other, since a process of each would take far longer, and prints their exit codes."""


def printed(*paths: Path) -> tuple[list[int], str]:
    """Return the exit codes of the commands that read these configs, and all that they print."""
    commands = [[name, "-c", str(path), *more] for path in paths for name, more in COMMANDS]
    ended = python("-c", EACH, json.dumps(commands))
    assert ended.returncode == 0, ended.stderr
    *_, codes = ended.stdout.splitlines()
    return json.loads(codes), ended.stdout + ended.stderr


@pytest.mark.parametrize("place", PLACES)
def test_no_problem_of_a_config_shows_a_part_of_a_password(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["check", "-c", str(config(tmp_path, PLACES[place]))])
    said = "".join(capsys.readouterr())
    assert (code, "gateway.yaml:" in said) == (1, True)
    assert not [part for part in PARTS if part in said]


def test_no_command_prints_a_part_of_a_password(tmp_path: Path) -> None:
    codes, said = printed(config(tmp_path, PLACES["redis"] + PLACES["a network"]))
    assert codes == [1] * len(COMMANDS)
    assert "gateway.yaml:" in said
    assert not [part for part in PARTS if part in said]


def test_no_command_prints_a_part_of_another_urls_password(tmp_path: Path) -> None:
    others = (
        {"directory": f"postgresql://u:{OPEN}@127.0.0.1:1/db"},
        {"directory": f"mysql://u:{OPEN}@127.0.0.1:1/db"},
        {"directory": "postgresql://u:QUUX%2FZORK@127.0.0.1:1/db?connect_timeout=ZORK"},
        {"upstream": f"http://u:{OPEN}@127.0.0.1:8000"},
    )
    paths = []
    for number, replaced in enumerate(others):
        folder = tmp_path / str(number)
        folder.mkdir()
        paths.append(config(folder, **replaced))
    codes, said = printed(*paths)
    assert all(1 in codes[place : place + len(COMMANDS)] for place in range(0, len(codes), len(COMMANDS)))
    assert not [part for part in PARTS if part in said]


async def test_neither_the_log_nor_the_metrics_hold_a_part_of_a_password(examples: Examples, tmp_path: Path) -> None:
    redis = {"url": "redis://u:QUUX%2FZORK@127.0.0.1:1/0"}
    async with victim(examples, tmp_path, redis=redis) as running:
        for target in (b"http://u:QUUX/ZORK@h/", b"http://u:QUUX?ZORK@h/", b"//u:QUUX@h/", b"/public/?u=x://a:QUUX@h"):
            await running.attack(get(target, b"Referer: http://u:QUUX/ZORK@h/"))
        metrics = await exchange(running.gateway.admin_port, get(b"/metrics"))
        seen = running.gateway.log() + metrics.body
    assert b"redis" in seen
    assert not [part for part in PARTS if part.encode() in seen]
