"""One SQLite file with scenes: its tables, its connections, what is in a row."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from gotapi_portrayal.data.types import SceneError, StoreBusyError

FORMAT: Final = 1
WAIT: Final = 10.0
"""Seconds to wait for another writer; an import of a city takes longer, and is told about."""
MOST_IDLE: Final = 4
"""Connections kept open; more are there while more threads read."""

MOST_LOG: Final = 16 << 20
"""Bytes that SQLite's log keeps on the disk between imports."""

_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('sequence', 0);
CREATE TABLE layers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, document BLOB NOT NULL
);
CREATE TABLE features (
    number INTEGER PRIMARY KEY AUTOINCREMENT, layer INTEGER NOT NULL, object_id TEXT NOT NULL,
    kind TEXT NOT NULL, parent INTEGER NOT NULL, attributes BLOB NOT NULL,
    lods INTEGER NOT NULL DEFAULT 0, box BLOB
);
CREATE UNIQUE INDEX features_by_id ON features (layer, object_id);
CREATE INDEX features_by_parent ON features (parent) WHERE parent > 0;
CREATE TABLE materials (
    number INTEGER PRIMARY KEY AUTOINCREMENT, layer INTEGER NOT NULL, document BLOB NOT NULL
);
CREATE UNIQUE INDEX materials_once ON materials (layer, document);
CREATE TABLE textures (
    number INTEGER PRIMARY KEY AUTOINCREMENT, layer INTEGER NOT NULL, sha256 TEXT NOT NULL,
    mime TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE UNIQUE INDEX textures_once ON textures (layer, sha256);
CREATE TABLE parts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, layer INTEGER NOT NULL, lod INTEGER NOT NULL,
    base INTEGER NOT NULL, x REAL NOT NULL, y REAL NOT NULL, z REAL NOT NULL, data BLOB NOT NULL
);
CREATE INDEX parts_by_layer ON parts (layer);
CREATE VIRTUAL TABLE parts_index USING rtree (
    number, x_low, x_high, y_low, y_high, z_low, z_high, layer_low, layer_high
);
"""


class Files:
    """Connections to the file; each thread that reads has one for itself while it does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        with self.reading() as connection:
            ready = _is_ready(connection, path)
        if not ready:  # else nobody has to wait for an import that runs
            with self.writing() as connection:
                if not _is_ready(connection, path):
                    _prepare(connection)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one state of everything until the block ends."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._open()
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.rollback()
            with self._lock:
                keep = len(self._idle) < MOST_IDLE
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in a transaction that is kept when the block ends without exception.

        Raises StoreBusyError where another writer does not end in time.
        """
        connection = self._open()
        try:
            with busy_told():
                connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.commit()
        finally:
            connection.close()  # rolls back what was not committed

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=WAIT, isolation_level=None, check_same_thread=False
        )
        with busy_told():
            _log_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        # The log of a large import does not stay that large.
        connection.execute(f"PRAGMA journal_size_limit = {MOST_LOG}")
        return connection


@contextlib.contextmanager
def busy_told() -> Iterator[None]:
    """Turn SQLite's word for a busy file into ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
        raise StoreBusyError(
            "the scenes are being written, perhaps by an import; try again when it has ended"
        ) from error


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer be there at once; a new file is asked to by two at its beginning."""
    until = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            # Here SQLite does not wait by itself, as it could be for each other.
            if time.monotonic() >= until:
                connection.close()
                raise
            time.sleep(0.01)


def _is_ready(connection: sqlite3.Connection, path: Path) -> bool:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, FORMAT):
        raise SceneError(
            f"{path.name} is of format {version}, and this version reads {FORMAT}; it was written "
            "by another version of gotapi-hub"
        )
    return bool(version)


def _prepare(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def next_sequence(connection: sqlite3.Connection) -> int:
    """Count a change."""
    (value,) = connection.execute(
        "UPDATE meta SET value = value + 1 WHERE name = 'sequence' RETURNING value"
    ).fetchone()
    return int(value)


def forget(connection: sqlite3.Connection, name: str) -> bool:
    """Remove a layer and all of its rows; returns whether there was one."""
    row = connection.execute("SELECT number FROM layers WHERE name = ?", (name,)).fetchone()
    if row is None:
        return False
    connection.execute(
        "DELETE FROM parts_index WHERE number IN (SELECT number FROM parts WHERE layer = ?)", row
    )
    for table in ("parts", "features", "materials", "textures"):
        connection.execute(f"DELETE FROM {table} WHERE layer = ?", row)  # noqa: S608  # our names
    connection.execute("DELETE FROM layers WHERE number = ?", row)
    return True


encode = msgspec.json.Encoder(order="sorted").encode
