"""The audit log: who ended, changed or tried what, one line each, whatever the log level is."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.session import RevocationTarget
from gateway.telemetry.lines import LineBuffer
from gateway.telemetry.timestamps import Stamps

_encode = msgspec.json.Encoder().encode


class AuditEvent(StrEnum):
    """What an audit line can tell of; part of the outside, so values never change."""

    REVOKED = "revoked"
    REFUSED = "admin_call_refused"
    CHANGED = "record_changed"
    RELOADED = "config_reloaded"


class AuditOutcome(StrEnum):
    """Whether it came to pass; `partly`: not every replica or directory could be told."""

    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"
    REFUSED = "refused"


class Actor(msgspec.Struct, frozen=True):
    """Who asked: `by` is the way in (`admin_port`, `command`, `signal`), `client` an address where there is one."""

    by: str
    client: str = ""
    request_id: str = ""


class _AuditLine(msgspec.Struct, tag_field="log", tag="audit", omit_defaults=True, kw_only=True):
    """`kind` and `id` name what it was about: its own id, never a key, a token or a hash of one."""

    time: str
    event: AuditEvent
    outcome: AuditOutcome
    by: str
    client: str = ""
    request_id: str = ""
    kind: str = ""
    id: str = ""
    detail: str = ""


class AuditLog:
    """Writes each line at once, as JSON in every format: it is kept for machines and for later."""

    def __init__(self, lines: LineBuffer, stamps: Stamps) -> None:
        self._lines = lines
        self._stamps = stamps

    def revoked(self, actor: Actor, ended: RevocationTarget, outcome: AuditOutcome) -> None:
        """Tell that something was ended before its time, or that it was tried."""
        self._write(AuditEvent.REVOKED, outcome, actor, kind=ended.kind, id=ended.id)

    def refused(self, actor: Actor, detail: str) -> None:
        """Tell of an administrative call that was turned away; `detail` is one of our own fixed phrases."""
        self._write(AuditEvent.REFUSED, AuditOutcome.REFUSED, actor, detail=detail)

    def changed(self, actor: Actor, kind: str, id_: str, detail: str) -> None:
        """Tell that a row of the directory changed: `kind` is the table's noun, `detail` what was done to it."""
        self._write(AuditEvent.CHANGED, AuditOutcome.DONE, actor, kind=kind, id=id_, detail=detail)

    def reloaded(self, actor: Actor, outcome: AuditOutcome, detail: str = "") -> None:
        """Tell that another configuration took over, or why it did not."""
        self._write(AuditEvent.RELOADED, outcome, actor, detail=detail)

    def _write(self, event: AuditEvent, outcome: AuditOutcome, actor: Actor, **facts: str) -> None:
        line = _AuditLine(
            time=self._stamps(),
            event=event,
            outcome=outcome,
            by=actor.by,
            client=actor.client,
            request_id=actor.request_id,
            **{name: text.encode("utf-8", "backslashreplace").decode() for name, text in facts.items()},
        )
        self._lines.put(_encode(line) + b"\n")
