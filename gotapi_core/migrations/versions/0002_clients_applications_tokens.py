"""Clients, approved applications and their tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of the auth server."""
    op.create_table(
        "clients",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_clients"),
    )
    op.create_table(
        "applications",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("client", sa.LargeBinary(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("remembered", sa.Boolean, nullable=False),
        sa.Column("collect_by", sa.Double, nullable=True),
        sa.Column("last_used", sa.Double, nullable=True),
        sa.Column("hmac_key", sa.String(512), nullable=True),
        sa.Column("hmac_encoding", sa.String(8), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_applications"),
        sa.ForeignKeyConstraint(["client"], ["clients.digest"], name="fk_applications_client"),
    )
    op.create_index("ix_applications_client", "applications", ["client"])
    op.create_table(
        "tokens",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("application", sa.String(16), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_tokens"),
        sa.ForeignKeyConstraint(
            ["application"], ["applications.id"], name="fk_tokens_application", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_tokens_application", "tokens", ["application"])
