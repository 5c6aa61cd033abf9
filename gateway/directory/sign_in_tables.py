"""The tables of people who sign in: who they are at an issuer, its tokens, logout tokens that were used, passwords."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from gateway.directory.stored_instant import StoredInstant
from gateway.directory.tables import METADATA


def _text(name: str) -> Column[Any]:
    return Column(name, String, nullable=False)


identities = Table(
    "identities",
    METADATA,
    _text("issuer"),
    _text("subject"),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", StoredInstant, nullable=False),
    PrimaryKeyConstraint("issuer", "subject"),
)

provider_sessions = Table(
    "provider_sessions",
    METADATA,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    _text("provider"),
    _text("issuer"),
    _text("subject"),
    _text("sid"),  # the issuer's own session; empty where it names none
    Column("sealed", LargeBinary, nullable=False),  # the issuer's tokens, under the server's secret
    Column("fresh_until", StoredInstant),
    Column("version", Integer, nullable=False),  # counts refreshes, so that one process redeems a refresh token
    Index("ix_provider_sessions_subject", "issuer", "subject"),
    Index("ix_provider_sessions_sid", "issuer", "sid"),
)

passwords = Table(
    "passwords",
    METADATA,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    _text("hash"),  # argon2id, with its parameters
    Column("updated_at", StoredInstant, nullable=False),
)

used_token_ids = Table(
    "used_token_ids",
    METADATA,
    _text("issuer"),
    _text("jti"),
    Column("expires_at", StoredInstant, nullable=False, index=True),
    PrimaryKeyConstraint("issuer", "jti"),
)
