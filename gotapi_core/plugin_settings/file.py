"""`gotapi.toml` on the disk: read with what tells its state, replaced as a whole or not at all."""

import contextlib
import hashlib
import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.settings import SettingsError
from gotapi_core.whole_file import replacing

NO_FILE: Final = "none"  # the revision of a file that is not there


class FileChanged(SettingsError):  # noqa: N818  # reads as what happened
    """Somebody else changed the file since it was read."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} was changed since these settings were read, so nothing was written; look at "
            "them as they are now, and change them again"
        )


class FileState(msgspec.Struct, frozen=True):
    """A file as it was read; the revision is another one for each content."""

    text: str
    revision: str


def read_file(file: Path) -> FileState:
    """Read the file; one that is not there is empty. Raises SettingsError."""
    try:
        raw = file.read_bytes()
        return FileState(raw.decode("utf-8"), hashlib.sha256(raw).hexdigest())
    except FileNotFoundError:
        return FileState("", NO_FILE)
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not TOML: {error}") from error


def refusal(file: Path) -> str:
    """Return why the file cannot be written; empty where it can, as far as can be seen."""
    real = Path(os.path.realpath(file))
    try:
        mode = real.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG | stat.S_IWUSR
    except OSError as error:
        return f"{file} cannot be written: {error.strerror}"
    if not stat.S_ISREG(mode):
        return f"{file} is no plain file"
    # Its folder alone decides whether it can be replaced, but who took the right to write away
    # meant it; also towards root, whom the system asks nothing.
    if not mode & 0o222 or (real.exists() and not os.access(real, os.W_OK)):
        return f"{file} is read-only; make it writable (chmod u+w), or edit it as its owner"
    if real.parent.exists() and not os.access(real.parent, os.W_OK | os.X_OK):
        return f"the folder {real.parent} is read-only, so {real.name} in it cannot be replaced"
    return ""


def write_file(file: Path, text: str, revision: str) -> FileState:
    """Replace the file, which must have the revision; its mode stays, and a link stays a link.

    Raises FileChanged, and SettingsError where it cannot be written; then it is as it was.
    """
    if why := refusal(file):
        raise SettingsError(why)
    real = Path(os.path.realpath(file))
    raw = text.encode()
    try:
        was = real.stat() if real.exists() else None
        # A new one is its owner's only: there may be secrets in it.
        with replacing(real, 0o600 if was is None else stat.S_IMODE(was.st_mode)) as beside:
            beside.write(raw)
            if was is not None:
                with contextlib.suppress(OSError):  # only root can give files away
                    os.fchown(beside.fileno(), was.st_uid, was.st_gid)
            # The last moment at which a change of somebody else can be seen.
            if read_file(file).revision != revision:
                raise FileChanged(file)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from error
    return FileState(text, hashlib.sha256(raw).hexdigest())
