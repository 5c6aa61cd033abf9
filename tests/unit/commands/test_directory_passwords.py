"""`gateway directory user password`, in the process of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.commands.directory_passwords import set_directory_password
from gateway.commands.opened_directory import DirectoryOptions
from gateway.directory.operations.password_operations import password_of
from gateway.directory.operations.session_operations import create_session, show_session
from gateway.directory.operations.session_rows import NewSession
from gateway.directory.operations.user_operations import NewUser, create_user
from gateway.directory.password_hashing import PasswordHashing
from gateway.directory.schema import open_current
from gateway.model.errors import DirectoryError, MissingRecordError
from tests.support.builders.configs import SECRET
from tests.support.builders.directory import context_of
from tests.support.fakes.audited import Audited
from tests.support.gateways.serving import Examples

pytestmark = pytest.mark.slow


async def test_a_password_is_set_and_taken_away(examples: Examples, tmp_path: Path) -> None:
    accounts, config, audited = examples.settings(tmp_path), tmp_path / "gateway.yaml", Audited()
    config.write_text(
        f"secret: {SECRET}\nlisten: {{admin: '127.0.0.1:1'}}\n"
        f"authorities:\n  accounts: {{kind: directory, url: '{accounts['url']}', pepper: p}}\n"
    )
    options = DirectoryOptions(config, audited.log)
    async with open_current(accounts["url"]) as directory:
        context = context_of(directory)
        user = await create_user(context, NewUser(username="joe"))
        await set_directory_password(options, user.id, remove=False, read=lambda: "correct horse")
        stored = await password_of(context, "joe")
        assert stored is not None
        assert (await PasswordHashing().verify(stored.hash, "correct horse")).right
        issued = await create_session(context, NewSession(user=user.id, credentials=()))
        await set_directory_password(options, user.id, remove=False, keep_sessions=True, read=lambda: "another horse")
        assert (await show_session(context, issued.session.id)).closed_at is None
        told = await set_directory_password(options, user.id, remove=True)
        assert (await show_session(context, issued.session.id)).closed_at is not None
        assert await password_of(context, "joe") is None
        assert "another horse" not in str(told)
        with pytest.raises(DirectoryError, match="8 characters"):
            await set_directory_password(options, user.id, remove=False, read=lambda: "short")
        with pytest.raises(MissingRecordError):
            await set_directory_password(options, "nobody", remove=True)
    assert [detail for *_, detail in audited.summaries] == ["password set"] * 2 + ["password removed", "ended"]
