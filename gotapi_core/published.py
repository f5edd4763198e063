"""Opening a file that a plug-in names, and nothing else that its name could be made to lead to."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from gotapi_core.protocol.errors import InvalidParameter

PIECE = 1 << 20  # bytes read at a time
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK the open of a named pipe would wait for a writer for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_below(folder: Path, path: Path) -> tuple[BinaryIO, int]:
    """Open a regular file below a folder and return it with its size; raises InvalidParameter.

    Each part of the way is opened by itself and may be no link, so that a plug-in cannot make the
    hub, which may read more than it, read another file by renaming at the right moment.
    """
    parts = _parts(folder, path)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        file = os.fdopen(os.open(parts[-1], _FILE, dir_fd=handle), "rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it has a zero byte"
        raise InvalidParameter(
            f"The file {path.name[:100]!r} cannot be published: {reason}"
        ) from error
    finally:
        os.close(handle)
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        file.close()
        raise InvalidParameter(f"{path.name[:100]!r} is not a regular file; publish only those")
    return file, found.st_size


def _parts(folder: Path, path: Path) -> tuple[str, ...]:
    try:
        parts = path.relative_to(folder).parts if path.is_absolute() else path.parts
    except ValueError:
        parts = ()
    if not parts or ".." in parts:
        raise InvalidParameter(
            f"A plug-in publishes files of its own folder (context.folder), not {str(path)[:100]!r}"
        )
    return parts
