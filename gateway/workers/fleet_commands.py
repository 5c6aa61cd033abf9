"""What a worker asks the supervisor to do with the whole fleet."""

from __future__ import annotations

from gateway.admin.fleet_hooks import FleetHooks
from gateway.workers.control import ChangeCommand, Collect, Command, ListRevocations, Reply, RevokeCommand
from gateway.workers.worker_group import RecentRevocations


class FleetCommands:
    """Carries out workers' commands by `fleet`; before there is one, nothing that a worker asks for is complete."""

    def __init__(self, revocations: RecentRevocations) -> None:
        self._revocations = revocations
        self.fleet: FleetHooks | None = None

    async def execute(self, command: Command) -> Reply:
        """Carry out one command."""
        if self.fleet is None:
            return Reply(complete=False)
        match command:
            case RevokeCommand():
                return Reply(complete=await self.fleet.revoke(command.target))
            case ChangeCommand():
                return Reply(complete=await self.fleet.change(command.target))
            case Collect():
                return Reply(snapshot=await self.fleet.collect())
            case ListRevocations():
                return Reply(revocations=self._revocations.recent())
        return Reply()
