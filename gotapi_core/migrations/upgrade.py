"""Running the migrations that a database lacks."""

from __future__ import annotations

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection

from gotapi_core.store.tables import metadata


class UnknownRevisionError(Exception):
    """The database has a revision that this release does not know."""


def scripts() -> ScriptDirectory:
    """Return the migrations of this release."""
    return ScriptDirectory(str(Path(__file__).parent))


def upgrade(connection: Connection, current: str | None, target: str = "head") -> None:
    """Run all migrations after `current` (None: an empty database) in the caller's transaction."""
    history = scripts()
    context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
    try:
        steps = list(history.iterate_revisions(target, current or "base"))
    except (CommandError, RevisionError) as error:
        raise UnknownRevisionError(str(error)) from error
    with Operations.context(context):
        for step in reversed(steps):
            step.module.upgrade()
            context.stamp(history, step.revision)
