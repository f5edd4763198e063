"""Makes a backup of a hub that runs or not."""

import errno
import hashlib
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gotapi_core import __version__
from gotapi_core.backup import manifest as manifests
from gotapi_core.backup.collecting import SCRATCH, Found, collect
from gotapi_core.backup.manifest import MAX_FILE, STORE, BackupError, Entry, Manifest
from gotapi_core.backup.sqlite_copy import copy_database
from gotapi_core.paths import Paths
from gotapi_core.whole_file import replacing

_PIECE = 1 << 20  # bytes read at a time
_LEVEL = 1  # of compression: a tenth larger than 6, and four times as fast
_RESERVE = 64 << 20  # bytes of the disk that stay free
_FIRST_YEAR = (1980, 1, 1, 0, 0, 0)  # ZIP knows no time before


def save_backup(
    paths: Paths,
    target: Path,
    created: float,
    *,
    keys: bool = False,
    without: frozenset[str] = frozenset(),
    replace: bool = False,
) -> Manifest:
    """Write a backup to a file that only its owner can read; it is there whole or not at all.

    Raises BackupError, also where the file is there already and `replace` is not set.
    """
    target = target.expanduser().absolute()
    if target.exists() and not replace:
        raise BackupError(f"{target} is there already; choose another name, or add --replace")
    if target.resolve().is_relative_to(paths.data.resolve()):
        raise BackupError(f"A backup belongs outside of the hub's folder {paths.data}")
    with _in_words(target.parent), replacing(target) as out:
        return write_backup(paths, out, created, target.parent, keys=keys, without=without)


def write_backup(
    paths: Paths,
    out: BinaryIO,
    created: float,
    scratch: Path,
    *,
    keys: bool = False,
    without: frozenset[str] = frozenset(),
    stopped: Callable[[], bool] = lambda: False,
) -> Manifest:
    """Write a backup to a file; raises BackupError.

    Databases are copied into a folder below `scratch` first. `stopped` calls it off.
    """
    with _in_words(scratch):
        found = collect(paths, keys=keys, without=without)
        if not any(one.name == STORE for one in found):
            raise BackupError(f"No hub has run in {paths.data} yet, so there is nothing to keep")
        _check_room(scratch, found)
        with (
            tempfile.TemporaryDirectory(dir=scratch, prefix=SCRATCH) as folder,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive,
        ):
            copier = _Copier(archive, created, Path(folder) / "copy.sqlite3", stopped)
            entries = tuple(entry for one in found if (entry := copier.take(one)) is not None)
            made = Manifest(manifests.FORMAT, __version__, created, keys, entries)
            archive.writestr(_info(manifests.NAME, created), manifests.encode(made))
    return made


class _Copier:
    """Puts files into the archive, and tells what they were."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        created: float,
        copy: Path,
        stopped: Callable[[], bool],
    ) -> None:
        self._archive = archive
        self._created = created
        self._copy = copy
        self._stopped = stopped

    def take(self, one: Found) -> Entry | None:
        """Put one file in; None where it is no longer there."""
        if not one.database:
            return self._add(one, one.path)
        try:
            copy_database(one.path, self._copy, self._stopped, is_store=one.name == STORE)
            return self._add(one, self._copy)
        finally:
            for end in ("", "-wal", "-shm", "-journal"):
                self._copy.with_name(f"{self._copy.name}{end}").unlink(missing_ok=True)

    def _add(self, one: Found, path: Path) -> Entry | None:
        try:
            # NOFOLLOW: since it was looked at, a link may have taken its place.
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        digest, size = hashlib.sha256(), 0
        info = _info(one.name, self._created)
        with (
            os.fdopen(handle, "rb") as file,
            self._archive.open(info, "w", force_zip64=True) as put,
        ):
            while piece := file.read(_PIECE):
                size += len(piece)
                if self._stopped():
                    raise BackupError("The backup was called off")
                if size > MAX_FILE:
                    raise BackupError(f"{path} grows faster than it can be copied; stop the hub")
                digest.update(piece)
                put.write(piece)
        return Entry(one.name, size, digest.hexdigest(), one.executable)


def _info(name: str, created: float) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, max(time.localtime(created)[:6], _FIRST_YEAR))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o100600 << 16  # the mode, for those who unpack it by other programs
    return info


def _check_room(folder: Path, found: list[Found]) -> None:
    # It may come out smaller; a largest database is there twice for a while.
    wanted = sum(one.size for one in found)
    wanted += max((one.size for one in found if one.database), default=0) + _RESERVE
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise BackupError(
            f"There is no room for the backup in {folder}: it may take {wanted >> 20} MiB, and "
            f"{free >> 20} MiB are free"
        )


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackupError(
                f"There is no room left on the disk of {folder}; nothing was kept"
            ) from error
        where = error.filename or folder
        raise BackupError(f"The backup cannot be made: {where}: {error.strerror}") from error
