"""Sign-ins: who signed in within a session, and when."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.paging import FIRST_PAGE, Page, PageOrder
from gateway.directory.operations.record_fields import ExpectedVersion
from gateway.directory.operations.record_table import RecordRow, RecordTable
from gateway.directory.operations.transaction import changing
from gateway.directory.tables import signins


class SignInRow(RecordRow, frozen=True, kw_only=True, omit_defaults=True):
    """One signing-in of a user within a session."""

    session: str
    user: str
    created_at: datetime


class SignInFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which sign-ins to list: all that have every field that is given."""

    session: str | None = None
    user: str | None = None


SIGNINS = RecordTable("signin", signins, SignInRow)


async def show_signin(context: OperationContext, signin_id: str) -> SignInRow:
    """Return a sign-in."""
    return await SIGNINS.show(context, signin_id)


async def list_signins(
    context: OperationContext, wanted: SignInFilter, order: PageOrder = FIRST_PAGE
) -> Page[SignInRow]:
    """Return a page of the sign-ins that are wanted."""
    return await SIGNINS.page(context, SIGNINS.having(wanted), order)


async def delete_signin(context: OperationContext, signin_id: str, expected: ExpectedVersion | None = None) -> None:
    """Delete a sign-in; its session stays, and has no active one if it was that."""
    async with changing(context) as transaction:
        before = await transaction.locked(SIGNINS, signin_id, expected=expected)
        await transaction.delete(SIGNINS, before)
