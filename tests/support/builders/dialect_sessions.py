"""Sessions that differ from a dialect's example in every field that the dialect carries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import strategies as st

from gateway.model.session import Session
from tests.support.builders.dialects import EXAMPLES

_text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
_instants = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - same
    timezones=st.just(UTC),
).map(lambda instant: instant.replace(microsecond=instant.microsecond // 1000 * 1000))


def _kratos(example: Any) -> st.SearchStrategy[Session]:
    return st.builds(
        lambda sid, user, first, level, org, expires, verified: msgspec.structs.replace(
            example,
            id=sid,
            subject=user,
            user=msgspec.structs.replace(
                example.user, id=user, first_name=first, name=f"{first} Lovelace", email_verified=verified
            ),
            organization=org and msgspec.structs.replace(example.organization, id=org),
            claims={"authenticator_assurance_level": (level,)},
            expires_at=expires,
        ),
        _text,
        _text,
        _text,
        _text,
        st.none() | _text,
        st.none() | _instants,
        st.none() | st.booleans(),
    )


def _better_auth(example: Any) -> st.SearchStrategy[Session]:
    return st.builds(
        lambda sid, user, email, verified, org, expires, image: msgspec.structs.replace(
            example,
            id=sid,
            subject=user,
            user=msgspec.structs.replace(example.user, id=user, email=email, email_verified=verified, image_url=image),
            organization=org and msgspec.structs.replace(example.organization, id=org),
            expires_at=expires,
        ),
        _text,
        _text,
        _text,
        st.booleans(),
        st.none() | _text,
        _instants,
        st.none() | _text,
    )


def _oauth2_proxy(example: Any) -> st.SearchStrategy[Session]:
    return st.builds(
        lambda user, email, username, groups: msgspec.structs.replace(
            example,
            subject=user,
            user=msgspec.structs.replace(example.user, id=user, email=email, name=username, username=username),
            roles=tuple(groups),
        ),
        _text,
        st.none() | _text,
        st.none() | _text,
        st.lists(_text, max_size=3),
    )


def _supabase(example: Any) -> st.SearchStrategy[Session]:
    return st.builds(
        lambda user, email, verified, name, image, at: msgspec.structs.replace(
            example,
            subject=user,
            user=msgspec.structs.replace(
                example.user,
                id=user,
                email=email,
                email_verified=verified if email else None,
                name=name,
                image_url=image,
            ),
            created_at=at,
        ),
        _text,
        st.none() | _text,
        st.booleans(),
        st.none() | _text,
        st.none() | _text,
        st.none() | _instants,
    )


_MORE = {"kratos": _kratos, "better_auth": _better_auth, "oauth2_proxy": _oauth2_proxy, "supabase": _supabase}


def sessions(name: str) -> st.SearchStrategy[Session]:
    """Sessions that differ from the example in every field that the dialect carries."""
    example: Any = EXAMPLES[name].found.session
    if name in _MORE:
        return _MORE[name](example)
    if name == "memghost":
        return st.builds(
            lambda sid, user, created, active: msgspec.structs.replace(
                example,
                id=sid,
                subject=user,
                user=msgspec.structs.replace(example.user, id=user),
                created_at=created,
                last_activity_at=active,
            ),
            _text,
            _text,
            _instants,
            _instants,
        )
    if name == "composio":
        return st.builds(
            lambda member, project, email, created, hook: msgspec.structs.replace(
                example,
                subject=member,
                member=msgspec.structs.replace(example.member, id=member, email=email),
                project=msgspec.structs.replace(
                    example.project, id=project, name=email, created_at=created, webhook_url=hook
                ),
            ),
            _text,
            _text,
            _text,
            _instants,
            st.none() | _text,
        )
    if name == "wacht":
        return st.builds(
            lambda sid, org, workspace, at, attempts: msgspec.structs.replace(
                example,
                id=sid,
                organization=org and msgspec.structs.replace(example.organization, id=org, slug=org),
                workspace=workspace and msgspec.structs.replace(example.workspace, id=workspace),
                created_at=at,
                signin_attempts=tuple(attempts),
            ),
            _text,
            st.none() | _text,
            st.none() | _text,
            st.none() | _instants,
            st.lists(st.dictionaries(_text, _text, max_size=2), max_size=2),
        )
    return st.builds(
        lambda roles, at, device, host: msgspec.structs.replace(
            example,
            roles=tuple(roles),
            created_at=at,
            device=example.device if device else None,
            login=msgspec.structs.replace(example.login, at=at, host=host),
        ),
        st.lists(_text, max_size=3),
        _instants,
        st.booleans(),
        st.none() | _text,
    )
