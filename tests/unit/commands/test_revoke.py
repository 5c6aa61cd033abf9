from pathlib import Path

import pytest

from gateway.commands.revoke import revoke
from gateway.directory.migrating import migrate
from gateway.directory.operations.api_key_operations import create_key, delete_key, show_key
from gateway.directory.operations.api_key_rows import NewKey
from gateway.directory.store import Directory
from gateway.model.errors import InvalidRecordError
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.configs import SECRET, written
from tests.support.builders.directory import MEMGHOST_SESSION, context_of, opened
from tests.support.fakes.audited import Audited

pytestmark = pytest.mark.slow

MEMBER = "550e8400-e29b-41d4-a716-446655440002"
TARGET = RevocationTarget(RevocationKind.SESSION, MEMGHOST_SESSION)


def config(folder: Path, more: str = "", database: str = "d.db") -> Path:
    url = f"sqlite:///{folder / database}"
    return written(
        folder, f"secret: {SECRET}\nauthorities: {{a: {{kind: directory, url: '{url}', pepper: p}}}}\n{more}"
    )


async def is_open(folder: Path) -> bool:
    directory = Directory.open(f"sqlite:///{folder / 'd.db'}")
    stored = await directory.session_by_id(MEMGHOST_SESSION)
    await directory.close()
    return stored is not None and stored.session.closed_at is None


async def test_a_session_is_revoked_in_its_row_and_through_redis(tmp_path: Path, redis_url: str) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}"):
        pass
    assert await is_open(tmp_path)
    audited = Audited()
    result = await revoke(
        config(tmp_path, f"redis: {{url: '{redis_url}', key_prefix: 'revoke:'}}\n"), TARGET, audited.log
    )
    assert (result.succeeded, result.note) == (True, "")
    assert result.output == f"session {MEMGHOST_SESSION} is ended everywhere"
    assert not await is_open(tmp_path)
    assert audited.summaries == [
        ("record_changed", "session", MEMGHOST_SESSION, "ended"),
        ("revoked", "session", MEMGHOST_SESSION, "done"),
    ]


async def test_what_no_directory_knows_is_revoked_all_the_same(tmp_path: Path, redis_url: str) -> None:
    await migrate(f"sqlite:///{tmp_path / 'd.db'}")
    path = config(tmp_path, f"redis: {{url: '{redis_url}', key_prefix: 'revoke:'}}\n")
    result = await revoke(path, RevocationTarget(RevocationKind.USER, "nobody"), Audited().log)
    assert (result.succeeded, result.output) == (True, "")
    assert result.note == "a does not know the user nobody; it is remembered all the same"


async def test_a_key_is_revoked_by_what_is_visible_of_it(tmp_path: Path, redis_url: str) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as directory:
        context = context_of(directory)
        made = [
            await create_key(context, NewKey(type="user", member=MEMBER), lambda _, end=end: f"{end * 64}")
            for end in ("same1", "same2")
        ]
        path = config(tmp_path, f"redis: {{url: '{redis_url}', key_prefix: 'revoke:'}}\n")
        with pytest.raises(InvalidRecordError, match=r"several keys begin with uk_live_same: .*; name one by its id"):
            await revoke(path, RevocationTarget(RevocationKind.API_KEY, "uk_live_same"), Audited().log)
        await delete_key(context, made[0].api_key.id)
        result = await revoke(path, RevocationTarget(RevocationKind.API_KEY, "uk_live_same"), Audited().log)
        assert result.output == f"api_key {made[1].api_key.id} is ended everywhere"
        assert (await show_key(context, made[1].api_key.id)).deleted_at is not None


async def test_a_directory_that_cannot_be_asked_is_reported_and_gateways_are_notified(
    tmp_path: Path, redis_url: str
) -> None:
    path = config(tmp_path, f"redis: {{url: '{redis_url}', key_prefix: 'revoke:'}}\n", database=".")
    audited = Audited()
    result = await revoke(path, TARGET, audited.log)
    assert not result.succeeded
    assert result.note.startswith(f"session {MEMGHOST_SESSION} is not ended everywhere: the directory cannot be asked")
    assert "redis" not in result.note
    assert audited.summaries == [("revoked", "session", MEMGHOST_SESSION, "partly")]


async def test_gateways_that_cannot_be_notified_are_reported_and_the_row_is_marked(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    async with opened(f"sqlite:///{tmp_path / 'd.db'}"):
        pass
    for more, fault in (
        ("", "the config has neither redis nor listen.admin_token, so no gateway could be told"),
        (f"redis: {{url: 'redis://127.0.0.1:{unused_tcp_port}'}}\n", "redis did not take it"),
        (
            f"listen: {{admin: '127.0.0.1:{unused_tcp_port}', admin_token: t}}\n",
            f"the gateway at 127.0.0.1:{unused_tcp_port} did not take it",
        ),
    ):
        result = await revoke(config(tmp_path, more), TARGET, Audited().log)
        assert not result.succeeded
        assert result.note.endswith(f"is not ended everywhere: {fault}")
    assert not await is_open(tmp_path)
