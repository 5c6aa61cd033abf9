from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.directory.operations.session_operations import (
    change_session,
    create_session,
    end_session,
    end_sessions,
    issue_token,
    list_sessions,
    show_session,
)
from gateway.directory.operations.session_rows import NewDevice, NewSession, SessionChange, SessionFilter
from gateway.directory.session_tokens import SessionClaims
from gateway.directory.store import Directory
from gateway.model.answers import Found, Reason, Rejected
from gateway.model.credential import CredentialKind
from gateway.model.errors import DirectoryError, InvalidRecordError, MissingRecordError
from gateway.model.session import RevocationKind, RevocationTarget
from tests.support.builders.directory import (
    CLOSED_CHAT_SESSION,
    MEMGHOST_SESSION,
    NOON,
    Changes,
    authority_of,
    context_of,
    credential_of,
    opened,
    session_tokens,
)
from tests.support.fakes.audited import Audited

MEMGHOST_USER = "223e4567-e89b-12d3-a456-426614174001"
WACHT_USER, WACHT_ORGANIZATION, WACHT_WORKSPACE = "user_456789123", "org_123456789", "workspace_987654321"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        yield directory


async def test_a_new_session_is_opened_by_each_of_its_credentials(directory: Directory) -> None:
    audited, authority = Audited(), authority_of(directory)
    new = NewSession(user=WACHT_USER, organization=WACHT_ORGANIZATION, user_agent=FIREFOX, ip="192.0.2.7", ttl=3600)
    issued = await create_session(context_of(directory, audited=audited), new)
    assert issued.cookie is not None
    assert issued.bearer is not None
    assert issued.pair is not None
    assert issued.session.expires_at == NOON + timedelta(hours=1)
    assert issued.session.device is not None
    assert issued.session.device.name == "Firefox"
    for credential in (
        credential_of(CredentialKind.COOKIE, issued.cookie),
        credential_of(CredentialKind.BEARER, issued.bearer),
        credential_of(CredentialKind.TOKEN_PAIR, issued.pair.user_id, issued.pair.token),
    ):
        answer = await authority.look_up(credential)
        assert isinstance(answer, Found)
        assert answer.session.id == issued.session.id
        assert answer.session.organization is not None
        assert [signin.id for signin in answer.session.signins] == [issued.session.active_signin]
    assert audited.summaries == [("record_changed", "session", issued.session.id, "created")]
    secrets = (issued.cookie, issued.bearer, issued.pair.token)
    assert not any(secret in f"{issued!r} {audited.lines}" for secret in secrets)


async def test_a_session_is_given_the_credentials_that_are_wanted(directory: Directory) -> None:
    device = NewDevice(name="Kiosk")
    new = NewSession(user=MEMGHOST_USER, device=device, user_agent=FIREFOX, credentials=("bearer",))
    issued = await create_session(context_of(directory), new)
    assert (issued.cookie, issued.pair) == (None, None)
    assert issued.session.device is not None
    assert issued.session.device.name == "Kiosk"
    assert issued.session.expires_at is None


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"user": "nobody"}, "^user: there is no nobody"),
        ({"user": MEMGHOST_USER, "organization": WACHT_ORGANIZATION}, "^organization: the user is no active member"),
        ({"user": WACHT_USER, "workspace": WACHT_WORKSPACE}, "^workspace: "),
        ({"user": WACHT_USER, "organization": WACHT_ORGANIZATION, "workspace": "none"}, "^workspace: none"),
        ({"user": WACHT_USER, "ttl": 0}, "^ttl: "),
        ({"user": WACHT_USER, "credentials": ("password",)}, "credentials"),
    ],
)
async def test_a_session_that_cannot_be(directory: Directory, fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidRecordError, match=complaint):
        await create_session(context_of(directory), NewSession(**fields))  # type: ignore[arg-type]


async def test_sessions_are_listed_by_user_and_by_whether_they_live(directory: Directory) -> None:
    context = context_of(directory)
    own = [(await create_session(context, NewSession(user=MEMGHOST_USER))).session.id for _ in range(2)]
    await end_session(context, own[0])

    async def listed(wanted: SessionFilter) -> set[str]:
        return {row.id for row in (await list_sessions(context, wanted)).rows}

    assert await listed(SessionFilter(user=MEMGHOST_USER)) == {*own, MEMGHOST_SESSION}
    assert own[1] in await listed(SessionFilter(user=MEMGHOST_USER, live=True))
    assert own[0] in await listed(SessionFilter(user=MEMGHOST_USER, live=False))
    assert own[0] not in await listed(SessionFilter(live=True))
    assert not await listed(SessionFilter(user="nobody"))


async def test_ending_a_session_twice_keeps_the_first_instant(directory: Directory) -> None:
    changes, context = Changes(), context_of(directory)
    first = await end_session(context, MEMGHOST_SESSION)
    again = await end_session(context_of(directory, changes), MEMGHOST_SESSION)
    assert (first.closed_at, first.state) == (NOON, "closed")
    assert again == first
    assert changes.ended == {RevocationTarget(RevocationKind.SESSION, MEMGHOST_SESSION)}


async def test_to_an_owner_unknown_foreign_and_ended_sessions_are_alike(directory: Directory) -> None:
    context = context_of(directory)
    foreign = (await create_session(context, NewSession(user=WACHT_USER))).session.id
    ended = (await create_session(context, NewSession(user=MEMGHOST_USER))).session.id
    await end_session(context, ended, owner=MEMGHOST_USER)
    for session_id in ("unknown", foreign, ended):
        with pytest.raises(MissingRecordError, match=rf"^there is no {session_id} in sessions$"):
            await end_session(context, session_id, owner=MEMGHOST_USER)
        with pytest.raises(MissingRecordError):
            await change_session(context, session_id, SessionChange(scopes=("all",)), owner=MEMGHOST_USER)
    with pytest.raises(MissingRecordError):
        await show_session(context, foreign, owner=MEMGHOST_USER)
    assert (await show_session(context, foreign)).closed_at is None


async def test_all_sessions_of_a_user_end_but_one(directory: Directory) -> None:
    changes, context = Changes(), context_of(directory)
    kept = (await create_session(context, NewSession(user=MEMGHOST_USER))).session.id
    others = {(await create_session(context, NewSession(user=MEMGHOST_USER))).session.id for _ in range(2)}
    foreign = (await create_session(context, NewSession(user=WACHT_USER))).session.id
    ended = await end_sessions(context_of(directory, changes), MEMGHOST_USER, keep=kept)
    assert others <= set(ended)
    assert {target.id for target in changes.ended} == set(ended)
    assert (await show_session(context, kept)).closed_at is None
    assert (await show_session(context, foreign)).closed_at is None
    assert await end_sessions(context, MEMGHOST_USER) == (kept,)


async def test_a_switch_is_told_as_changed_and_the_next_look_up_has_it(directory: Directory) -> None:
    changes, context, authority = Changes(), context_of(directory), authority_of(directory)
    issued = await create_session(context, NewSession(user=WACHT_USER))
    telling = context_of(directory, changes)
    place = SessionChange(organization=WACHT_ORGANIZATION, workspace=WACHT_WORKSPACE)
    row = await change_session(telling, issued.session.id, place, owner=WACHT_USER)
    assert (row.organization, row.workspace) == (WACHT_ORGANIZATION, WACHT_WORKSPACE)
    assert (changes, changes.ended) == ([RevocationTarget(RevocationKind.SESSION, row.id)], set())
    assert issued.bearer is not None
    answer = await authority.look_up(credential_of(CredentialKind.BEARER, issued.bearer))
    assert isinstance(answer, Found)
    assert answer.session.organization is not None
    assert answer.session.organization.id == WACHT_ORGANIZATION
    left = await change_session(telling, row.id, SessionChange(organization=None))
    assert (left.organization, left.workspace) == (None, None)
    with pytest.raises(InvalidRecordError, match="no active member of org_abc123xyz456"):
        await change_session(telling, row.id, SessionChange(organization="org_abc123xyz456"))
    with pytest.raises(InvalidRecordError, match=r"^active_signin: other is no sign-in"):
        await change_session(telling, row.id, SessionChange(active_signin="other"))


async def test_a_token_is_issued_for_a_live_session(directory: Directory) -> None:
    tokens, context = session_tokens(), context_of(directory)
    bearer = tokens.verify_access(await issue_token(context, MEMGHOST_SESSION, "bearer", ttl=60))
    assert isinstance(bearer, SessionClaims)
    assert bearer.session_id == MEMGHOST_SESSION
    assert bearer.expires_at == NOON + timedelta(minutes=1)
    cookie = tokens.verify_cookie(await issue_token(context, MEMGHOST_SESSION, "cookie"))
    assert isinstance(cookie, SessionClaims)


async def test_no_token_is_issued_for_a_dead_one(directory: Directory) -> None:
    context = context_of(directory)
    with pytest.raises(DirectoryError, match="is no good: revoked"):
        await issue_token(context, CLOSED_CHAT_SESSION, "bearer")
    with pytest.raises(MissingRecordError, match="there is no nothing in sessions"):
        await issue_token(context, "nothing", "cookie")


async def test_what_was_ended_is_refused(directory: Directory) -> None:
    context, authority = context_of(directory), authority_of(directory)
    issued = await create_session(context, NewSession(user=MEMGHOST_USER))
    assert issued.pair is not None
    pair = credential_of(CredentialKind.TOKEN_PAIR, issued.pair.user_id, issued.pair.token)
    assert isinstance(await authority.look_up(pair), Found)
    await end_session(context, issued.session.id, owner=MEMGHOST_USER)
    assert await authority.look_up(pair) == Rejected(Reason.REVOKED)
