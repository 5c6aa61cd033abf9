"""A command loads the libraries that it uses and no others: people wait for it, and scripts call it in loops."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.signing import KeyRing
from tests.support.builders.configs import LEAST, written
from tests.support.clients.commands import python
from tests.support.servers.ports import free_port

HEAVY = [
    "aiohttp",
    "alembic",
    "opentelemetry",
    "prometheus_client",
    "pydantic",
    "redis",
    "rich",
    "ruamel",
    "sqlalchemy",
]

PROGRAM = f"""
import contextlib, io, json, sys
sys.modules["rich"] = None  # of our tools; structlog would load it
from gateway.cli import main
loaded = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as output:
        code = main(arguments)
    loaded.append([code if arguments != ["--help"] else 0, [each for each in {HEAVY!r} if sys.modules.get(each)]])
print(json.dumps(loaded))
"""
"""Runs one command after the other; what one has loaded, the next has too."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, list[str]]]:
    """For each command, its exit code, and what was loaded when it had ended."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "keys.pem").write_bytes(KeyRing.generate().to_pem())
    listen = f"listen: {{admin: '127.0.0.1:{free_port()}', admin_token: t}}\n"
    config = str(written(folder, LEAST + listen))
    commands = {
        "--help": ["--help"],
        "check": ["check", "-c", config],
        "directory user list": ["directory", "user", "list", "-c", config],
        "revoke": ["revoke", "-c", config, "--user", "nobody"],
    }
    assert python("-m", "gateway", "directory", "migrate", "-c", config).returncode == 0
    done = python("-c", PROGRAM, json.dumps(list(commands.values())))
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return {name: (code, names) for name, (code, names) in zip(commands, found, strict=True)}


def test_help_loads_nothing(loaded: dict[str, tuple[int, list[str]]]) -> None:
    assert loaded["--help"] == (0, [])


def test_check_loads_what_reads_a_config(loaded: dict[str, tuple[int, list[str]]]) -> None:
    assert loaded["check"] == (0, ["pydantic", "ruamel"])


def test_a_list_loads_the_database_s_library(loaded: dict[str, tuple[int, list[str]]]) -> None:
    assert loaded["directory user list"] == (0, ["pydantic", "ruamel", "sqlalchemy"])


def test_a_revocation_asks_the_admin_port_by_the_standard_library(loaded: dict[str, tuple[int, list[str]]]) -> None:
    assert loaded["revoke"] == (1, ["pydantic", "ruamel", "sqlalchemy"])  # nobody listens there, so nobody was told
