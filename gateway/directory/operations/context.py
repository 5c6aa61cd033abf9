"""What every operation is given.

An operation is an async function `operation(context, ...)`. It reads or changes the directory in one transaction, in
which it also writes the audit entry; after the commit it writes the audit line and calls `on_change`. Records go in and
come out as msgspec structs (`NewUser`, `UserChange`, `UserRow` ...); `nouns.NOUNS` lists them for whoever offers all of
them. A change names the fields to set and leaves the others; its `expected` is the `version` of the row that the caller
has seen, so that nobody's change is lost.

    async with open_current(url) as directory:
        context = OperationContext(directory=directory, now=now, actor=actor, on_change=on_change, audit=audit)
        user = await create_user(context, NewUser(email="jane@example.com"))
        user = await change_user(context, user.id, UserChange(name="Jane"), expected=user.version)

Every operation raises a DirectoryError: MissingRecordError (no such row), InvalidRecordError (this cannot be),
ClashError (a taken id, name or number), OutdatedError (`expected` is no longer the row's version), and a plain one when
the database cannot be asked.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.directory.changes import OnChange
from gateway.directory.hashing import Peppers
from gateway.directory.session_tokens import SessionTokens
from gateway.directory.store import Directory
from gateway.model.errors import DirectoryError
from gateway.telemetry.audit import Actor, AuditLog


class OperationContext(msgspec.Struct, frozen=True, kw_only=True):
    """The directory, the time, who does it, and whom to tell.

    `peppers` hash new keys and `tokens` sign new sessions' tokens; an operation that needs what is absent raises
    DirectoryError.
    """

    directory: Directory
    now: datetime
    actor: Actor
    on_change: OnChange
    audit: AuditLog
    peppers: Peppers | None = None
    tokens: SessionTokens | None = None

    @property
    def required_peppers(self) -> Peppers:
        """The peppers; raises DirectoryError."""
        if self.peppers is None:
            raise DirectoryError("this directory makes no keys: it was opened without its peppers")
        return self.peppers

    @property
    def required_tokens(self) -> SessionTokens:
        """The issuer of tokens; raises DirectoryError."""
        if self.tokens is None:
            raise DirectoryError("this directory signs no tokens: its config has no `tokens`")
        return self.tokens
