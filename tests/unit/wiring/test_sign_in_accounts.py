from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config.sign_in_settings import SignInSettings
from gateway.directory.operations.session_operations import create_session, show_session
from gateway.directory.operations.session_rows import NewSession
from gateway.directory.operations.user_operations import NewUser, create_user
from gateway.model.errors import DirectoryError
from gateway.model.session import RevocationTarget
from gateway.wiring.process import Process
from gateway.wiring.sign_in_accounts import DirectoryAccounts
from gateway.wiring.sign_in_directory import NOBODY, SignInDirectory
from tests.support.builders.directory import authority_of, context_of, opened

SETTINGS = SignInSettings.model_validate({"reader": "signed_in", "providers": {"people": {"kind": "password"}}})


async def test_who_signs_out_learns_where_that_was_not_told(process: Process, tmp_path: Path) -> None:
    told: list[tuple[RevocationTarget, bool]] = []

    async def notify(target: RevocationTarget, *, ended: bool = False) -> bool:
        told.append((target, ended))
        return False

    untold: Any = notify
    async with opened(f"sqlite:///{tmp_path}/directory.db", demo=False) as directory:
        context = context_of(directory)
        user = await create_user(context, NewUser(username="joe"))
        session = (await create_session(context, NewSession(user=user.id, credentials=()))).session
        accounts = DirectoryAccounts(SignInDirectory(authority_of(directory), untold, process), SETTINGS, (b"s" * 32,))
        for session_id in (session.id, "unknown"):
            with pytest.raises(DirectoryError):
                await accounts.end(session_id, NOBODY)
        assert [(target.id, ended) for target, ended in told] == [(session.id, True), ("unknown", True)]
        assert (await show_session(context, session.id)).closed_at is not None
