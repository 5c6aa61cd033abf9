from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.admin_callers import OWNER
from gateway.admin.api_operation import ApiRequest
from gateway.admin.fleet_hooks import FleetHooks
from gateway.authorities.directory import DirectorySettings
from gateway.config.settings import Settings
from gateway.model.errors import SchemaError
from gateway.model.session import RevocationTarget
from gateway.telemetry.audit import Actor
from gateway.wiring.admin_directories import AdminDirectories
from gateway.wiring.admin_records import AdminRecords
from gateway.wiring.process import Process


async def never(*_: Any) -> Any:
    raise AssertionError("nobody calls this")


async def told(_target: RevocationTarget) -> bool:
    return True


async def test_an_old_directory_is_told_by_each_call_until_it_is_brought_up_to_date(tmp_path: Path) -> None:
    accounts = {"kind": "directory", "url": f"sqlite:///{tmp_path}/directory.db", "pepper": "p"}
    settings = Settings.model_validate({"secret": "s", "authorities": {"accounts": accounts}})
    accounts_ = settings.authorities["accounts"]
    assert isinstance(accounts_, DirectorySettings)
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        directories = AdminDirectories({"accounts": accounts_}, process)
        records = AdminRecords(settings, "accounts", directories, process, FleetHooks(told, told, never, never))
        (showing,) = [each for each in records.operations() if each.name == "show_user"]
        request = ApiRequest(caller=OWNER, actor=Actor("admin_port"), now=datetime.now(UTC))
        for _ in range(2):
            with pytest.raises(SchemaError):
                await showing.run(request)
        await directories.close()
        await process.close()
