from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.commands.directory_commands import (
    DirectoryOptions,
    change_directory_role,
    create_directory_key,
    delete_directory_key,
    end_directory_session,
    expire_directory_key,
    issue_directory_token,
    load_directory,
    migrate_directory,
    remove_directory_organization,
)
from gateway.directory.operations.api_key_rows import NewKey
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError, RecordsError, SchemaError
from gateway.signing import KeyRing
from tests.support.builders.configs import SECRET, written
from tests.support.builders.directory import DEMO_RECORDS, MEMGHOST_SESSION
from tests.support.fakes.audited import Audited

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


async def test_a_change_that_reaches_no_gateway_is_noted(options: DirectoryOptions, tmp_path: Path) -> None:
    records = tmp_path / "records.yaml"
    records.write_text(DEMO_RECORDS.read_text(encoding="utf-8").replace("role: admin", "role: owner"), encoding="utf-8")
    result = await load_directory(options, records)
    assert result.succeeded
    assert result.note == "not every gateway could be told; one that runs may serve what it has for 120 s"


async def test_a_change_that_redis_did_not_take_is_no_success(tmp_path: Path, unused_tcp_port: int) -> None:
    more = f"redis: {{url: 'redis://127.0.0.1:{unused_tcp_port}'}}\n"
    options = config(tmp_path, more=more)
    await migrate_directory(options)
    await load_directory(options, DEMO_RECORDS)
    assert not (await delete_directory_key(options, KEY)).succeeded


async def test_a_change_reaches_redis(tmp_path: Path, redis_url: str) -> None:
    options = config(tmp_path, more=f"redis: {{url: '{redis_url}', key_prefix: 'commands:'}}\n")
    await migrate_directory(options)
    await load_directory(options, DEMO_RECORDS)
    result = await delete_directory_key(options, KEY)
    assert (result.output, result.note, result.succeeded) == (f"deleted {KEY}", "", True)


async def test_changes_are_audited_and_no_key_or_token_with_them(options: DirectoryOptions) -> None:
    audited = Audited()
    options = DirectoryOptions(options.config, audited.log)
    key = await create_directory_key(options, NewKey(type="organization", name="ci", member=MEMBER))
    token = await issue_directory_token(options, MEMGHOST_SESSION, "bearer", None)
    await change_directory_role(options, MEMBER, "owner")
    await expire_directory_key(options, KEY, None)
    await end_directory_session(options, MEMGHOST_SESSION)
    await remove_directory_organization(options, "org_abc123xyz456")
    assert audited.summaries == [
        ("record_changed", "api_key", key.note.rpartition(" ")[2], "created"),
        ("record_changed", "session", MEMGHOST_SESSION, "bearer token issued"),
        ("record_changed", "member", MEMBER, "changed"),
        ("record_changed", "session", MEMGHOST_SESSION, "ended"),
        ("record_changed", "organization", "org_abc123xyz456", "deleted"),
    ]
    assert not any(secret in str(audited.lines) for secret in (key.output, token.output))


async def test_a_failed_change_is_not_audited(options: DirectoryOptions) -> None:
    audited = Audited()
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await change_directory_role(DirectoryOptions(options.config, audited.log), "nobody", "admin")
    assert audited.lines == []


async def test_records_with_problems_change_nothing(options: DirectoryOptions, tmp_path: Path) -> None:
    records = tmp_path / "records.yaml"
    records.write_text("users: [{id: new}, {spam: 1}]\n", encoding="utf-8")
    with pytest.raises(RecordsError):
        await load_directory(options, records)


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(options: DirectoryOptions, tmp_path: Path) -> None:
    expires_at = datetime(2030, 1, 31, tzinfo=UTC)
    order = NewKey(type="organization", name="ci", member=MEMBER, scopes=("read",), expires_at=expires_at)
    result = await create_directory_key(options, order)
    assert result.output.startswith("ok_live_")
    assert result.note.startswith("this key is shown once; its id is ")
    assert result.output.encode() not in contents(tmp_path, "d.db*")
    assert (await delete_directory_key(options, result.note.rpartition(" ")[2])).output


async def test_a_token_names_its_session(options: DirectoryOptions) -> None:
    bearer = await issue_directory_token(options, MEMGHOST_SESSION, "bearer", 60.0)
    cookie = await issue_directory_token(options, MEMGHOST_SESSION, "cookie", None)
    assert bearer.output.count(".") == cookie.output.count(".") == 2
    assert bearer.output != cookie.output


async def test_an_unknown_id_is_reported(options: DirectoryOptions) -> None:
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await delete_directory_key(options, "nobody")
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await issue_directory_token(options, "nobody", "bearer", None)
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await create_directory_key(options, NewKey(type="organization", name="ci", member="nobody"))


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
