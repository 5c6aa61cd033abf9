from pathlib import Path

import pytest

from gateway.commands.directory_commands import (
    Chosen,
    KeyWish,
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
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError, RecordsError, SchemaError
from gateway.signing import KeyRing
from tests.support.builders.configs import SECRET, written
from tests.support.builders.directory import DEMO_RECORDS, MEMGHOST_SESSION
from tests.support.fakes.audited import Audited

MEMBER = "550e8400-e29b-41d4-a716-446655440002"
KEY = "550e8400-e29b-41d4-a716-446655440003"


def config(folder: Path, *, more: str = "", tokens: bool = True) -> Chosen:
    (folder / "keys.pem").write_bytes(KeyRing.generate().to_pem())
    signing = f"tokens: {{issuer: i, audience: a, keys_file: {folder / 'keys.pem'}}}" if tokens else ""
    text = (
        f"secret: {SECRET}\n"
        "authorities:\n"
        f"  accounts: {{kind: directory, url: 'sqlite:///{folder / 'd.db'}', pepper: {SECRET}, {signing}}}\n"
    )
    return Chosen(written(folder, text + more), Audited().log)


def contents(folder: Path, pattern: str) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob(pattern))


@pytest.fixture(name="chosen")
async def a_directory_with_the_demos_records(tmp_path: Path) -> Chosen:
    chosen = config(tmp_path)
    await migrate_directory(chosen)
    await load_directory(chosen, DEMO_RECORDS)
    return chosen


async def test_the_schema_comes_first(tmp_path: Path) -> None:
    chosen = config(tmp_path)
    with pytest.raises(SchemaError, match="gateway directory migrate"):
        await load_directory(chosen, DEMO_RECORDS)
    assert (await migrate_directory(chosen)).said == "the schema of accounts is up to date"
    first = await load_directory(chosen, DEMO_RECORDS)
    # Nobody can have cached what is new, so that nobody could be told is not worth a word.
    assert (first.done, first.note) == (True, "")


async def test_what_was_loaded_is_counted_and_the_same_again_changes_nothing(chosen: Chosen) -> None:
    outcome = await load_directory(chosen, DEMO_RECORDS)
    assert outcome.said.startswith("loaded 2 organizations, ")
    assert (outcome.note, outcome.done) == ("", True)


async def test_a_change_that_nobody_can_be_told_of_is_noted(chosen: Chosen, tmp_path: Path) -> None:
    records = tmp_path / "records.yaml"
    records.write_text(DEMO_RECORDS.read_text(encoding="utf-8").replace("role: admin", "role: owner"), encoding="utf-8")
    outcome = await load_directory(chosen, records)
    assert outcome.done
    assert outcome.note == "not every gateway could be told; one that runs may serve what it has for 120 s"


async def test_a_change_that_redis_did_not_take_is_no_success(tmp_path: Path, unused_tcp_port: int) -> None:
    more = f"redis: {{url: 'redis://127.0.0.1:{unused_tcp_port}'}}\n"
    chosen = config(tmp_path, more=more)
    await migrate_directory(chosen)
    await load_directory(chosen, DEMO_RECORDS)
    assert not (await delete_directory_key(chosen, KEY)).done


async def test_a_change_reaches_redis(tmp_path: Path, redis_url: str) -> None:
    chosen = config(tmp_path, more=f"redis: {{url: '{redis_url}', key_prefix: 'commands:'}}\n")
    await migrate_directory(chosen)
    await load_directory(chosen, DEMO_RECORDS)
    outcome = await delete_directory_key(chosen, KEY)
    assert (outcome.said, outcome.note, outcome.done) == (f"deleted {KEY}", "", True)


async def test_what_was_changed_is_written_down_and_no_key_or_token_with_it(chosen: Chosen) -> None:
    audited = Audited()
    chosen = Chosen(chosen.config, audited.log)
    key = await create_directory_key(chosen, KeyWish("organization", MEMBER, None, "ci"))
    token = await issue_directory_token(chosen, MEMGHOST_SESSION, "bearer", None)
    await change_directory_role(chosen, MEMBER, "owner")
    await expire_directory_key(chosen, KEY, None)
    await end_directory_session(chosen, MEMGHOST_SESSION)
    await remove_directory_organization(chosen, "org_abc123xyz456")
    assert audited.told == [
        ("record_changed", "api_key", key.note.rpartition(" ")[2], "created"),
        ("record_changed", "session", MEMGHOST_SESSION, "bearer token issued"),
        ("record_changed", "member", MEMBER, "has the role owner"),
        ("record_changed", "api_key", KEY, "never expires"),
        ("record_changed", "session", MEMGHOST_SESSION, "ended"),
        ("record_changed", "organization", "org_abc123xyz456", "removed"),
    ]
    assert not any(secret in str(audited.lines) for secret in (key.said, token.said))


async def test_what_failed_is_not_written_down_as_changed(chosen: Chosen) -> None:
    audited = Audited()
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await change_directory_role(Chosen(chosen.config, audited.log), "nobody", "admin")
    assert audited.lines == []


async def test_records_with_problems_change_nothing(chosen: Chosen, tmp_path: Path) -> None:
    records = tmp_path / "records.yaml"
    records.write_text("users: [{id: new}, {spam: 1}]\n", encoding="utf-8")
    with pytest.raises(RecordsError):
        await load_directory(chosen, records)


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(chosen: Chosen, tmp_path: Path) -> None:
    outcome = await create_directory_key(chosen, KeyWish("organization", MEMBER, None, "ci", ("read",), 60.0))
    assert outcome.said.startswith("ok_live_")
    assert outcome.note.startswith("this key is shown once; its id is ")
    assert outcome.said.encode() not in contents(tmp_path, "d.db*")
    assert (await delete_directory_key(chosen, outcome.note.rpartition(" ")[2])).said


async def test_a_token_names_its_session(chosen: Chosen) -> None:
    bearer = await issue_directory_token(chosen, MEMGHOST_SESSION, "bearer", 60.0)
    cookie = await issue_directory_token(chosen, MEMGHOST_SESSION, "cookie", None)
    assert bearer.said.count(".") == cookie.said.count(".") == 2
    assert bearer.said != cookie.said


async def test_what_is_not_there_is_told(chosen: Chosen) -> None:
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await delete_directory_key(chosen, "nobody")
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await issue_directory_token(chosen, "nobody", "bearer", None)
    with pytest.raises(DirectoryError, match="there is no nobody"):
        await create_directory_key(chosen, KeyWish("organization", "nobody", None, "ci"))


async def test_a_directory_without_keys_signs_no_tokens(tmp_path: Path) -> None:
    chosen = config(tmp_path, tokens=False)
    await migrate_directory(chosen)
    with pytest.raises(DirectoryError, match="signs no tokens"):
        await issue_directory_token(chosen, MEMGHOST_SESSION, "bearer", None)


async def test_the_directory_that_is_meant_must_be_clear(tmp_path: Path) -> None:
    other = f"  other: {{kind: directory, url: 'sqlite:///{tmp_path / 'o.db'}', pepper: {SECRET}}}\n"
    chosen = config(tmp_path, more=other)
    with pytest.raises(DirectoryError, match="--authority accounts or other"):
        await migrate_directory(chosen)
    assert (
        await migrate_directory(Chosen(chosen.config, chosen.audit, "other"))
    ).said == "the schema of other is up to date"
    directory = Directory.open(f"sqlite:///{tmp_path / 'o.db'}")
    assert await directory.session_by_id("nobody") is None
    await directory.close()
    with pytest.raises(DirectoryError, match="no authority of the kind directory"):
        await migrate_directory(Chosen(written(tmp_path, f"secret: {SECRET}\n"), chosen.audit))
