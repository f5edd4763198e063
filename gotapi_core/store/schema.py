"""Bringing a database to the schema of this release.

An empty database gets the tables directly and the mark of the newest migration; an older one
runs the migrations it lacks, in one transaction. Alembic takes a quarter of a second to import,
so it is imported only then.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from gotapi_core.migrations import HEAD
from gotapi_core.store.failures import StoreError
from gotapi_core.store.tables import metadata

# The table is Alembic's; defining it here saves importing Alembic to read one word.
_version_table: Final = Table(
    "alembic_version",
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
)


def bring_up_to_date(connection: Connection, where: str) -> None:
    """Create or migrate the schema inside the caller's transaction; raises StoreError."""
    current = current_revision(connection, where)
    if current == HEAD:
        return
    if current is None:
        create(connection)
        return
    from gotapi_core.migrations.upgrade import UnknownRevisionError, upgrade

    try:
        upgrade(connection, current)
    except UnknownRevisionError:
        raise StoreError(
            f"{where} was written by a newer release of the hub (schema {current}, this release "
            f"knows {HEAD}); install that release again, or put back a backup made before it"
        ) from None


def current_revision(connection: Connection, where: str) -> str | None:
    """Return the revision of the database; None when it is empty."""
    tables = set(inspect(connection).get_table_names())
    if _version_table.name in tables:
        revision = connection.execute(select(_version_table.c.version_num)).scalar()
        if revision is not None:
            return str(revision)
    if tables - {_version_table.name}:
        raise StoreError(
            f"{where} holds tables of another program ({', '.join(sorted(tables)[:3])}); "
            "give the hub a database of its own"
        )
    return None


def create(connection: Connection) -> None:
    """Create the newest schema in an empty database."""
    metadata.create_all(connection)
    _version_table.create(connection, checkfirst=True)
    connection.execute(insert(_version_table).values(version_num=HEAD))
