"""PURE: the zip archive of a 3MF, with everything in it distrusted: names, sizes, counts."""

import zipfile
from typing import BinaryIO, Final

from gotapi_meshes.errors import MeshError

MOST_ENTRIES: Final = 1024
"""Entries; a project of a slicer with plates, pictures and settings has some dozen."""
MOST_BYTES: Final = 256 << 20
"""Bytes unpacked of one part: two million triangles as XML."""
MOST_RATIO: Final = 100
"""Unpacked to packed; XML of a mesh shrinks to a tenth, bombs to a thousandth."""
_SMALL: Final = 1 << 20  # bytes under which no ratio is dangerous


class Archive:
    """The parts of an open 3MF by their names, which begin with a slash."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise MeshError(f"the archive is damaged or cut off: {error}") from None
        entries = self._zip.infolist()
        if len(entries) > MOST_ENTRIES:
            raise MeshError(f"the archive has {len(entries)} entries, and {MOST_ENTRIES} are read")
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            self._take(entry)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts in the order of the archive."""
        return tuple(entry.filename for entry in self._entries.values())

    def read(self, name: str) -> bytes:
        """Return the bytes of a part; names are compared without regard to case, as OPC does."""
        entry = self._entries.get(_key(name))
        if entry is None:
            raise MeshError(f"the archive has no part '{name[:100]}'; export the model again")
        try:
            with self._zip.open(entry) as part:
                # The sizes in the entry may lie: never take more than it declares.
                data = part.read(entry.file_size + 1)
        except Exception as error:  # zlib, bad checksums, wrong offsets: zipfile has many ways
            raise MeshError(f"is damaged: {error}", name[:100]) from None
        if len(data) != entry.file_size:
            raise MeshError("has another size than the archive says", name[:100])
        return data

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._entries

    def _take(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        shown = repr(name[:100])
        if _escapes(name):
            raise MeshError(f"the archive has an entry with a path that leads out of it: {shown}")
        if entry.is_dir():
            return
        if entry.flag_bits & 1:
            raise MeshError("is encrypted; save the model without a password", shown)
        if entry.file_size > MOST_BYTES or _is_bomb(entry):
            raise MeshError(
                f"unpacks from {entry.compress_size:,} to {entry.file_size:,} bytes; "
                f"{MOST_BYTES:,} and {MOST_RATIO} times are allowed",
                shown,
            )
        if _key(name) in self._entries:
            raise MeshError("is in the archive twice", shown)
        self._entries[_key(name)] = entry


def _key(name: str) -> str:
    return name.lstrip("/").lower()


def _escapes(name: str) -> bool:
    parts = name.split("/")
    return "\\" in name or "\0" in name or ".." in parts or name.startswith("/") or ":" in parts[0]


def _is_bomb(entry: zipfile.ZipInfo) -> bool:
    return entry.file_size > _SMALL and entry.file_size > MOST_RATIO * max(1, entry.compress_size)
