"""An operation of the API, told once: its endpoint and its place in the OpenAPI document are made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from gateway.admin.admin_callers import AdminCaller
from gateway.directory.operations.record_fields import ExpectedVersion
from gateway.telemetry.audit import Actor


class ApiRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call, read: `id` is that of the path, `query` and `body` are what the operation asks for.

    `expected` are the versions that the caller has seen (If-Match), None where any will do. `idempotency_key` is the
    caller's own name for this creation.
    """

    caller: AdminCaller
    actor: Actor
    now: datetime
    id: str = ""
    query: tuple[Any, ...] = ()
    body: Any = None
    expected: ExpectedVersion | None = None
    idempotency_key: str | None = None


class ApiOperation(msgspec.Struct, frozen=True, kw_only=True):
    """`method` at `path`, allowed by `permission`; an empty one is for everybody who may ask this port at all.

    `query` are the structs that the parameters of the query fill, `body` what a body has to be, and `answer` what
    `run` returns: None for no content. `creates` lets the caller name the call by `Idempotency-Key`; `versioned` tells
    that the rows have a version, for If-Match. `row_in` is the field of the answer that holds the row, where secrets
    stand beside it. A path with `{id}` names one row.
    """

    name: str
    method: str
    path: str
    summary: str
    permission: str
    run: Callable[[ApiRequest], Awaitable[Any]]
    query: tuple[type[msgspec.Struct], ...] = ()
    body: Any = None
    answer: Any = None
    row_in: str = ""
    status: int = 200
    creates: bool = False
    versioned: bool = False
