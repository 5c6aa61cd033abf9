"""An audit log whose lines can be read."""

from __future__ import annotations

import json
from typing import Any

from gateway.telemetry.audit import AuditLog
from gateway.telemetry.lines import LineBuffer, Timestamps
from tests.support.builders.records import NOON


class Audited:
    """`log` is the audit log."""

    def __init__(self) -> None:
        self._writes: list[bytes] = []
        self.log = AuditLog(LineBuffer(self._writes.append), Timestamps(lambda: NOON))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._writes]

    @property
    def summaries(self) -> list[tuple[str, str, str, str]]:
        """Each line's event, kind, id, and outcome or detail."""
        return [(each["event"], each["kind"], each["id"], each.get("detail", each["outcome"])) for each in self.lines]
