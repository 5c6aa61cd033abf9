import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.commands.directory_commands import (
    issue_directory_token,
    list_directory_audit,
    load_directory,
    migrate_directory,
)
from gateway.commands.noun_commands import NounCommands
from gateway.commands.noun_fields import NOUN_OPTIONS
from gateway.commands.opened_directory import DirectoryOptions
from gateway.directory.operations.audit_trail import AuditFilter
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError, RecordsError, SchemaError
from gateway.signing import KeyRing
from tests.support.builders.configs import SECRET, written
from tests.support.builders.directory import DEMO_RECORDS, MEMGHOST_SESSION
from tests.support.fakes.audited import Audited

pytestmark = pytest.mark.slow

MEMBER = "550e8400-e29b-41d4-a716-446655440002"
KEY = "550e8400-e29b-41d4-a716-446655440003"


def config(folder: Path, *, more: str = "", tokens: bool = True) -> DirectoryOptions:
    (folder / "keys.pem").write_bytes(KeyRing.generate().to_pem())
    signing = f"tokens: {{issuer: i, audience: a, keys_file: {folder / 'keys.pem'}}}" if tokens else ""
    text = (
        f"secret: {SECRET}\n"
        "authorities:\n"
        f"  accounts: {{kind: directory, url: 'sqlite:///{folder / 'd.db'}', pepper: {SECRET}, {signing}}}\n"
    )
    return DirectoryOptions(written(folder, text + more), Audited().log)


def commands(options: DirectoryOptions, noun: str) -> NounCommands:
    return NounCommands(options, NOUN_OPTIONS[noun], json=False)


def contents(folder: Path, pattern: str) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob(pattern))


@pytest.fixture(name="options")
async def a_directory_with_the_demos_records(tmp_path: Path) -> DirectoryOptions:
    options = config(tmp_path)
    await migrate_directory(options)
    await load_directory(options, DEMO_RECORDS)
    return options


async def test_the_schema_comes_first(tmp_path: Path) -> None:
    options = config(tmp_path)
    with pytest.raises(SchemaError, match="gateway directory migrate"):
        await load_directory(options, DEMO_RECORDS)
    assert (await migrate_directory(options)).output == "the schema of accounts is up to date"
    first = await load_directory(options, DEMO_RECORDS)
    # New records are in no cache, so it is no failure that no gateway was notified.
    assert (first.succeeded, first.note) == (True, "")


async def test_loaded_records_are_counted_and_the_same_again_change_nothing(options: DirectoryOptions) -> None:
    result = await load_directory(options, DEMO_RECORDS)
    assert result.output.startswith("loaded 2 organizations, ")
    assert (result.note, result.succeeded) == ("", True)


async def test_a_change_that_reaches_no_gateway_is_noted(tmp_path: Path, unused_tcp_port: int) -> None:
    options = config(tmp_path, more=f"listen: {{admin: '127.0.0.1:{unused_tcp_port}', admin_token: t}}\n")
    await migrate_directory(options)
    await load_directory(options, DEMO_RECORDS)
    records = tmp_path / "records.yaml"
    records.write_text(DEMO_RECORDS.read_text(encoding="utf-8").replace("role: admin", "role: owner"), encoding="utf-8")
    result = await load_directory(options, records)
    assert result.succeeded
    assert result.note == "not every gateway could be told; one that runs may serve what it has for 120 s"


@pytest.mark.parametrize("token", ["", ", admin_token: t"])
async def test_a_change_that_a_running_gateway_did_not_take_is_no_success(tmp_path: Path, token: str) -> None:
    def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        options = config(tmp_path, more=f"listen: {{admin: '127.0.0.1:{port}'{token}}}\n")
        await migrate_directory(options)
        await load_directory(options, DEMO_RECORDS)
        result = await commands(options, "member").change(MEMBER, {"role": "owner"})
    assert not result.succeeded
    assert "not every gateway could be told" in result.note


async def test_a_change_that_redis_did_not_take_is_no_success(tmp_path: Path, unused_tcp_port: int) -> None:
    more = f"redis: {{url: 'redis://127.0.0.1:{unused_tcp_port}'}}\n"
    options = config(tmp_path, more=more)
    await migrate_directory(options)
    await load_directory(options, DEMO_RECORDS)
    assert not (await commands(options, "key").delete(KEY)).succeeded


async def test_a_change_reaches_redis(tmp_path: Path, redis_url: str) -> None:
    options = config(tmp_path, more=f"redis: {{url: '{redis_url}', key_prefix: 'commands:'}}\n")
    await migrate_directory(options)
    await load_directory(options, DEMO_RECORDS)
    result = await commands(options, "key").delete(KEY)
    assert (result.output, result.note, result.succeeded) == (f"deleted {KEY}", "", True)


async def test_changes_are_audited_and_no_key_or_token_with_them(options: DirectoryOptions) -> None:
    audited = Audited()
    options = DirectoryOptions(options.config, audited.log)
    key = await commands(options, "key").create({"type": "organization", "name": "ci", "member": MEMBER})
    token = await issue_directory_token(options, MEMGHOST_SESSION, "bearer", None)
    await commands(options, "member").change(MEMBER, {"role": "owner"})
    await commands(options, "key").change(KEY, {"expires_at": None})
    await commands(options, "session").end(MEMGHOST_SESSION, None, None)
    await commands(options, "organization").delete("org_abc123xyz456")
    assert audited.summaries == [
        ("record_changed", "api_key", key.note.rpartition(" ")[2], "created"),
        ("record_changed", "session", MEMGHOST_SESSION, "bearer token issued"),
        ("record_changed", "member", MEMBER, "changed"),
        ("record_changed", "session", MEMGHOST_SESSION, "ended"),
        ("record_changed", "organization", "org_abc123xyz456", "deleted"),
    ]
    assert not any(secret in str(audited.lines) for secret in (key.output, token.output))


async def test_the_audit_is_printed_with_who_did_it(options: DirectoryOptions) -> None:
    await commands(options, "member").change(MEMBER, {"role": "owner"})
    await commands(options, "member").change(MEMBER, {"role": "viewer"})
    table = await list_directory_audit(options, AuditFilter(kind="member"), 2, json=False)
    header, newest, first = table.output.splitlines()
    assert header.split() == ["AT", "OPERATION", "KIND", "ID", "BY", "CREDENTIAL"]
    assert "os_user:" in newest
    assert MEMBER in first
    whole = await list_directory_audit(options, AuditFilter(id=MEMBER), 1, json=True)
    (entry,) = json.loads(whole.output)
    assert (entry["before"]["role"], entry["after"]["role"]) == ("owner", "viewer")


async def test_a_failed_change_is_not_audited(options: DirectoryOptions) -> None:
    audited = Audited()
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await commands(DirectoryOptions(options.config, audited.log), "member").change("nobody", {"role": "admin"})
    assert audited.lines == []


async def test_records_with_problems_change_nothing(options: DirectoryOptions, tmp_path: Path) -> None:
    records = tmp_path / "records.yaml"
    records.write_text("users: [{id: new}, {spam: 1}]\n", encoding="utf-8")
    with pytest.raises(RecordsError):
        await load_directory(options, records)


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(options: DirectoryOptions, tmp_path: Path) -> None:
    expires_at = datetime(2030, 1, 31, tzinfo=UTC)
    fields = {"type": "organization", "name": "ci", "member": MEMBER, "scopes": ["read"], "expires_at": expires_at}
    result = await commands(options, "key").create(fields)
    assert result.output.startswith("ok_live_")
    assert result.note.startswith("this key is shown once; its id is ")
    assert result.output.encode() not in contents(tmp_path, "d.db*")
    assert (await commands(options, "key").delete(result.note.rpartition(" ")[2])).output


async def test_a_token_names_its_session(options: DirectoryOptions) -> None:
    bearer = await issue_directory_token(options, MEMGHOST_SESSION, "bearer", 60.0)
    cookie = await issue_directory_token(options, MEMGHOST_SESSION, "cookie", None)
    assert bearer.output.count(".") == cookie.output.count(".") == 2
    assert bearer.output != cookie.output


async def test_an_unknown_id_is_reported(options: DirectoryOptions) -> None:
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await commands(options, "key").delete("nobody")
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await issue_directory_token(options, "nobody", "bearer", None)
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await commands(options, "key").create({"type": "organization", "name": "ci", "member": "nobody"})


async def test_a_directory_without_keys_signs_no_tokens(tmp_path: Path) -> None:
    options = config(tmp_path, tokens=False)
    await migrate_directory(options)
    with pytest.raises(DirectoryError, match="signs no tokens"):
        await issue_directory_token(options, MEMGHOST_SESSION, "bearer", None)


async def test_the_directory_that_is_meant_must_be_clear(tmp_path: Path) -> None:
    other = f"  other: {{kind: directory, url: 'sqlite:///{tmp_path / 'o.db'}', pepper: {SECRET}}}\n"
    options = config(tmp_path, more=other)
    with pytest.raises(DirectoryError, match="--authority accounts or other"):
        await migrate_directory(options)
    assert (
        await migrate_directory(DirectoryOptions(options.config, options.audit, "other"))
    ).output == "the schema of other is up to date"
    directory = Directory.open(f"sqlite:///{tmp_path / 'o.db'}")
    assert await directory.session_by_id("nobody") is None
    await directory.close()
    with pytest.raises(DirectoryError, match="no authority of the kind directory"):
        await migrate_directory(DirectoryOptions(written(tmp_path, f"secret: {SECRET}\n"), options.audit))
