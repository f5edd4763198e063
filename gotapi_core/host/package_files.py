"""What a plug-in's package consists of: a hash of every file, by which a change is noticed."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MOST_FILES = 50_000  # a large tree of Node modules has about 30,000
MOST_BYTES = 2 * 1024**3  # read at about 500 MB/s, so seconds
_PIECE = 1 << 20  # bytes read at a time
_SKIPPED = ("__pycache__", ".git")  # the first one the worker does not read; no code is the second
_SHORT = 16  # hex digits kept of each file's own hash: enough to say which ones changed


class UnfitPackage(ValueError):  # noqa: N818  # reads as what it is
    """The files cannot be vouched for; the message says which one and why."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The hash of a package, and a short one of each file by its path."""

    digest: str  # SHA-256 in hexadecimal digits
    files: Mapping[str, str]


def measure(folder: Path, *, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES) -> Measure:
    """Hash the files of a package in order of their paths; blocks. Raises UnfitPackage.

    A symbolic link within the package counts as the text of its target. One that leads out of it
    is refused: what is behind it could change without a trace.
    """
    root = folder.resolve()
    whole = hashlib.sha256()
    files: dict[str, str] = {}
    room = most_bytes
    try:
        for path in sorted(_walk(root)):
            found = _Entry(root, path)
            room -= found.size
            if len(files) >= most_files or room < 0:
                raise UnfitPackage(
                    f"it has more than {most_files} files or {most_bytes >> 20} MiB; what it works "
                    "with belongs into its own folder, not into its package"
                )
            digest = found.digest()
            name = path.relative_to(root).as_posix()
            files[name] = digest[:_SHORT]
            # Lengths first, so that no name can be read as another name and a hash.
            named = os.fsencode(name)
            whole.update(b"%d:%s %s\n" % (len(named), named, digest.encode()))
    except OSError as error:
        raise UnfitPackage(f"{error.filename} cannot be read: {error.strerror}") from error
    return Measure(whole.hexdigest(), files)


class _Entry:
    """One file or link."""

    def __init__(self, root: Path, path: Path) -> None:
        self._root = root
        self._path = path
        status = path.lstat()
        self._mode = status.st_mode
        self.size = status.st_size

    def digest(self) -> str:
        if stat.S_ISLNK(self._mode):
            return self._link()
        if not stat.S_ISREG(self._mode):
            raise UnfitPackage(f"{self._path} is neither a file nor a folder")
        taken = hashlib.sha256(b"x" if self._mode & stat.S_IXUSR else b"-")
        # Not followed, should it have become a link since.
        handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            while piece := file.read(_PIECE):
                taken.update(piece)
        return taken.hexdigest()

    def _link(self) -> str:
        try:
            inside = self._path.resolve().is_relative_to(self._root)
        except RuntimeError:  # links in a circle, before Python 3.13
            inside = False
        if not inside:
            raise UnfitPackage(
                f"{self._path} is a link out of the package, whose target can change unseen; put "
                "the file itself there"
            )
        return hashlib.sha256(b"link " + os.fsencode(os.readlink(self._path))).hexdigest()


def _walk(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        raise UnfitPackage(f"there is no folder {root}")

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(root, onerror=fail):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in (*files, *links):
            yield Path(folder, name)
