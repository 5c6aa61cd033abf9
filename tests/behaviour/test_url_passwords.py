"""No message shows a part of a URL's password: what commands print, what is logged, what is measured."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.cli import main
from tests.support.builders.configs import LEAST, written
from tests.support.clients.commands import gateway
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


async def printed(path: Path) -> tuple[int, str]:
    """Return the worst exit code of the commands that read a config, and all that they print."""
    commands = (["check"], ["serve"], ["explain"], ["revoke", "--user", "u"])
    more = {"explain": ["GET", "http://u:QUUX/ZORK@h/orders/"]}
    said, codes = "", []
    for name, *options in commands:
        ended = await asyncio.to_thread(gateway, name, "-c", path, *options, *more.get(name, []))
        said += ended.stdout + ended.stderr
        codes.append(ended.returncode)
    return max(codes), said


@pytest.mark.parametrize("place", PLACES)
def test_no_problem_of_a_config_shows_a_part_of_a_password(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["check", "-c", str(config(tmp_path, PLACES[place]))])
    said = "".join(capsys.readouterr())
    assert (code, "gateway.yaml:" in said) == (1, True)
    assert not [part for part in PARTS if part in said]


async def test_no_command_prints_a_part_of_a_password(tmp_path: Path) -> None:
    code, said = await printed(config(tmp_path, PLACES["redis"] + PLACES["a network"]))
    assert code == 1
    assert "gateway.yaml:" in said
    assert not [part for part in PARTS if part in said]


@pytest.mark.parametrize(
    "replaced",
    [
        {"directory": f"postgresql://u:{OPEN}@127.0.0.1:1/db"},
        {"directory": f"mysql://u:{OPEN}@127.0.0.1:1/db"},
        {"directory": "postgresql://u:QUUX%2FZORK@127.0.0.1:1/db?connect_timeout=ZORK"},
        {"upstream": f"http://u:{OPEN}@127.0.0.1:8000"},
    ],
)
async def test_no_command_prints_a_part_of_another_urls_password(tmp_path: Path, replaced: dict[str, str]) -> None:
    code, said = await printed(config(tmp_path, **replaced))
    assert code == 1
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
