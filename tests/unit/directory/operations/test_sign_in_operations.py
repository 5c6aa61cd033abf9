from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.directory.operations.session_operations import show_session
from gateway.directory.operations.sign_in_operations import (
    ExternalSession,
    end_at_issuer,
    provider_tokens,
    sign_in_external,
)
from gateway.directory.operations.user_operations import show_user
from gateway.directory.store import Directory
from gateway.model.external_identity import EndedAtIssuer, ExternalIdentity
from gateway.model.session import RevocationKind, RevocationTarget, Session, User
from tests.support.builders.directory import NOW, Changes, context_of, opened

ISSUER = "https://id.example.com"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with opened(f"sqlite:///{tmp_path}/directory.db", demo=False) as directory:
        yield directory


def new(subject: str = "u1", sid: str = "s1", issuer: str = ISSUER, **facts: str) -> ExternalSession:
    user = User(id=subject, **facts)  # type: ignore[arg-type]
    session = Session(subject=subject, user=user)
    identity = ExternalIdentity("company", issuer, subject, sid, user, session, ("admin",))
    return ExternalSession(identity=identity, sealed=b"sealed", ttl=60.0, ip="192.0.2.1")


def ended(jti: str, subject: str | None = "u1", sid: str | None = None, issuer: str = ISSUER) -> EndedAtIssuer:
    return EndedAtIssuer(issuer, subject, sid, jti, NOW + 60)


async def test_a_subject_becomes_a_user_once_and_brings_its_facts_each_time(directory: Directory) -> None:
    context = context_of(directory)
    first = await sign_in_external(context, new(email="jane@example.com"), create=True)
    second = await sign_in_external(context, new(name="Jane"), create=False)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert first.subject == second.subject
    user = await show_user(context, first.subject)
    assert (user.email, user.name, user.roles) == ("jane@example.com", "Jane", ("admin",))
    opened_session = await show_session(context, second.id or "")
    assert opened_session.login is not None
    assert (opened_session.login.ip, opened_session.login.type) == ("192.0.2.1", "company")
    stored = await provider_tokens(context, second.id or "")
    assert stored is not None
    assert (stored.provider, stored.sealed) == ("company", b"sealed")
    assert await provider_tokens(context, "another") is None


async def test_another_issuers_subject_of_that_name_is_somebody_else(directory: Directory) -> None:
    context = context_of(directory)
    first = await sign_in_external(context, new(), create=True)
    assert await sign_in_external(context, new(issuer="https://other.example"), create=False) is None
    other = await sign_in_external(context, new(issuer="https://other.example"), create=True)
    assert first is not None
    assert other is not None
    assert first.subject != other.subject


async def test_a_logout_token_ends_what_it_names_and_counts_once(directory: Directory) -> None:
    changes = Changes()
    context = context_of(directory, changes)
    first = await sign_in_external(context, new(sid="s1"), create=True)
    second = await sign_in_external(context, new(sid="s2"), create=True)
    other = await sign_in_external(context, new("u2", "s3"), create=True)
    assert first is not None
    assert second is not None
    assert other is not None
    assert await end_at_issuer(context, ended("j0", sid="s1", issuer="https://other.example")) == ()
    assert await end_at_issuer(context, ended("j1", sid="s1")) == (first.id,)
    assert RevocationTarget(RevocationKind.SESSION, first.id or "") in changes.ended
    assert await end_at_issuer(context, ended("j1", sid="s2")) is None
    assert await end_at_issuer(context, ended("j2")) == (second.id,)
    assert (await show_session(context, other.id or "")).closed_at is None
