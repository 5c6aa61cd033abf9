"""A gateway at which people sign in by a password: by the form, and by the clients of two products."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.directory.changes import tell_nobody
from gateway.directory.operations.context import OperationContext
from gateway.directory.operations.password_operations import set_password
from gateway.directory.operations.user_operations import NewUser, create_user
from gateway.directory.password_hashing import PasswordHashing
from gateway.directory.schema import open_current
from gateway.telemetry.audit import Actor
from gateway.wiring.process import Process
from tests.support.clients.cookie_browser import CookieBrowser
from tests.support.clients.raw_http import RawResponse
from tests.support.fakes.audited import Audited
from tests.support.gateways.serving import READERS, Examples, Gateway, config, serving
from tests.support.gateways.signing_in import READER
from tests.support.servers.recording_upstream import RecordingUpstream, recording_upstream

OURS = "Origin: http://app.test"
FORM = "Content-Type: application/x-www-form-urlencoded"
PASSWORD = "correct horse"
WRONG = (("joe", "wrong"), ("nobody", PASSWORD), ("another", PASSWORD), ("", ""))
Both = tuple[Gateway, RecordingUpstream]


@contextlib.asynccontextmanager
async def signing_in_by_password(
    examples: Examples, folder: Path, prepare: Callable[[Process], None] = lambda _: None, **keys: Any
) -> AsyncIterator[Both]:
    """Run a gateway whose one provider is the form; `prepare` is handed its process."""
    accounts = examples.settings(folder)
    async with open_current(accounts["url"]) as directory:
        now = datetime.now(UTC)
        context = OperationContext(
            directory=directory, now=now, actor=Actor("command"), on_change=tell_nobody, audit=Audited().log
        )
        user = await create_user(context, NewUser(id="joe-1", username="joe", email="joe@example.com"))
        await create_user(context, NewUser(id="joe-2", username="another"))
        await set_password(context, user.id, await PasswordHashing().hash(PASSWORD))
    async with recording_upstream() as upstream:
        whole = config(upstream.port, accounts)
        whole["credentials"] = READERS | READER
        limit = {"rate": "1000/s", "burst": 1000}
        limits = dict.fromkeys(("per_name_and_address", "per_name", "per_address"), limit)
        people = {"kind": "password", "title": "Password", "logins": ["rocketchat", "memghost"], **limits}
        whole["session_info"] = [{"dialect": "memghost", "credentials": ["token"], "actions": ["logout", "refresh"]}]
        whole["sessions"] = {}
        whole["trusted_proxies"] = ["127.0.0.1/32"]
        providers = {"people": people | keys}
        whole["sign_in"] = {"reader": "signed_in", "providers": providers, "rate_limit": limit}
        async with serving(whole, folder, prepare) as gateway:
            yield gateway, upstream


async def in_json(port: int, path: str, body: object, *lines: str) -> RawResponse:
    """Post JSON as a program does."""
    sent = json.dumps(body).encode()
    return await CookieBrowser(port).open(path, "Content-Type: application/json", *lines, method="POST", body=sent)
