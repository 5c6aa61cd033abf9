from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.authorities.directory import DirectorySettings
from gateway.model.errors import SchemaError
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.audit import Actor
from gateway.wiring.admin_directories import AdminDirectories
from gateway.wiring.process import Process
from tests.support.builders.directory import CHAT_SESSION, opened

TARGET = RevocationTarget(RevocationKind.SESSION, CHAT_SESSION)
ACTOR = Actor("admin_port", user="operator")


def settings(path: Path, **more: Any) -> DirectorySettings:
    return DirectorySettings.model_validate({"kind": "directory", "url": f"sqlite:///{path}", "pepper": "p", **more})


async def test_each_directory_ends_what_it_has_and_one_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    whole, empty = settings(tmp_path / "whole.db"), settings(tmp_path / "empty.db")
    async with opened(f"sqlite:///{tmp_path}/whole.db"):
        pass
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        directories = AdminDirectories({"whole": whole, "empty": empty}, process)
        with capture_logs() as lines:
            assert not await directories.end(TARGET, ACTOR)
        assert [(line["event"], line["authority"]) for line in lines] == [("revocation_mark_failed", "empty")]
        with pytest.raises(SchemaError):
            await directories.open("empty")
        assert await directories.open("whole") is await directories.open("whole")
        await directories.close()
        await process.close()
    audit = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(each["detail"], each["id"], each["user"]) for each in audit] == [("ended", CHAT_SESSION, "operator")]


async def test_one_that_does_not_answer_in_time_is_told(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        async with opened(f"sqlite:///{tmp_path}/slow.db") as directory:
            directories = AdminDirectories({"slow": settings(tmp_path / "slow.db", timeout="50ms")}, process)
            with capture_logs() as lines:
                async with directory.changing():
                    ending = asyncio.create_task(directories.end(TARGET, ACTOR))  # noqa: TID251 - held right here
                    await asyncio.wait({ending}, timeout=0.1)  # SQLite's own wait for the file is seconds long
                assert not await ending
            assert [line["fault"] for line in lines] == ["did not answer within 0.05 s"]
            await directories.close()
        await process.close()
