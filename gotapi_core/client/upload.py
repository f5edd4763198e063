"""Reading a file for an upload: its size and hash first, then piece by piece."""

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from gotapi_core.client.errors import HubError

PIECE: Final = 256 * 1024  # bytes

Progress = Callable[[int, int], None]
"""Called with the bytes sent so far and the size of the file."""


class FileChanged(HubError):  # noqa: N818 - named as its siblings in errors.py
    """The file was written to while it was being sent."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file at the hub; `uri` is what services take."""

    uri: str
    size: int
    sha256: str = ""
    name: str = ""


class Opened(msgspec.Struct, frozen=True):
    """A file ready to be sent."""

    file: BinaryIO
    size: int
    sha256: str


async def open_file(path: Path) -> Opened:
    """Open a regular file and compute its hash; raises OSError."""
    return await asyncio.to_thread(_open, path)


async def pieces(opened: Opened, progress: Progress | None, start: int = 0) -> AsyncIterator[bytes]:
    """Yield the file's bytes from `start` on; raises FileChanged where its length has changed."""
    await asyncio.to_thread(opened.file.seek, start)
    sent = start
    while piece := await asyncio.to_thread(opened.file.read, PIECE):
        sent += len(piece)
        if sent > opened.size:
            break
        yield piece
        if progress is not None:
            progress(sent, opened.size)
    if sent != opened.size:
        raise FileChanged("The file was changed while it was being sent; send it again")


def _open(path: Path) -> Opened:
    # Without O_NONBLOCK the open of a named pipe would wait for a writer for ever.
    file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: SIM115
    try:
        found = os.fstat(file.fileno())
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return Opened(file, found.st_size, digest)
