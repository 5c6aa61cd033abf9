"""Every operation of the admin API, made of parts that are never asked."""

from __future__ import annotations

from typing import Any

from gateway.admin.api_operation import ApiOperation
from gateway.admin.fleet_hooks import FleetHooks
from gateway.admin.openapi_v1 import with_document
from gateway.admin.own_operations import OwnCalls, own_operations
from gateway.admin.record_nouns import record_operations
from gateway.telemetry.audit import AuditLog
from gateway.telemetry.lines import LineBuffer, Timestamps


async def _never(*_: Any) -> Any:
    raise AssertionError("nobody calls this")


def every_operation() -> tuple[ApiOperation, ...]:
    """Return the operations of a gateway with a directory, in the order of the document."""
    fleet = FleetHooks(_never, _never, _never, _never)
    audit = AuditLog(LineBuffer(lambda _: None), Timestamps(float))
    return with_document((*record_operations(_never), *own_operations(OwnCalls((), _never, fleet, _never, audit))))
