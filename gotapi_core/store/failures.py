"""What goes wrong with a database, in words that say what to do."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError

from gotapi_core.protocol.errors import GotapiError, IllegalServerState, StorageFull


class StoreError(IllegalServerState):
    """The database cannot be used; the message says why and what to do."""

    default_message = "The hub's database cannot be used."


_DAMAGED: Final = (
    "is damaged or is not a database; stop the hub, move the file away together with the -wal and "
    "-shm files beside it, and put a backup in its place or start with an empty one"
)
_BUSY: Final = "is held by another program; stop that program (a second hub?) and try again"
_UNWRITABLE: Final = (
    "cannot be opened or written; give the user of the hub the right to write the file and its "
    "folder"
)
_FAILING: Final = "reports an input/output error; check the disk and the free space on it"

_SQLITE: Final = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
    sqlite3.SQLITE_PERM: _UNWRITABLE,
    sqlite3.SQLITE_IOERR: _FAILING,
}
_FULL_SQLSTATES: Final = frozenset({"53100", "53200"})  # PostgreSQL: disk full, out of memory


def translate(error: DBAPIError, where: str = "The hub's database") -> GotapiError:
    """Return the failure to raise for a database error; `where` begins its message."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        code = _primary_code(original)
        if code == sqlite3.SQLITE_FULL:
            return _full(where)
        if code in _SQLITE:
            return StoreError(f"{where} {_SQLITE[code]} ({original}).")
    if getattr(original, "sqlstate", None) in _FULL_SQLSTATES:
        return _full(where)
    return StoreError(f"{where} refused an operation: {original}")


def _primary_code(error: sqlite3.Error) -> int:
    # An extended code carries the primary one in its low byte (sqlite.org/rescode.html).
    # A mistake in the sqlite3 module itself, such as a wrong thread, has no code.
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _full(where: str) -> StorageFull:
    return StorageFull(
        f"{where} has no room left on its disk; nothing was stored. Free some space and try again."
    )
