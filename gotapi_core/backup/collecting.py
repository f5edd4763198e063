"""What of a hub's folders goes into a backup."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gotapi_core.backup.manifest import (
    ASIDE,
    KEPT,
    KEYS,
    MAX_FILE,
    MAX_FILES,
    MAX_TOTAL,
    BackupError,
    check_name,
)
from gotapi_core.host.ports import BLOBS, CACHE, SPOOL
from gotapi_core.paths import Paths
from gotapi_core.plugin.context import CACHE_SIGNATURE, CACHE_TAG

PASSING = frozenset({BLOBS, CACHE, SPOOL, "starting.json"})
"""What of the data folder is of today only (applications' files go after a day) or made anew."""

SCRATCH = "backup-"  # begins the name of a folder in which a backup is being made
_MAGIC = b"SQLite format 3\0"  # sqlite.org/fileformat.html 1.3
_BESIDE = ("-wal", "-shm", "-journal")  # are in the copy of the database they belong to


@dataclass(frozen=True, slots=True)
class Found:
    """One file to be taken; size in bytes as it is now."""

    name: str
    path: Path
    size: int
    executable: bool
    database: bool


def collect(paths: Paths, *, keys: bool, without: frozenset[str] = frozenset()) -> list[Found]:
    """Return the files of a backup, the databases first.

    Only plain files are taken: a link, a socket or a pipe is not the hub's to keep. `without` are
    ids of plug-ins whose folders stay out. Raises BackupError where it is too much.
    """
    left_out = KEPT | PASSING | (frozenset() if keys else KEYS)
    found: list[Found] = []
    total = 0
    for one in _walk(paths, left_out, without):
        total += one.size
        if len(found) >= MAX_FILES or total > MAX_TOTAL or one.size > MAX_FILE:
            raise BackupError(
                f"There is too much for a backup ({MAX_FILES:,} files, {MAX_FILE >> 30} GiB each, "
                f"{MAX_TOTAL >> 30} GiB in all), at {one.path}; leave a plug-in's folder out with "
                "--without ID and copy that yourself while the hub is stopped"
            )
        found.append(one)
    # A database names files: taken first, it names none that came later and was not taken.
    return sorted(found, key=lambda one: (not one.database, one.name))


def _walk(paths: Paths, left_out: frozenset[str], without: frozenset[str]) -> Iterator[Found]:
    unwanted = [["plugins", plugin] for plugin in without]
    for top in _listed(paths.data):
        passing = top.name.startswith((ASIDE, SCRATCH)) or top.name in left_out
        if not passing and Path(top.path) != paths.run:
            for one in _below(top, f"data/{top.name}"):
                if one.name.split("/")[1:3] not in unwanted:
                    yield one
    for top in _listed(paths.config):
        if top.name in ("gotapi.toml", "plugins.d"):
            yield from _below(top, f"config/{top.name}")


def _below(entry: "os.DirEntry[str]", name: str) -> Iterator[Found]:
    try:
        if entry.is_dir(follow_symlinks=False):
            inside = _listed(Path(entry.path))
            if any(_is_cache_tag(inner) for inner in inside):
                return
            for inner in inside:
                yield from _below(inner, f"{name}/{inner.name}")
            return
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return  # the hub runs and has just deleted it
    path = Path(entry.path)
    if not stat.S_ISREG(status.st_mode) or _is_beside(path):
        return
    try:
        check_name(name)
    except BackupError:
        raise BackupError(
            f"{path} has a name that no backup can hold; rename it, or leave the plug-in's folder "
            "out with --without ID"
        ) from None
    yield Found(name, path, status.st_size, bool(status.st_mode & stat.S_IXUSR), is_database(path))


def _listed(folder: Path) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda one: one.name)
    except FileNotFoundError:
        return []


def _is_cache_tag(entry: "os.DirEntry[str]") -> bool:
    """Tell whether a file says that its folder is a cache; only a plain file can."""
    if entry.name != CACHE_TAG or not entry.is_file(follow_symlinks=False):
        return False
    try:
        with open(entry.path, "rb") as file:
            return file.read(len(CACHE_SIGNATURE)) == CACHE_SIGNATURE
    except FileNotFoundError:
        return False


def _is_beside(path: Path) -> bool:
    return any(
        path.name.endswith(end) and is_database(path.with_name(path.name.removesuffix(end)))
        for end in _BESIDE
    )


def is_database(path: Path) -> bool:
    """Tell whether a file is an SQLite database."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return False
