"""Copies of SQLite databases that are in use, as of one moment."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from gotapi_auth.operator import SESSIONS_OWNER
from gotapi_core.backup.manifest import BackupError

_PATIENCE = 20.0  # seconds for a program that holds the database
_PAGES = 4096  # copied between two looks whether it is still wanted; mostly 16 MiB
_CHECK_LIMIT = 256 << 20  # bytes; a check of more takes longer than the copy
# Files of applications are not in a backup, so the copy must not promise them; and whoever has one
# must not be able to bring back a browser that has signed out.
_PASSING: dict[str, tuple[str, tuple[str, ...]]] = {
    "blobs": ("DELETE FROM blobs", ()),
    "uploads": ("DELETE FROM uploads", ()),
    "documents": ("DELETE FROM documents WHERE owner = ?", (SESSIONS_OWNER,)),
}


def copy_database(
    source: Path, target: Path, stopped: Callable[[], bool], *, is_store: bool = False
) -> None:
    """Copy a database, checked; raises BackupError, and OSError where the disk is full.

    What was committed before is in the copy, also of a database with a write-ahead log that a
    kill left behind. `is_store`: it is the hub's own, whose rows of passing files stay out.
    """
    try:
        with closing(_opened(source)) as old, closing(sqlite3.connect(target)) as new:
            target.chmod(0o600)
            old.backup(new, pages=_PAGES, progress=_watch(stopped))
            if is_store:
                _forget_files(new)
            _check(new, source, target)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise BackupError(f"There is no room on the disk of {target.parent}") from error
        raise BackupError(
            f"The database {source} cannot be copied: {error}. If another program holds it, stop "
            "that one; if it is damaged, restore an older backup"
        ) from error


def _opened(source: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(source))}?mode=ro"
    opened = sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)
    try:
        # Inside a transaction all steps of the copy see one moment; without it, each commit of
        # another process would start the copy anew (sqlite.org/c3ref/backup_finish.html).
        opened.execute("BEGIN")
        opened.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        opened.close()
        raise
    return opened


def _watch(stopped: Callable[[], bool]) -> Callable[[int, int, int], None]:
    def look(status: int, remaining: int, total: int) -> None:
        if stopped():
            raise BackupError("The backup was called off")

    return look


def _forget_files(store: sqlite3.Connection) -> None:
    tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master")}
    for table in tables & set(_PASSING):
        store.execute(*_PASSING[table])
    store.commit()


def _check(copy: sqlite3.Connection, source: Path, target: Path) -> None:
    if target.stat().st_size > _CHECK_LIMIT:
        return
    (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise BackupError(
            f"The database {source} is damaged ({' '.join(str(verdict).split())[:200]}); a backup "
            "of it would be worth nothing. Restore an older one"
        )
