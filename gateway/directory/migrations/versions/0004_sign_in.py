"""Tables for people who sign in at an issuer: who they are there, its tokens, and logout tokens that were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _identities()
    _provider_sessions()
    _used_token_ids()
    _passwords()


def downgrade() -> None:
    op.drop_table("passwords")
    op.drop_table("used_token_ids")
    op.drop_table("provider_sessions")
    op.drop_table("identities")


def _identities() -> None:
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identities_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_user_id"), "identities", ["user_id"], unique=False)


def _provider_sessions() -> None:
    op.create_table(
        "provider_sessions",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("sid", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("fresh_until", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_provider_sessions_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_provider_sessions")),
    )
    op.create_index("ix_provider_sessions_subject", "provider_sessions", ["issuer", "subject"], unique=False)
    op.create_index("ix_provider_sessions_sid", "provider_sessions", ["issuer", "sid"], unique=False)


def _used_token_ids() -> None:
    op.create_table(
        "used_token_ids",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("jti", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "jti", name=op.f("pk_used_token_ids")),
    )
    op.create_index(op.f("ix_used_token_ids_expires_at"), "used_token_ids", ["expires_at"], unique=False)


def _passwords() -> None:
    op.create_table(
        "passwords",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_passwords_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_passwords")),
    )
