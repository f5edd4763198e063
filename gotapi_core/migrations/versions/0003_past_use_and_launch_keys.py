"""What applications did, and the keys that launch URIs brought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the log of past use and the table of launch keys."""
    op.create_table(
        "uses",
        sa.Column("application", sa.String(16), nullable=False),
        sa.Column("day", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("route", sa.String(200), nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("first", sa.Double, nullable=False),
        sa.Column("last", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("application", "day", "route", name="pk_uses"),
        sa.ForeignKeyConstraint(
            ["application"], ["applications.id"], name="fk_uses_application", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "launch_keys",
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("value", sa.String(512), nullable=False),
        sa.Column("encoding", sa.String(8), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_launch_keys"),
    )
