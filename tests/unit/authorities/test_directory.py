from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.authorities.directory import DirectorySettings, digest_of, open_directory, open_peppers, open_tokens
from gateway.directory.migrating import migrate
from gateway.model.answers import Found
from gateway.model.credential import CredentialKind
from gateway.model.errors import DirectoryError, KeyRingError, SchemaError
from tests.support.builders.directory import (
    ISSUER,
    KEY_RING,
    MEMGHOST_SESSION,
    NOW,
    PROJECT_KEY,
    clock,
    credential_of,
    key_credential,
    opened,
    session_tokens,
)


def settings(folder: Path, **changes: object) -> DirectorySettings:
    keys = folder / "keys.pem"
    keys.write_bytes(KEY_RING.to_pem())
    tokens = {"issuer": ISSUER, "audience": "gateway", "keys_file": keys}
    given = {
        "kind": "directory",
        "url": f"sqlite:///{folder}/directory.db",
        "pepper": "a pepper for tests",
        "tokens": tokens,
    }
    return DirectorySettings.model_validate({**given, **changes})


async def test_opened_by_its_settings(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        authority = await open_directory("accounts", settings(tmp_path), clock)
        try:
            assert (authority.name, authority.memory_only) == ("accounts", False)
            assert isinstance(await authority.look_up(key_credential(PROJECT_KEY)), Found)
            stored = await directory.session_by_id(MEMGHOST_SESSION)
            assert stored is not None
            token = session_tokens().issue_access(stored.session)
            assert isinstance(await authority.look_up(credential_of(CredentialKind.BEARER, token)), Found)
            at = datetime.fromtimestamp(NOW, UTC)
            await authority.note_activity(MEMGHOST_SESSION, at)
            stored = await directory.session_by_id(MEMGHOST_SESSION)
            assert stored is not None
            assert stored.session.last_activity_at == at
        finally:
            await authority.close()


async def test_an_old_schema_or_a_missing_key_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError):
        await open_directory("accounts", settings(tmp_path, url=f"sqlite:///{tmp_path}/no/folder.db"), clock)
    (tmp_path / "empty.db").touch()
    with pytest.raises(SchemaError, match="gateway directory migrate"):
        await open_directory("accounts", settings(tmp_path, url=f"sqlite:///{tmp_path}/empty.db"), clock)
    await migrate(f"sqlite:///{tmp_path}/directory.db")
    tokens = {"issuer": ISSUER, "audience": "gateway", "keys_file": tmp_path / "absent.pem"}
    with pytest.raises(KeyRingError, match=r"absent\.pem"):
        await open_directory("accounts", settings(tmp_path, tokens=tokens), clock)


def test_settings_show_no_secret_and_need_a_pepper(tmp_path: Path) -> None:
    own = settings(tmp_path, url="postgresql://gateway:hunter2@db/gateway", pepper=["one", "two"])
    assert "hunter2" not in repr(own)
    assert len(open_peppers(own).every("key")) == 2
    with pytest.raises(ValidationError, match="pepper"):
        settings(tmp_path, pepper=[])
    assert open_tokens(settings(tmp_path, tokens=None), clock) is None


def test_the_digest_is_of_what_can_change_a_verdict(tmp_path: Path) -> None:
    digest = digest_of(settings(tmp_path, url="postgresql://gateway:old@db/gateway"))
    assert digest_of(settings(tmp_path, url="postgresql://gateway:new@db/gateway", pepper="other")) == digest
    keys = tmp_path / "keys.pem"
    different = [
        settings(tmp_path, url="postgresql://gateway:old@db2/gateway"),
        settings(tmp_path, url="postgresql://gateway:old@db/gateway2"),
        settings(tmp_path, url="postgresql://gateway:old@db:1/gateway"),
        settings(tmp_path, url="postgresql://gateway:old@db/gateway", tokens=None),
        settings(
            tmp_path,
            url="postgresql://gateway:old@db/gateway",
            tokens={"issuer": ISSUER, "audience": "orders", "keys_file": keys},
        ),
    ]
    assert len({digest, *(digest_of(each) for each in different)}) == 6


@pytest.mark.processes
def test_a_process_without_a_directory_never_loads_the_database_library() -> None:
    code = (
        "import sys, gateway.authorities.directory; sys.exit('sqlalchemy' in sys.modules or 'alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.processes
async def test_serving_never_loads_the_migrations(tmp_path: Path) -> None:
    await migrate(f"sqlite:///{tmp_path}/directory.db")
    (tmp_path / "keys.pem").write_bytes(KEY_RING.to_pem())
    code = f"""
import asyncio, sys
from gateway.authorities.directory import DirectorySettings, open_directory
settings = DirectorySettings.model_validate({{"kind": "directory", "url": "sqlite:///{tmp_path}/directory.db",
    "pepper": "p"}})
async def serve():
    await (await open_directory("accounts", settings, lambda: 0.0)).close()
asyncio.run(serve())
sys.exit("alembic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: ASYNC221 - nothing else runs
