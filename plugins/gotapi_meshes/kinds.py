"""PURE: what kind of file it is, told by its content and never by its name alone."""

import enum
import io
import re
import zipfile
from pathlib import Path
from typing import BinaryIO, Final

from gotapi_meshes.errors import MeshError

HEAD: Final = 8192
"""Bytes looked at; slicers and modellers say within some hundred what they wrote."""

MOST_ZIP_ENTRIES: Final = 4096
"""Entries of an archive that is looked into; a project file of a slicer has some dozen."""

_FACET: Final = 50  # bytes of a triangle in a binary STL
_STL_HEAD: Final = 84
_SOLID = re.compile(rb"solid\b.*(?:facet|endsolid)", re.IGNORECASE | re.DOTALL)
_OBJ_LINE = re.compile(
    rb"^(?:#.*|mtllib\s.*|[og](?:\s.*)?|usemtl\s.*|s\s.*|v[nt]?\s+[-+.\d].*|f\s+-?\d.*|l\s+-?\d.*|)$"
)
_OBJ_DATA = re.compile(rb"^\s*(?:v\s+[-+.\d]|f\s+-?\d)", re.MULTILINE)
_GCODE = re.compile(rb"^\s*(?:[Nn]\d+\s*)?[GMTgmt]\d", re.MULTILINE)
_TEXT = bytes([*range(32, 256), 9, 10, 11, 12, 13, 26])


class FileKind(enum.Enum):
    """The kinds of files that can be printed, or are known well enough to be refused by name."""

    STL_BINARY = "stl"
    STL_ASCII = "stl-ascii"
    THREE_MF = "3mf"
    OBJ = "obj"
    GLB = "glb"
    GCODE = "gcode"
    EMPTY = "empty"
    OTHER = "other"

    @property
    def model(self) -> bool:
        """Whether it is a model, which must be sliced before it can be printed."""
        return self in _MODELS

    @property
    def words(self) -> str:
        """What people call it."""
        return _WORDS[self]


_MODELS: Final = frozenset(
    (FileKind.STL_BINARY, FileKind.STL_ASCII, FileKind.THREE_MF, FileKind.OBJ, FileKind.GLB)
)
_WORDS: Final = {
    FileKind.STL_BINARY: "binary STL",
    FileKind.STL_ASCII: "ASCII STL",
    FileKind.THREE_MF: "3MF",
    FileKind.OBJ: "OBJ",
    FileKind.GLB: "GLB (binary glTF)",
    FileKind.GCODE: "G-code",
    FileKind.EMPTY: "an empty file",
    FileKind.OTHER: "none of G-code, STL, 3MF, OBJ and GLB",
}
_MAGIC: Final = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"GCDE", "binary G-code (.bgcode); switch binary G-code off in the slicer"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"ISO-10303-21", "a STEP drawing; export it as STL or 3MF"),
)


def kind(path: Path) -> FileKind:
    """Tell what kind of file lies at a path; raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return kind_of(file)


def kind_of(file: BinaryIO) -> FileKind:
    """Tell the kind of an open file that can seek."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return FileKind.THREE_MF if _is_3mf(file) else FileKind.OTHER
    return _by_head(head, size)


def describe(head: bytes) -> str:
    """Say what a file of kind `OTHER` seems to be."""
    found = next((words for magic, words in _MAGIC if head.startswith(magic)), "")
    return found or FileKind.OTHER.words


def _by_head(head: bytes, size: int) -> FileKind:
    if not size:
        return FileKind.EMPTY
    if head.startswith(b"glTF"):
        return FileKind.GLB
    if _is_binary_stl(head, size):
        return FileKind.STL_BINARY
    if head.translate(None, _TEXT):
        # Something other than text; a cut STL still says in its head that it was one.
        return FileKind.STL_BINARY if _claims_stl(head, size) else FileKind.OTHER
    return _text_kind(head)


def _is_binary_stl(head: bytes, size: int) -> bool:
    # Some programs begin the free header of a binary file with `solid` too: the size decides.
    if len(head) < _STL_HEAD:
        return False
    return size == _STL_HEAD + _FACET * int.from_bytes(head[80:84], "little")


def _claims_stl(head: bytes, size: int) -> bool:
    if len(head) < _STL_HEAD or any(head.startswith(magic) for magic, _ in _MAGIC):
        return False
    free = head[:80].rstrip(b"\0 ")
    # A header of zeros or of text, then a count that fits neither: a truncated or padded STL.
    return not free.translate(None, _TEXT) and int.from_bytes(head[80:84], "little") > 0


def _text_kind(head: bytes) -> FileKind:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _SOLID.match(text):
        return FileKind.STL_ASCII
    if _OBJ_DATA.search(text) and _mostly_obj(text):
        return FileKind.OBJ
    return FileKind.GCODE if _GCODE.search(text) else _quiet_text(text)


def _mostly_obj(text: bytes) -> bool:
    lines = [line.strip() for line in text.splitlines()[:200]]
    whole = lines[:-1] or lines  # the last one may be cut by the end of the head
    return sum(_OBJ_LINE.match(line) is not None for line in whole) >= 0.9 * len(whole)


def _quiet_text(text: bytes) -> FileKind:
    # Slicers put long thumbnails in front of the first command: comments are G-code's.
    comments = text.startswith(b";") or all(
        line.lstrip().startswith(b";") for line in text.splitlines() if line.strip()
    )
    return FileKind.GCODE if comments else FileKind.OTHER


def _is_3mf(file: BinaryIO) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            names = [entry.filename.lower() for entry in archive.infolist()[:MOST_ZIP_ENTRIES]]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise MeshError("the archive is damaged or cut off; export or send it again") from None
    return any(name.lstrip("/").endswith(".model") for name in names)
