"""The operations on our own records: those of the directory, each at its endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from gateway.admin.api_operation import ApiOperation, ApiRequest
from gateway.admin.once import Create, Once
from gateway.directory.named_calls import NamedCalls
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.nouns import NounOperations
from gateway.directory.operations.paging import Page, PageOrder
from gateway.directory.password_hashing import NewPasswords


class CallRecords(msgspec.Struct, frozen=True):
    """What an operation on records works with, for one call."""

    context: OperationContext
    calls: NamedCalls
    once: Once
    passwords: NewPasswords


_WORDS = {"key": "API key", "signin": "sign-in"}

OpenRecords = Callable[[ApiRequest], Awaitable[CallRecords]]
"""Opens the records for one call; raises GatewayError."""

RequireGrant = Callable[[OperationContext, ApiRequest], Awaitable[None]]
"""Raises ProblemError for a call that would give somebody what its caller has not."""


class RecordNoun(msgspec.Struct, frozen=True, kw_only=True):
    """One noun of the directory: its name in the API, in the singular and the plural, and its operations.

    `made` is what a creation returns, where that is not a row, and `row_in` its field that is. The last two look at
    what a creation or a change would give.
    """

    noun: str
    plural: str
    operations: NounOperations
    made: Any = None
    row_in: str = ""
    grant_of_new: RequireGrant | None = None
    grant_of_change: RequireGrant | None = None

    @property
    def path(self) -> str:
        """The path of its list."""
        return f"/v1/{self.plural}"

    @property
    def word(self) -> str:
        """What people call it."""
        return _WORDS.get(self.noun, self.noun)


def noun_operations(noun: RecordNoun, records: OpenRecords) -> tuple[ApiOperation, ...]:
    """Return the endpoints of one noun."""
    of, calls = noun.operations, _NounCalls(noun, records)
    operations = [*_reading(noun, calls)]
    if of.create is not None:
        operations.append(_creating(noun, calls))
    if of.change is not None:
        operations.append(_changing(noun, calls))
    if of.delete is not None:
        operations.append(_deleting(noun, calls))
    return tuple(operations)


def _reading(noun: RecordNoun, calls: _NounCalls) -> tuple[ApiOperation, ...]:
    of = noun.operations
    return (
        ApiOperation(
            name=f"list_{noun.plural}",
            method="GET",
            path=noun.path,
            summary=f"A page of {noun.word}s",
            permission=f"{noun.plural}.read",
            run=calls.list_rows,
            query=(of.wanted, PageOrder),
            answer=Page[of.row],  # type: ignore[name-defined]
        ),
        ApiOperation(
            name=f"show_{noun.noun}",
            method="GET",
            path=f"{noun.path}/{{id}}",
            summary=f"One {noun.word}",
            permission=f"{noun.plural}.read",
            run=calls.show,
            answer=of.row,
        ),
    )


def _creating(noun: RecordNoun, calls: _NounCalls) -> ApiOperation:
    return ApiOperation(
        name=f"create_{noun.noun}",
        method="POST",
        path=noun.path,
        summary=f"Create {'an' if noun.word[0] in 'Ao' else 'a'} {noun.word}",
        permission=f"{noun.plural}.create",
        run=calls.create,
        body=noun.operations.new,
        answer=noun.made or noun.operations.row,
        row_in=noun.row_in,
        status=201,
        creates=True,
    )


def _changing(noun: RecordNoun, calls: _NounCalls) -> ApiOperation:
    return ApiOperation(
        name=f"change_{noun.noun}",
        method="PATCH",
        path=f"{noun.path}/{{id}}",
        summary=f"Change the named fields of one {noun.word}",
        permission=f"{noun.plural}.change",
        run=calls.change,
        body=noun.operations.changes,
        answer=noun.operations.row,
        versioned=True,
    )


def _deleting(noun: RecordNoun, calls: _NounCalls) -> ApiOperation:
    return ApiOperation(
        name=f"delete_{noun.noun}",
        method="DELETE",
        path=f"{noun.path}/{{id}}",
        summary=f"Delete one {noun.word}, and what hangs on it",
        permission=f"{noun.plural}.delete",
        run=calls.delete,
        versioned=True,
    )


async def require_grant(grant: RequireGrant | None, context: OperationContext, request: ApiRequest) -> None:
    """Raise ProblemError for what would give somebody what the caller has not; the owner has everything."""
    if grant is not None and not request.caller.is_owner:
        await grant(context, request)


async def run_once(records: CallRecords, request: ApiRequest, create: Create, made: Any) -> Any:
    """Run a creation, which returns what `made` is, and only once where its caller has named it."""
    if request.idempotency_key is None:
        return await create(records.context, request.body)
    return await records.once.run(records.calls, records.context, request, create, made)


class _NounCalls:
    """What each endpoint of a noun runs."""

    def __init__(self, noun: RecordNoun, records: OpenRecords) -> None:
        self._noun = noun
        self._of: Any = noun.operations  # whose absent operations have no endpoint
        self._records = records

    async def list_rows(self, request: ApiRequest) -> Any:
        wanted, order = request.query
        return await self._of.list((await self._records(request)).context, wanted, order)

    async def show(self, request: ApiRequest) -> Any:
        return await self._of.show((await self._records(request)).context, request.id)

    async def create(self, request: ApiRequest) -> Any:
        records = await self._records(request)
        await require_grant(self._noun.grant_of_new, records.context, request)
        return await run_once(records, request, self._of.create, self._noun.made or self._of.row)

    async def change(self, request: ApiRequest) -> Any:
        records = await self._records(request)
        await require_grant(self._noun.grant_of_change, records.context, request)
        return await self._of.change(records.context, request.id, request.body, request.expected)

    async def delete(self, request: ApiRequest) -> None:
        await self._of.delete((await self._records(request)).context, request.id, request.expected)
