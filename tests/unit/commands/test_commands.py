import argparse
import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.argument_values import RunningCommand
from gateway.commands.command_output import CommandResult
from gateway.commands.directory_arguments import DirectoryArguments
from gateway.directory.migrating import migrate
from gateway.model.errors import ClashError, DirectoryError, InvalidRecordError, MissingRecordError
from tests.support.builders.configs import SECRET, written
from tests.support.fakes.audited import Audited

pytestmark = pytest.mark.slow


class Shell:
    """Runs commands against an empty directory, as a script would."""

    def __init__(self, folder: Path) -> None:
        accounts = f"{{kind: directory, url: 'sqlite:///{folder / 'd.db'}', pepper: {SECRET}}}"
        self.config = written(folder, f"secret: {SECRET}\nauthorities: {{accounts: {accounts}}}\n")
        asyncio.run(migrate(f"sqlite:///{folder / 'd.db'}"))
        self.last = CommandResult("")
        self._parser = argparse.ArgumentParser()
        DirectoryArguments(self._run).add(self._parser)

    def _run(self, command: RunningCommand) -> int:
        self.last = asyncio.run(command)
        return 0

    def __call__(self, *arguments: str) -> str:
        options = self._parser.parse_args([*arguments, "-c", str(self.config)])
        options.audit = Audited().log
        options.command(options)
        return self.last.output

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    made = Shell(tmp_path_factory.mktemp("shell"))
    made("organization", "create", "--id", "acme", "--name", "Acme")
    made("user", "create", "--id", "jane", "--email", "jane@example.com", "--role", "admin", "--role", "user")
    made("member", "create", "--id", "jane_at_acme", "--organization", "acme", "--user", "jane")
    made("project", "create", "--id", "shop", "--organization", "acme")
    return made


def test_an_owner_gets_from_nothing_to_a_key_and_a_session_by_commands(shell: Shell) -> None:
    project = shell.json("project", "show", "shop")
    assert (project["name"], project["auto_id"]) == ("shop", 1)
    assert shell.json("user", "show", "jane")["roles"] == ["admin", "user"]
    key = shell("key", "create", "--member", "jane_at_acme", "--project", "shop", "--ttl", "90d")
    found = shell.json("key", "show", key)
    assert found == shell.json("key", "show", found["prefix"])
    assert found["member"] == "jane_at_acme"
    rotated = shell.json("key", "rotate", found["prefix"], "--overlap", "1h")
    assert rotated["api_key"]["expires_at"] == found["expires_at"]
    assert rotated["key"].startswith("sk_live_")
    assert {row["id"] for row in shell.json("key", "list", "--member", "jane_at_acme")} == {
        found["id"],
        rotated["api_key"]["id"],
    }
    session = shell.json("session", "create", "--user", "jane", "--organization", "acme", "--ttl", "8h")
    assert session["pair"]["user_id"] == "jane"
    assert shell("session", "end", session["session"]["id"]) == f"ended {session['session']['id']}"
    assert shell.json("session", "list", "--user", "jane", "--live", "true") == []


def test_lists_are_tables_for_people_and_whole_for_scripts(shell: Shell) -> None:
    for number in range(3):
        shell("workspace", "create", "--id", f"w{number}", "--organization", "acme")
    header, *lines = shell("workspace", "list").splitlines()
    assert header.split() == ["ID", "ORGANIZATION"]
    assert [line.split()[0] for line in lines] == ["w0", "w1", "w2"]
    assert [row["id"] for row in shell.json("workspace", "list", "--limit", "2")] == ["w0", "w1"]
    assert shell("workspace", "list", "--organization", "nobody") == ""


def test_a_change_sets_what_it_names_and_clears_what_it_says(shell: Shell) -> None:
    shell("user", "create", "--id", "john", "--name", "John", "--email", "john@example.com")
    changed = shell.json("user", "change", "john", "--username", "jd", "--clear", "email")
    assert (changed["name"], changed["username"], "email" in changed) == ("John", "jd", False)
    with pytest.raises(InvalidRecordError, match="name a field to set"):
        shell("user", "change", "john")
    assert shell("user", "delete", "john") == "deleted john"
    with pytest.raises(MissingRecordError, match="there is no john in users"):
        shell("user", "show", "john")


def test_a_users_sessions_end_but_one(shell: Shell) -> None:
    kept, other = (shell.json("session", "create", "--user", "jane")["session"]["id"] for _ in range(2))
    assert shell("session", "end", "--user", "jane", "--except", kept) == f"ended {other}"
    shell("session", "end", kept)
    shell("session", "end", "--user", "jane")
    assert shell.last.note == "jane has no live session"
    with pytest.raises(DirectoryError, match="name a session"):
        shell("session", "end")


def test_what_cannot_be_is_said_with_the_field(shell: Shell) -> None:
    with pytest.raises(InvalidRecordError, match=r"^status: "):
        shell("member", "change", "jane_at_acme", "--status", "asleep")
    with pytest.raises(ClashError, match="organization and user"):
        shell("member", "create", "--organization", "acme", "--user", "jane")
    with pytest.raises(InvalidRecordError, match=r"^live: "):
        shell("session", "list", "--live", "perhaps")


@pytest.mark.processes
def test_a_command_that_reads_loads_nothing_that_only_serving_or_changing_needs() -> None:
    heavy = ("redis", "opentelemetry", "alembic", "uvloop", "gateway.workers", "gateway.sessions")
    code = f"import sys, gateway.commands.noun_commands; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
