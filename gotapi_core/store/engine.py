"""Engines, and everything that only SQLite understands."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from gotapi_core.store.failures import StoreError

_PRAGMAS: Final = (
    # NORMAL may lose the last commits of a WAL database at a power cut; FULL never does.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 8388608",  # bytes the -wal file keeps after a burst
)
_BUSY_TIMEOUT: Final = 5.0  # seconds to wait for a backup or an inspecting program
_QUICK_CHECK_LIMIT: Final = 8 << 20  # bytes; checking 8 MiB takes about 20 ms at start-up
_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


def parse_url(url: str | Path) -> URL:
    """Return the database URL of a path or URL text; a path means SQLite."""
    if isinstance(url, Path) or "://" not in url:
        return URL.create("sqlite", database=str(Path(url).absolute()))
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(
            "The database URL is not valid; expected a path, sqlite:///PATH or "
            f"postgresql+psycopg://USER@HOST/NAME ({error})"
        ) from None
    return parsed


def make_engine(url: URL) -> Engine:
    """Return an engine with one connection, to be used by one thread."""
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite_engine(url)
        # PostgreSQL may have been restarted since the last use: ask before each use.
        return create_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"The database driver {error.name} is not installed; install it beside the hub"
        ) from None


def secure_file(url: URL) -> None:
    """Create the SQLite file readable by its owner only, in a folder of the same kind.

    A folder that exists keeps its mode: it may be the operator's home.
    """
    path = sqlite_path(url)
    if path is None:
        return
    try:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
        try:
            os.fchmod(descriptor, _PRIVATE_FILE)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(
            f"The database {path} cannot be created or opened for writing: {error.strerror}; "
            "give the user of the hub the right to write there, or choose another data folder"
        ) from error


def sqlite_path(url: URL) -> Path | None:
    """Return the file of an SQLite URL; None for another database or one in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def check_file(connection: Connection, path: Path | None) -> None:
    """Raise StoreError when a small SQLite file is damaged; large ones show it when read."""
    if path is None or path.stat().st_size > _QUICK_CHECK_LIMIT:
        return
    verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if verdict != "ok":
        reason = " ".join(str(verdict).split())
        raise StoreError(
            f"The database {path} is damaged ({reason}); stop the hub, move the file away and "
            "put a backup in its place"
        )


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, poolclass=StaticPool, connect_args={"timeout": _BUSY_TIMEOUT})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    raw = cast("sqlite3.Connection", connection)
    # The sqlite3 module would commit before DDL on its own; a migration must be one transaction.
    raw.isolation_level = None
    # First, and its answer is read: a file that is no database is found here.
    raw.execute("PRAGMA journal_mode = WAL").fetchone()
    for pragma in _PRAGMAS:
        raw.execute(pragma)


def _begin(connection: Connection) -> None:
    # IMMEDIATE: a transaction that reads first and then writes could otherwise fail half-way.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
