from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.authorities.directory_authority import DirectoryAuthority, Recognition
from gateway.directory.hashing import Peppers
from gateway.directory.session_tokens import ACCESS_TYP
from gateway.directory.store import Directory
from gateway.directory.stored import StoredKey, StoredSession
from gateway.model.answers import Answer, Found, Reason, Rejected, Unavailable
from gateway.model.credential import Credential, CredentialKind
from gateway.model.errors import DirectoryError
from gateway.model.session import Member, Organization, Session, SignIn
from gateway.signing import KeyRing
from tests.support.builders.directory import (
    CHAT_SESSION,
    CHAT_TOKEN,
    CHAT_USER,
    CLOSED_CHAT_SESSION,
    ISSUER,
    KEY_RING,
    MEMBER_KEY,
    MEMGHOST_SESSION,
    NOW,
    ORGANIZATION_KEY,
    PEPPERS,
    PROJECT_KEY,
    USER_KEY,
    WACHT_SESSION,
    authority_of,
    clock,
    credential_of,
    key_credential,
    load_text,
    opened,
    session_tokens,
)

PAIR = credential_of(CredentialKind.TOKEN_PAIR, CHAT_USER, CHAT_TOKEN)
OLD_KEY = "0ld-k3y"  # too short for a key of ours
IMPORTED = f"""\
api_keys:
  - id: imported
    auto_id: 9001
    type: project
    name: From the old portal
    key_hash: {{source: old-portal, sha256: {sha256(OLD_KEY.encode()).hexdigest()}, prefix: 0ld}}
    project: 550e8400-e29b-41d4-a716-446655440000
    member: 550e8400-e29b-41d4-a716-446655440002
    created_at: 2023-05-01T10:00:00Z
    updated_at: 2023-05-01T10:00:00Z
"""
PAST, FUTURE = "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"  # the clock stands in January 2027


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db") as directory:
        yield directory


@pytest.fixture
def authority(directory: Directory) -> DirectoryAuthority:
    return authority_of(directory)


async def session(directory: Directory, session_id: str) -> Session:
    stored = await directory.session_by_id(session_id)
    assert stored is not None
    return stored.session


def found(answer: Answer) -> Session:
    assert isinstance(answer, Found)
    return answer.session


def bearer(token: str) -> Credential:
    return credential_of(CredentialKind.BEARER, token)


def cookie(token: str) -> Credential:
    return credential_of(CredentialKind.COOKIE, token)


async def test_the_documents_project_key(authority: DirectoryAuthority) -> None:
    session_ = found(await authority.look_up(key_credential(PROJECT_KEY)))
    assert session_.id is None
    assert session_.subject == "550e8400-e29b-41d4-a716-446655440002"
    assert session_.organization == Organization(id="org_abc123xyz456", name="Acme Corp", plan="BUSINESS")
    assert session_.member == Member(id=session_.subject, role="admin", email="user@example.com", name="John Doe")
    assert session_.project is not None
    assert session_.project.org_id == "550e8400-e29b-41d4-a716-446655440001"
    assert session_.project.nano_id == "proj_abc123xyz456"
    assert session_.project.webhook_secret == "whsec_a1b2c3d4e5f6g7h8i9j0"
    assert session_.api_key is not None
    assert (session_.api_key.auto_id, session_.api_key.project_id) == (7890, "proj_abc123xyz456")
    assert (session_.api_key.deleted, session_.api_key.deleted_at) == (False, None)
    assert session_.roles == ()


async def test_keys_of_the_other_types_and_of_somebody_else(authority: DirectoryAuthority) -> None:
    user_key = found(await authority.look_up(key_credential(USER_KEY, "user")))
    assert user_key.project is not None
    organization_key = found(await authority.look_up(key_credential(ORGANIZATION_KEY, "organization")))
    assert organization_key.project is None
    member_key = found(await authority.look_up(key_credential(MEMBER_KEY)))
    assert member_key.member is not None
    assert member_key.member.role == "member"


@pytest.mark.parametrize(
    ("key", "key_type"),
    [
        (PROJECT_KEY, "user"),
        (PROJECT_KEY, "organization"),
        (USER_KEY, "project"),
        (PROJECT_KEY.upper(), "project"),
        (PROJECT_KEY[:-1], "project"),
        (PROJECT_KEY + "x", "project"),
        ("(unreadable)", "project"),
    ],
)
async def test_a_key_that_is_not_ours_or_not_of_this_type(
    authority: DirectoryAuthority, key: str, key_type: str
) -> None:
    assert await authority.look_up(key_credential(key, key_type)) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (f"deleted_at: {PAST}", Reason.REVOKED),
        (f"expires_at: {PAST}", Reason.EXPIRED),
        (f"expires_at: {FUTURE}", None),
        (f"deleted_at: {PAST}, expires_at: {PAST}", Reason.REVOKED),
    ],
)
async def test_a_key_that_ended(
    authority: DirectoryAuthority, directory: Directory, tmp_path: Path, change: str, reason: Reason | None
) -> None:
    await load_text(
        directory,
        tmp_path,
        "api_keys:\n- {id: k, auto_id: 1, type: organization, name: K, key: ok_live_0000000000000000,"
        f" member: 550e8400-e29b-41d4-a716-446655440002, created_at: {PAST}, updated_at: {PAST}, {change}}}",
    )
    answer = await authority.look_up(key_credential("ok_live_0000000000000000", "organization"))
    assert isinstance(answer, Found) if reason is None else answer == Rejected(reason)
    if isinstance(answer, Found):
        assert answer.session.expires_at == datetime(2030, 1, 1, tzinfo=UTC)


async def test_a_suspended_members_key_is_forbidden(
    authority: DirectoryAuthority, directory: Directory, tmp_path: Path
) -> None:
    await load_text(
        directory,
        tmp_path,
        "members:\n- {id: 550e8400-e29b-41d4-a716-446655440012, organization: org_abc123xyz456, status: suspended}",
    )
    assert await authority.look_up(key_credential(MEMBER_KEY)) == Rejected(Reason.FORBIDDEN)


async def test_a_key_is_rehashed_under_the_pepper_in_use(directory: Directory) -> None:
    rotating = Peppers([b"new pepper", b"a pepper for tests"])
    before = await directory.key_by_hash(rotating.every(PROJECT_KEY))
    assert before is not None
    assert found(await authority_of(directory, rotating).look_up(key_credential(PROJECT_KEY)))
    assert found(await authority_of(directory, Peppers([b"new pepper"])).look_up(key_credential(PROJECT_KEY)))
    assert await authority_of(directory, PEPPERS).look_up(key_credential(PROJECT_KEY)) is None
    # A key that was not used since waits for the old pepper.
    assert await authority_of(directory, Peppers([b"new pepper"])).look_up(key_credential(MEMBER_KEY)) is None
    assert found(await authority_of(directory, rotating).look_up(key_credential(MEMBER_KEY)))


async def test_another_product_s_key_is_known_by_its_hash_until_it_is_used(
    directory: Directory, tmp_path: Path
) -> None:
    await load_text(directory, tmp_path, IMPORTED)
    importing = Peppers([b"a pepper for tests"], imported=["old-portal"])
    assert await authority_of(directory, PEPPERS).look_up(key_credential(OLD_KEY)) is None
    other = Peppers([b"a pepper for tests"], imported=["another-portal"])
    assert await authority_of(directory, other).look_up(key_credential(OLD_KEY)) is None
    assert await authority_of(directory, importing).look_up(key_credential("0ld-k3z")) is None
    assert found(await authority_of(directory, importing).look_up(key_credential(OLD_KEY)))
    # it is under the pepper now, so the product's name may leave the config
    assert found(await authority_of(directory, PEPPERS).look_up(key_credential(OLD_KEY)))
    digest = sha256(OLD_KEY.encode()).hexdigest()
    assert await authority_of(directory, importing).look_up(key_credential(f"sha256:old-portal:{digest}")) is None


async def test_a_bearer_token_names_its_session(authority: DirectoryAuthority, directory: Directory) -> None:
    assert authority.tokens is not None
    token = authority.tokens.issue_access(await session(directory, MEMGHOST_SESSION), ttl=900)
    answer = await authority.look_up(bearer(token))
    assert isinstance(answer, Found)
    assert answer.session.id == MEMGHOST_SESSION
    assert answer.issued_at == datetime.fromtimestamp(NOW, UTC)
    assert answer.expires_at == datetime.fromtimestamp(NOW, UTC) + timedelta(minutes=15)


async def test_a_cookie_names_its_session(authority: DirectoryAuthority, directory: Directory) -> None:
    assert authority.tokens is not None
    token = authority.tokens.issue_cookie(await session(directory, WACHT_SESSION))
    session_ = found(await authority.look_up(cookie(token)))
    signin = SignIn(id="signin_987654321", user_id="user_456789123", created_at=datetime(2024, 1, 1, 12, tzinfo=UTC))
    assert session_.active_signin == signin
    assert session_.signins == (signin,)
    assert session_.workspace is not None
    assert session_.workspace.slug == "dev-team"
    assert session_.organization is not None
    assert session_.organization.slug == "acme-corp"


async def test_purposes_do_not_mix(authority: DirectoryAuthority, directory: Directory) -> None:
    assert authority.tokens is not None
    own = await session(directory, WACHT_SESSION)
    assert await authority.look_up(bearer(authority.tokens.issue_cookie(own))) == Rejected(Reason.UNKNOWN)
    assert await authority.look_up(cookie(authority.tokens.issue_access(own))) == Rejected(Reason.UNKNOWN)
    identity = KEY_RING.sign(
        "identity+jwt", {"iss": ISSUER, "aud": "gateway", "sub": own.subject, "sid": own.id, "iat": NOW, "exp": NOW + 9}
    )
    assert await authority.look_up(bearer(identity)) == Rejected(Reason.UNKNOWN)


async def test_foreign_tokens_are_disowned_and_bad_ones_of_ours_are_not(
    authority: DirectoryAuthority, directory: Directory
) -> None:
    own = await session(directory, MEMGHOST_SESSION)
    forged = session_tokens(KeyRing.generate()).issue_access(own)
    audience = session_tokens(audience="orders").issue_access(own)
    foreign = session_tokens(KeyRing.generate(), issuer="https://id.example.com").issue_access(own)
    claims = {"iss": ISSUER, "aud": "gateway", "iat": NOW - 60}
    expired = KEY_RING.sign(ACCESS_TYP, {**claims, "sub": own.subject, "sid": own.id, "exp": NOW - 1})
    nameless = KEY_RING.sign(ACCESS_TYP, {**claims, "exp": NOW + 60})
    gone = KEY_RING.sign(ACCESS_TYP, {**claims, "sub": own.subject, "sid": "no such session", "exp": NOW + 60})
    other = KEY_RING.sign(ACCESS_TYP, {**claims, "sub": "somebody else", "sid": own.id, "exp": NOW + 60})
    answers = {
        "opaque": await authority.look_up(bearer("opaque-token")),
        "unreadable": await authority.look_up(cookie("(unreadable)")),
        "foreign": await authority.look_up(bearer(foreign)),
        "forged": await authority.look_up(bearer(forged)),
        "audience": await authority.look_up(bearer(audience)),
        "nameless": await authority.look_up(bearer(nameless)),
        "expired": await authority.look_up(bearer(expired)),
        "gone": await authority.look_up(bearer(gone)),
        "other": await authority.look_up(bearer(other)),
    }
    assert answers == {
        "opaque": None,
        "unreadable": None,
        "foreign": None,
        "forged": Rejected(Reason.UNKNOWN),
        "audience": Rejected(Reason.UNKNOWN),
        "nameless": Rejected(Reason.UNKNOWN),
        "expired": Rejected(Reason.EXPIRED),
        "gone": Rejected(Reason.GONE),
        "other": Rejected(Reason.GONE),
    }


async def test_a_directory_without_tokens_disowns_them(directory: Directory) -> None:
    keyless = DirectoryAuthority("accounts", directory, Recognition(PEPPERS, None), clock)
    own = await session(directory, MEMGHOST_SESSION)
    assert await keyless.look_up(bearer(session_tokens().issue_access(own))) is None
    assert await keyless.look_up(cookie(session_tokens().issue_cookie(own))) is None


async def test_a_pair_names_the_users_live_session(authority: DirectoryAuthority) -> None:
    session_ = found(await authority.look_up(PAIR))
    assert session_.id == CHAT_SESSION
    assert session_.roles == ("user", "admin", "livechat-agent", "livechat-manager")
    assert session_.device is not None
    assert session_.device.long_version == "113.0.0.0"  # read out of the User-Agent


@pytest.mark.parametrize(
    ("user", "token"),
    [
        (CHAT_USER, "another-token"),
        (CHAT_USER, ""),
        (CHAT_USER, CHAT_TOKEN.lower()),
        ("user_456789123", CHAT_TOKEN),
        ("", CHAT_TOKEN),
        # The stored hash is no token: whoever read it cannot log in with it.
        (CHAT_USER, "orklPYtfnjnG6mG7OMuLbOBDzs8I9myfcLl2yzv7WoU="),
    ],
)
async def test_a_pair_that_nobody_was_given(authority: DirectoryAuthority, user: str, token: str) -> None:
    assert await authority.look_up(credential_of(CredentialKind.TOKEN_PAIR, user, token)) is None


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (f"closed_at: {PAST}", Reason.REVOKED),
        ("state: logged_out", Reason.REVOKED),
        (f"expires_at: {PAST}", Reason.EXPIRED),
    ],
)
async def test_a_pair_whose_session_ended(
    authority: DirectoryAuthority, directory: Directory, tmp_path: Path, field: str, reason: Reason
) -> None:
    await load_text(
        directory,
        tmp_path,
        f"sessions:\n- {{id: s, user: {CHAT_USER}, login: {{at: {PAST}, token: a-token-of-a-session}}, {field}}}",
    )
    pair = credential_of(CredentialKind.TOKEN_PAIR, CHAT_USER, "a-token-of-a-session")
    assert await authority.look_up(pair) == Rejected(reason)


async def test_another_session_of_the_same_user_logged_out_or_not(authority: DirectoryAuthority) -> None:
    closed = found(await authority.session_of(PAIR, CLOSED_CHAT_SESSION))
    assert closed.closed_at == datetime(2023, 5, 23, 17, 56, 31, 599_000, tzinfo=UTC)
    assert closed.login is not None
    assert closed.login.token_hash == "orklPYtfnjnG6mG7OMuLbOBDzs8I9myfcLl2yzv7WoU="
    assert found(await authority.session_of(PAIR, CHAT_SESSION)).id == CHAT_SESSION


@pytest.mark.parametrize("session_id", [WACHT_SESSION, "no such session", ""])
async def test_nobody_sees_another_users_session(authority: DirectoryAuthority, session_id: str) -> None:
    assert await authority.session_of(PAIR, session_id) == Rejected(Reason.GONE)


async def test_a_session_is_shown_only_to_a_good_credential(authority: DirectoryAuthority) -> None:
    unknown = credential_of(CredentialKind.TOKEN_PAIR, CHAT_USER, "another-token")
    assert await authority.session_of(unknown, CLOSED_CHAT_SESSION) == Rejected(Reason.UNKNOWN)
    # A key of a member that is no user owns no sessions.
    assert await authority.session_of(key_credential(PROJECT_KEY), WACHT_SESSION) == Rejected(Reason.GONE)


class BrokenStore:
    """A store whose database is away, or never answers."""

    def __init__(self, *, hangs: bool = False) -> None:
        self._hangs = hangs

    async def _fail(self) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        raise DirectoryError("the directory cannot be asked: OperationalError")

    async def key_by_hash(self, hashes: Sequence[str]) -> StoredKey | None:
        del hashes
        await self._fail()
        return None

    async def rehash_key(self, old: str, new: str) -> None:
        del old, new
        await self._fail()

    async def session_by_id(self, session_id: str) -> StoredSession | None:
        del session_id
        await self._fail()
        return None

    async def session_by_login(self, user_id: str, token_hash: str) -> StoredSession | None:
        del user_id, token_hash
        await self._fail()
        return None

    async def note_activity(self, session_id: str, at: datetime) -> None:
        del session_id, at
        await self._fail()

    async def close(self) -> None:
        """Nothing to give back."""


class ReadOnlyStore(BrokenStore):
    """A replica: it answers, and takes no change."""

    def __init__(self, directory: Directory) -> None:
        super().__init__()
        self._directory = directory

    async def key_by_hash(self, hashes: Sequence[str]) -> StoredKey | None:
        return await self._directory.key_by_hash(hashes)


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_database_that_cannot_be_asked_is_no_verdict(hangs: bool) -> None:
    tokens = session_tokens()
    authority = DirectoryAuthority(
        "accounts", BrokenStore(hangs=hangs), Recognition(PEPPERS, tokens), clock, timeout=0.01
    )
    session_ = [
        key_credential(PROJECT_KEY),
        PAIR,
        bearer(tokens.issue_access(Session(subject="u", id="s"))),
        cookie(tokens.issue_cookie(Session(subject="u", id="s"))),
    ]
    for credential in session_:
        for answer in (await authority.look_up(credential), await authority.session_of(credential, "s")):
            assert isinstance(answer, Unavailable)
            assert not [part for part in credential.parts if part in answer.detail]


async def test_a_key_that_cannot_be_rehashed_is_good_all_the_same(directory: Directory) -> None:
    rotating = Peppers([b"new pepper", b"a pepper for tests"])
    authority = DirectoryAuthority("accounts", ReadOnlyStore(directory), Recognition(rotating, None), clock)
    assert found(await authority.look_up(key_credential(PROJECT_KEY)))
