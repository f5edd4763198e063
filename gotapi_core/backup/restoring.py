"""Puts a backup in the place of what is there, which stays in a folder beside it.

The hub must not run: the caller holds the lock of its folder. Everything is unpacked and checked
first; then the old goes aside and the new comes, by renames within one folder. A note on the disk
names these renames while they are under way, so that a restore that was cut off can be undone.
"""

import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gotapi_core.backup.manifest import ASIDE, KEPT, KEYS, STORE, BackupError, Manifest
from gotapi_core.backup.reading import open_backup
from gotapi_core.paths import Paths
from gotapi_core.store import Store, StoreError
from gotapi_core.whole_file import replacing, sync_folder

_NOTE = "restoring.json"
_NOTE_LIMIT = 1 << 20  # bytes; it names what lies directly in two folders
_RESERVE = 64 << 20  # bytes of the disk that stay free
_CONFIG = ("gotapi.toml", "plugins.d")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and where that is now which it replaced."""

    manifest: Manifest
    aside: tuple[Path, ...]


class _Moves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The renames in one folder: these names go aside, and those come from the unpacked backup."""

    folder: str
    old: tuple[str, ...]
    new: tuple[str, ...]


class _Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A restore under way; `aside` is the name of the folder that takes what was there."""

    aside: str
    roots: tuple[_Moves, ...]


def restore(paths: Paths, file: Path, now: float) -> Restored:
    """Restore a backup wholly or, raising BackupError, not at all."""
    aside = _free_name(paths, now)
    staged = {root: root / f"{aside}.new" for root in (paths.data, paths.config)}
    with _in_words(paths), open_backup(file) as backup:
        _check_room(paths, backup.manifest.size)
        try:
            for folder in staged.values():
                folder.mkdir(mode=0o700)
            backup.unpack(staged[paths.data], staged[paths.config])
            _check_store(staged[paths.data] / STORE.removeprefix("data/"))
            note = _arranged(paths, staged, aside)
            _swap(paths, note)
        finally:
            for folder in staged.values():
                shutil.rmtree(folder, ignore_errors=True)
        kept = tuple(Path(one.folder) / aside for one in note.roots if one.old)
    return Restored(backup.manifest, kept)


def undo_cut_off(paths: Paths) -> bool:
    """Undo a restore that was cut off by a kill or a power cut; tells whether there was one.

    Raises BackupError where the note of it cannot be read. The caller holds the hub's lock.
    """
    file = paths.data / _NOTE
    with _in_words(paths):
        cut_off = file.exists()
        if cut_off:
            _undo(paths, _read_note(file))
        for root in (paths.data, paths.config):
            for left in root.glob(f"{ASIDE}*.new"):  # unpacked, and then it was killed
                shutil.rmtree(left, ignore_errors=True)
    return cut_off


def _arranged(paths: Paths, staged: dict[Path, Path], aside: str) -> _Note:
    new = {root: _names(folder) for root, folder in staged.items()}
    keys = KEYS - set(new[paths.data])  # a backup without the keys leaves them as they are
    old = {
        paths.data: tuple(
            name
            for name in _names(paths.data)
            if name not in KEPT | keys
            and not name.startswith(ASIDE)
            and paths.data / name != paths.run
        ),
        paths.config: tuple(name for name in _CONFIG if (paths.config / name).exists()),
    }
    return _Note(aside, tuple(_Moves(str(root), old[root], new[root]) for root in staged))


def _swap(paths: Paths, note: _Note) -> None:
    file = paths.data / _NOTE
    with replacing(file) as out:
        out.write(msgspec.json.encode(note))
    try:
        for moves in note.roots:
            _move(moves, note.aside)
    except BaseException:
        _undo(paths, note)  # where that fails as well, the next start of the hub does it
        raise
    file.unlink()
    sync_folder(paths.data)


def _move(moves: _Moves, name: str) -> None:
    root = Path(moves.folder)
    aside, staged = root / name, root / f"{name}.new"
    if moves.old:
        aside.mkdir(mode=0o700)
    for one in moves.old:
        (root / one).rename(aside / one)
    for one in moves.new:
        (staged / one).rename(root / one)
    sync_folder(root)


def _undo(paths: Paths, note: _Note) -> None:
    """Put back what went aside. May itself be cut off and done again: it looks what is where."""
    for moves in note.roots:
        root = Path(moves.folder)
        aside, staged = root / note.aside, root / f"{note.aside}.new"
        for one in moves.new:
            is_new = one not in moves.old or (aside / one).exists()
            if is_new and (root / one).exists() and not (staged / one).exists():
                staged.mkdir(mode=0o700, exist_ok=True)
                (root / one).rename(staged / one)
        for one in moves.old:
            if (aside / one).exists():
                (aside / one).rename(root / one)
        shutil.rmtree(staged, ignore_errors=True)
        if aside.exists():
            aside.rmdir()
        sync_folder(root)
    (paths.data / _NOTE).unlink(missing_ok=True)
    sync_folder(paths.data)


def _read_note(file: Path) -> _Note:
    try:
        with file.open("rb") as content:
            return msgspec.json.decode(content.read(_NOTE_LIMIT), type=_Note)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupError(
            f"A restore was cut off, and its note {file} cannot be read ({error}). What was there "
            f"before lies in a folder {ASIDE}... beside it: move that back, then delete the note"
        ) from error


def _check_store(store: Path) -> None:
    """Open the database as the hub will, which also brings an older one up to date."""
    try:
        with Store(store):
            pass
    except StoreError as error:
        raise BackupError(f"The database in it cannot be used by this hub: {error}") from error


def _check_room(paths: Paths, size: int) -> None:
    free = shutil.disk_usage(paths.data).free
    if free < size + _RESERVE:
        raise BackupError(
            f"There is no room in {paths.data}: the backup has {size >> 20} MiB unpacked, and "
            f"{free >> 20} MiB are free"
        )


def _free_name(paths: Paths, now: float) -> str:
    name = f"{ASIDE}{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}"
    number = 2
    found = name
    while any((root / found).exists() for root in (paths.data, paths.config)):
        found, number = f"{name}-{number}", number + 1
    return found


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(one.name for one in folder.iterdir())) if folder.exists() else ()


@contextmanager
def _in_words(paths: Paths) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackupError(
                f"There is no room left on the disk of {paths.data}; everything is as it was"
            ) from error
        where = error.filename or paths.data
        raise BackupError(
            f"It cannot be restored: {where}: {error.strerror}; everything is as it was"
        ) from error
