from gateway.admin.fleet_hooks import FleetHooks
from gateway.model.session import RevocationKind, RevocationTarget
from gateway.telemetry.exposition import Snapshot
from gateway.workers.control import (
    ChangeCommand,
    Collect,
    ListRevocations,
    RecordedRevocation,
    RevokeCommand,
)
from gateway.workers.fleet_commands import FleetCommands
from gateway.workers.worker_group import RecentRevocations
from tests.support.fakes.fake_workers import counted

USER = RevocationTarget(RevocationKind.USER, "user_1")


async def test_a_worker_asks_for_the_whole_fleet() -> None:
    revoked, changed = [], []

    async def revoke(target: RevocationTarget) -> bool:
        revoked.append(target)
        return True

    async def change(target: RevocationTarget) -> bool:
        changed.append(target)
        return False

    async def recorded() -> tuple[RecordedRevocation, ...]:
        return ()

    async def collect() -> Snapshot:
        return counted(5.0)

    revocations = RecentRevocations(lambda: 0.0, 60.0)
    commands = FleetCommands(revocations)
    # A pool that no supervisor has attached to can reach nobody.
    assert not (await commands.execute(RevokeCommand(USER))).complete
    commands.fleet = FleetHooks(revoke, change, recorded, collect)
    assert (await commands.execute(RevokeCommand(USER))).complete
    assert not (await commands.execute(ChangeCommand(USER))).complete
    assert (await commands.execute(Collect())).snapshot == counted(5.0)
    assert (revoked, changed) == ([USER], [USER])
    revocations.record(USER)
    assert (await commands.execute(ListRevocations())).revocations == (RecordedRevocation(USER, 0.0),)
