"""The audit log: who revoked, changed or tried what, one line each, whatever the log level is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from gateway.model.session import RevocationTarget
from gateway.telemetry.lines import LineBuffer, Timestamps

_encode = msgspec.json.Encoder().encode


AuditedRow = Mapping[str, Any]
"""A row as JSON has it, without secrets and hashes."""


class AuditEvent(StrEnum):
    """The events of audit lines; others depend on them, so values never change."""

    REVOKED = "revoked"
    REFUSED = "admin_call_refused"
    CALLED = "admin_call"
    CHANGED = "record_changed"
    RELOADED = "config_reloaded"


class AuditOutcome(StrEnum):
    """How it ended; `partly`: not every replica or directory could be reached."""

    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"
    REFUSED = "refused"


class Actor(msgspec.Struct, frozen=True):
    """Who did it: `by` is the way in (`admin_port`, `command`, `signal`), `client` an address where there is one.

    `user` is the person who was recognized there, by its id, and `credential` what was shown: its kind, and for an API
    key its id.
    """

    by: str
    client: str = ""
    request_id: str = ""
    user: str = ""
    credential: str = ""


class _AuditLine(msgspec.Struct, tag_field="log", tag="audit", omit_defaults=True, kw_only=True):
    """`kind` and `id` name the object: its own id, never a key, a token or a hash of one.

    `before` and `after` are its row, without secrets.
    """

    time: str
    event: AuditEvent
    outcome: AuditOutcome
    by: str
    client: str = ""
    request_id: str = ""
    user: str = ""
    credential: str = ""
    kind: str = ""
    id: str = ""
    detail: str = ""
    before: AuditedRow | None = None
    after: AuditedRow | None = None


class AuditLog:
    """Writes each line at once, and as JSON whatever the log format is, since machines read it later."""

    def __init__(self, lines: LineBuffer, timestamps: Timestamps) -> None:
        self._lines = lines
        self._timestamps = timestamps

    def revoked(self, actor: Actor, target: RevocationTarget, outcome: AuditOutcome) -> None:
        """Write that something was revoked, or that revoking it failed."""
        self._write(AuditEvent.REVOKED, outcome, actor, kind=target.kind, id=target.id)

    def refused(self, actor: Actor, detail: str) -> None:
        """Write that an administrative call was refused; `detail` is one of our own fixed phrases."""
        self._write(AuditEvent.REFUSED, AuditOutcome.REFUSED, actor, detail=detail)

    def called(self, actor: Actor, operation: str, id_: str, outcome: AuditOutcome) -> None:
        """Write that an operation of the API was called; `id_` is of the row that it names, where it names one."""
        self._write(AuditEvent.CALLED, outcome, actor, detail=operation, id=id_)

    def changed(
        self,
        actor: Actor,
        subject: tuple[str, str],
        detail: str,
        before: AuditedRow | None = None,
        after: AuditedRow | None = None,
    ) -> None:
        """Write that a row of the directory changed: `subject` is its noun and id, `detail` the change."""
        kind, id_ = subject
        facts = {"kind": kind, "id": id_, "detail": detail}
        self._write(AuditEvent.CHANGED, AuditOutcome.DONE, actor, before, after, **facts)

    def reloaded(self, actor: Actor, outcome: AuditOutcome, detail: str = "") -> None:
        """Write that a new configuration was loaded, or why it was not."""
        self._write(AuditEvent.RELOADED, outcome, actor, detail=detail)

    def _write(
        self,
        event: AuditEvent,
        outcome: AuditOutcome,
        actor: Actor,
        before: AuditedRow | None = None,
        after: AuditedRow | None = None,
        **facts: str,
    ) -> None:
        line = _AuditLine(
            time=self._timestamps(),
            event=event,
            outcome=outcome,
            by=actor.by,
            client=actor.client,
            request_id=actor.request_id,
            user=actor.user,
            credential=actor.credential,
            before=before,
            after=after,
            **{name: text.encode("utf-8", "backslashreplace").decode() for name, text in facts.items()},
        )
        self._lines.write_now(_encode(line) + b"\n")
