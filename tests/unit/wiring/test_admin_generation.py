from __future__ import annotations

from pathlib import Path

from gateway.admin.admin_tokens import AdminTokens
from gateway.admin.fleet_hooks import FleetHooks, PastRevocation
from gateway.config.load import check_document
from gateway.model.session import RevocationTarget
from gateway.telemetry.exposition import Snapshot
from gateway.wiring.admin_generation import AdminGeneration
from gateway.wiring.process import Process
from tests.support.builders.configs import LEAST, document


async def told(_target: RevocationTarget) -> bool:
    return True


async def nothing_revoked() -> tuple[PastRevocation, ...]:
    return ()


async def nothing_measured() -> Snapshot:
    return ()


async def test_a_gateway_whose_api_nobody_calls_opens_nothing_for_it(tmp_path: Path) -> None:
    settings = check_document(document(LEAST)).settings
    assert settings is not None
    with (tmp_path / "log").open("wb") as output:
        process = Process(output)
        fleet = FleetHooks(told, told, nothing_revoked, nothing_measured)
        generation = AdminGeneration(settings, process, AdminTokens(), fleet)
        assert {"/v1/routes", "/v1/openapi.json"} <= {route.path for route in generation.routes()}
        await generation.close()
        await process.close()
