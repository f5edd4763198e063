"""What a backup says of itself. PURE

A backup is a ZIP file: `data/...` and `config/...` are the files of the hub's two folders, and
`manifest.json` names each of them with its size and hash. What the manifest does not name is not
restored.
"""

from typing import Annotated

import msgspec

FORMAT = 1  # of the backup; a hub that reads another one says so
NAME = "manifest.json"
STORE = "data/hub.sqlite3"

# A hub's own files are far below these; who has more leaves a plug-in out and copies it by hand.
MAX_FILES = 100_000
MAX_FILE = 16 << 30  # bytes of one file
MAX_TOTAL = 64 << 30  # bytes of all files together
MAX_MANIFEST = 64 << 20  # bytes; 100,000 files with names of 400 characters have about 50 MiB
MAX_DEPTH = 32  # folders below one another
MAX_NAME = 1024  # characters; Linux takes paths of 4096 bytes
MAX_PART = 255  # bytes of one name in a folder; Linux takes no more

KEYS = frozenset({"tls", "links.secret"})
"""What proves that the hub is this hub; it is in a backup only where that is asked for."""

KEPT = frozenset({"hub.lock", "hub.log", "operator.secret", "restoring.json", "run"})
"""What belongs to the running of this hub on this machine: never in a backup, never replaced."""

ASIDE = "before-restore-"
"""How folders with what a restore replaced are called."""


class BackupError(Exception):
    """A backup cannot be made or restored; the message says why and what to do."""


class Entry(msgspec.Struct, frozen=True):
    """One file; `name` begins with `data/` or `config/`, `sha256` is lower-case hex."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_FILE)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    executable: bool = False


class Manifest(msgspec.Struct, frozen=True):
    """The content of a backup; `created` is in seconds since 1970, `keys` tells of KEYS."""

    format: int
    hub: Annotated[str, msgspec.Meta(max_length=64)]
    created: float
    keys: bool
    entries: Annotated[tuple[Entry, ...], msgspec.Meta(max_length=MAX_FILES)]

    @property
    def size(self) -> int:
        """Return the bytes of all files together."""
        return sum(one.size for one in self.entries)


class _Head(msgspec.Struct, frozen=True):
    format: int
    hub: str = "?"


def encode(manifest: Manifest) -> bytes:
    """Return the manifest as it stands in the backup."""
    return msgspec.json.format(msgspec.json.encode(manifest))


def decode(raw: bytes) -> Manifest:
    """Return the manifest of a backup, checked; raises BackupError."""
    try:
        head = msgspec.json.decode(raw, type=_Head)
        if head.format != FORMAT:
            raise BackupError(
                f"The backup has format {head.format} (made by gotapi-hub {head.hub[:64]!r}), and "
                f"this hub reads format {FORMAT}; restore it with the version that made it"
            )
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BackupError(f"Its {NAME} is not that of a backup: {error}") from error
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    names = {one.name for one in manifest.entries}
    if len(names) != len(manifest.entries):
        raise BackupError(f"Its {NAME} names a file twice")
    if manifest.size > MAX_TOTAL:
        raise BackupError(f"It holds {manifest.size} bytes; {MAX_TOTAL} are restored at most")
    if STORE not in names:
        raise BackupError(f"The hub's database ({STORE}) is not in it")
    for name in names:
        check_name(name)
    for name in names:
        parent = name.rpartition("/")[0]
        while parent:
            if parent in names:
                raise BackupError(f"It has {parent!r} as a file and as a folder")
            parent = parent.rpartition("/")[0]


def check_name(name: str) -> None:
    """Raise BackupError for a name that does not lie in the hub's folders, or must not."""
    parts = name.split("/")
    fine = (
        len(name) <= MAX_NAME
        and 2 <= len(parts) <= MAX_DEPTH
        and all(_is_part(part) for part in parts)
    )
    if not fine or not _has_place(parts):
        raise BackupError(f"It has a file that belongs nowhere in a hub: {name[:200]!r}")


def _is_part(part: str) -> bool:
    if part in ("", ".", "..") or "\\" in part or not part.isprintable():
        return False
    return len(part.encode()) <= MAX_PART  # a half of a surrogate pair is not printable


def _has_place(parts: list[str]) -> bool:
    root, top = parts[0], parts[1]
    if root == "config":
        return parts[1:] == ["gotapi.toml"] or (top == "plugins.d" and len(parts) > 2)
    return root == "data" and top not in KEPT and not top.startswith(ASIDE)
