"""Opens a backup and unpacks it, trusting nothing that it says."""

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gotapi_core.backup import manifest as manifests
from gotapi_core.backup.manifest import (
    MAX_FILES,
    MAX_MANIFEST,
    BackupError,
    Entry,
    Manifest,
)

_PIECE = 1 << 20  # bytes unpacked at a time
_ENCRYPTED = 0x1  # APPNOTE.TXT 4.4.4, bit 0
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FOREIGN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # also what is no UTF-8
    OverflowError,
    IndexError,
)
"""What zipfile raises of files that are damaged or none of its kind."""


class OpenBackup:
    """A backup whose manifest was read and fits what the file holds."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members = _members(archive)
        self.manifest: Manifest = manifests.decode(_manifest(archive, self._members))
        for entry in self.manifest.entries:
            member = self._members.get(entry.name)
            if member is None or member.file_size != entry.size:
                raise BackupError(f"{entry.name!r} is missing in it, or has another size")

    def check(self) -> None:
        """Compare every file with its hash; raises BackupError."""
        with _in_words():
            for entry in self.manifest.entries:
                self._read(entry, lambda piece: None)

    def unpack(self, data: Path, config: Path) -> None:
        """Write every file below one of two folders, checked and put on the disk.

        The folders are new and nobody else's, so that no link in them leads elsewhere. Raises
        BackupError.
        """
        roots = {"data": data, "config": config}
        with _in_words():
            for entry in self.manifest.entries:
                root, _, rest = entry.name.partition("/")
                target = roots[root] / rest
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                mode = 0o700 if entry.executable else 0o600
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
                with os.fdopen(os.open(target, flags, mode), "wb") as out:
                    self._read(entry, out.write)
                    out.flush()
                    os.fsync(out.fileno())

    def _read(self, entry: Entry, take: Callable[[bytes], object]) -> None:
        digest, left = hashlib.sha256(), entry.size
        with self._archive.open(self._members[entry.name]) as file:
            while piece := file.read(_PIECE):
                left -= len(piece)
                if left < 0:  # a file that unpacks to more than it says
                    break
                digest.update(piece)
                take(piece)
        if left or digest.hexdigest() != entry.sha256:
            raise BackupError(f"{entry.name!r} in it is damaged: its hash is another one")


@contextmanager
def open_backup(file: Path) -> Iterator[OpenBackup]:
    """Open a backup; raises BackupError for what is none."""
    with _in_words():
        archive = zipfile.ZipFile(file)
    with archive:
        with _in_words():
            opened = OpenBackup(archive)
        yield opened


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_FILES + 1:
        raise BackupError(f"It holds {len(members)} files; {MAX_FILES} are restored at most")
    by_name = {one.filename: one for one in members}
    if len(by_name) != len(members):
        raise BackupError("It holds two files of one name")
    for one in members:
        if one.flag_bits & _ENCRYPTED or one.compress_type not in _METHODS:
            raise BackupError(f"{one.filename[:200]!r} in it is packed as no backup is")
    return by_name


def _manifest(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> bytes:
    member = members.get(manifests.NAME)
    if member is None:
        raise BackupError(f"It has no {manifests.NAME}, so it is not a backup of a hub")
    if member.file_size > MAX_MANIFEST:
        raise BackupError(f"Its {manifests.NAME} has {member.file_size} bytes, which is too much")
    with archive.open(member) as file:
        return file.read(MAX_MANIFEST + 1)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except _FOREIGN as error:
        raise BackupError(f"It is damaged, or not a backup of a hub: {error}") from error
