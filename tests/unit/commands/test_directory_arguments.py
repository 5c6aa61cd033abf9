import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.commands.argument_values import RunningCommand
from gateway.commands.command_output import CommandResult
from gateway.commands.directory_arguments import DirectoryArguments
from gateway.directory.store import Directory
from gateway.directory.tables import api_keys
from gateway.signing import KeyRing
from tests.support.builders.configs import SECRET, written
from tests.support.builders.directory import CLOSED_CHAT_SESSION, DEMO_RECORDS, MEMGHOST_SESSION
from tests.support.fakes.audited import Audited

pytestmark = pytest.mark.slow

KEY = "550e8400-e29b-41d4-a716-446655440003"
MEMBER = "550e8400-e29b-41d4-a716-446655440002"
PROJECT = "550e8400-e29b-41d4-a716-446655440000"


class Line:
    """The command line of one config; `results` are those of its commands."""

    def __init__(self, folder: Path) -> None:
        (folder / "keys.pem").write_bytes(KeyRing.generate().to_pem())
        tokens = f"tokens: {{issuer: i, audience: a, keys_file: {folder / 'keys.pem'}}}"
        accounts = f"{{kind: directory, url: 'sqlite:///{folder / 'd.db'}', pepper: {SECRET}, {tokens}}}"
        self.config = written(folder, f"secret: {SECRET}\nauthorities: {{accounts: {accounts}}}\n")
        self.results: list[CommandResult] = []
        self.audited = Audited()
        self._parser = argparse.ArgumentParser()
        DirectoryArguments(self._run).add(self._parser)

    def _run(self, command: RunningCommand) -> int:
        self.results.append(asyncio.run(command))
        return 7

    def __call__(self, *arguments: str) -> str:
        options = self._parser.parse_args([*arguments, "-c", str(self.config), "--authority", "accounts"])
        options.audit = self.audited.log
        assert options.command(options) == 7
        return self.results[-1].output


@pytest.fixture
def line(tmp_path: Path) -> Line:
    made = Line(tmp_path)
    made("migrate")
    made("load", str(DEMO_RECORDS))
    return made


async def _key_expires(folder: Path) -> datetime | None:
    directory = Directory.open(f"sqlite:///{folder / 'd.db'}")
    async with directory.reading() as connection:
        found = await connection.scalar(select(api_keys.c.expires_at).where(api_keys.c.id == KEY))
    await directory.close()
    return found


def test_each_command_runs_with_its_arguments(line: Line) -> None:
    assert line("key", "create", "--member", MEMBER, "--project", PROJECT, "--ttl", "1h").startswith("sk_live_")
    assert line("token", "--session", MEMGHOST_SESSION, "--kind", "cookie", "--ttl", "1m").count(".") == 2
    assert line("member", "role", MEMBER, "owner") == f"{MEMBER} has the role owner"
    assert line("member", "role", MEMBER) == f"{MEMBER} has no role"
    assert line("session", "end", CLOSED_CHAT_SESSION) == f"ended {CLOSED_CHAT_SESSION}"
    assert line("key", "delete", KEY) == f"deleted {KEY}"
    assert line("organization", "remove", "org_abc123xyz456") == "deleted org_abc123xyz456"
    assert [kind for _, kind, _, _ in line.audited.summaries] == [
        *("directory", "api_key", "session", "member", "member", "api_key", "organization"),
    ]


def test_a_key_expires_when_the_command_says(line: Line, tmp_path: Path) -> None:
    output = line("key", "expire", KEY, "--at", "2030-01-31T13:00:00+01:00")
    assert output == f"{KEY} expires at 2030-01-31T12:00:00+00:00"
    assert asyncio.run(_key_expires(tmp_path)) == datetime(2030, 1, 31, 12, tzinfo=UTC)
    line("key", "expire", KEY, "--ttl", "90d")
    expires = asyncio.run(_key_expires(tmp_path))
    assert expires is not None
    assert 89 <= (expires - datetime.now(UTC)).days <= 90
    assert line("key", "expire", KEY, "--never") == f"{KEY} never expires"
    assert asyncio.run(_key_expires(tmp_path)) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("key", "expire", KEY),
        ("key", "expire", KEY, "--at", "2030-01-31T12:00:00"),
        ("key", "expire", KEY, "--at", "tomorrow"),
        ("key", "expire", KEY, "--ttl", "90"),
        ("key", "expire", KEY, "--ttl", "90d", "--never"),
        ("key", "expire", KEY, "--ttl", "36526d"),
        ("key", "expire", KEY, "--at", "0001-01-01T00:00:00+14:00"),
        ("member",),
        ("member", "role"),
        ("organization", "remove"),
        ("organization", "create"),
        ("user", "list", "--limit", "0"),
        ("member", "create", "--organization", "o", "--metadata", "{"),
        ("user", "change", "u", "--clear", "id"),
    ],
)
def test_wrong_usage_does_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    made = Line(tmp_path)
    with pytest.raises(SystemExit):
        made(*arguments)
    assert made.results == []
