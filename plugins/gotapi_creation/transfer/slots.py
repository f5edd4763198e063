"""Where a file is put together on the disk: `NAME.part` until it is whole and was accepted."""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Self

from gotapi_creation.transfer.failures import (
    AlreadyThere,
    Mismatch,
    StorageFull,
    TooLarge,
    TransferError,
)

_ROOM: Final = 32 << 20  # bytes that stay free, so that a full disk is noticed in time
_BLOCK: Final = 1 << 20


def _nothing(_: Path) -> None:
    """Accept any file."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one file, written once. All methods block; call them in a thread."""

    path: Path
    limit: int
    accept: Callable[[Path], None] = field(default=_nothing, repr=False)
    """Looks at the whole file and raises TransferError to refuse it."""

    @property
    def whole(self) -> bool:
        return self.path.exists()

    @property
    def part(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    @property
    def have(self) -> int:
        """How many bytes have arrived."""
        for path in (self.path, self.part):
            with contextlib.suppress(FileNotFoundError):
                return path.stat().st_size
        return 0

    @property
    def _notes(self) -> Path:
        return self.path.with_name(self.path.name + ".size")

    @property
    def announced(self) -> int | None:
        """How many bytes were announced, where that was done ahead of the file."""
        return self._announced()[0]

    @property
    def sha256(self) -> str:
        """The hash that was announced; empty where none was."""
        return self._announced()[1]

    def announce(self, size: int, sha256: str) -> None:
        """Keep what is to come, for clients that come back without saying it again."""
        with _disk():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._notes.write_text(f"{size} {sha256}")

    def _announced(self) -> tuple[int | None, str]:
        with contextlib.suppress(FileNotFoundError, ValueError):
            size, _, sha256 = self._notes.read_text().partition(" ")
            return int(size), sha256
        return None, ""

    def forget(self) -> None:
        """Throw away what has arrived of a file that is not whole."""
        self.part.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)


class Filling:
    """A slot that is being written to; a context manager. All methods block."""

    def __init__(self, slot: Slot) -> None:
        """Open the slot where it ended; raises AlreadyThere and StorageFull."""
        if slot.whole:
            raise AlreadyThere("This file has arrived already; ask filetransfer for a new one")
        self._slot = slot
        self._hash = hashlib.sha256()
        with _disk():
            slot.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file: BinaryIO = open(slot.part, "a+b", buffering=0)  # noqa: SIM115
        self._file.seek(0)
        while block := self._file.read(_BLOCK):
            self._hash.update(block)
        self.offset = self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def need(self, size: int) -> None:
        """Raise TooLarge or StorageFull where a file of this size cannot be kept."""
        if size > self._slot.limit:
            raise TooLarge(
                f"The file has {size} bytes; at most {self._slot.limit} are allowed for it"
            )
        if shutil.disk_usage(self._slot.path.parent).free < size - self.offset + _ROOM:
            raise StorageFull("The disk is full. Free some space, then send the file again")

    def write(self, data: bytes) -> None:
        """Append bytes; they are with the system when this returns. Raises TransferError."""
        if self.offset + len(data) > self._slot.limit:
            raise TooLarge(f"More than {self._slot.limit} bytes arrived; the file is not taken")
        with _disk():
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) or 0 :]
        self._hash.update(data)
        self.offset += len(data)

    def finish(self, sha256: str = "") -> str:
        """Make the file visible and return its hash; raises Mismatch or what `accept` raises.

        A file that is refused is thrown away: to resume it would bring the same bytes again.
        """
        found = self._hash.hexdigest()
        try:
            if self.offset > self._slot.limit:
                raise TooLarge(f"The file has more than {self._slot.limit} bytes")
            if sha256 and sha256.lower() != found:
                raise Mismatch(
                    f"sha256 {found} arrived, {sha256.lower()} was announced; send the file again"
                )
            self._slot.accept(self._slot.part)
        except TransferError:
            self._slot.forget()
            raise
        with _disk():
            os.fsync(self._file.fileno())
            os.replace(self._slot.part, self._slot.path)
        return found


class _disk(contextlib.AbstractContextManager[None]):  # noqa: N801  # used like a function
    """Turns what a disk says into words."""

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, OSError):
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            what = "The disk is full" if full else f"The disk failed ({error.strerror})"
            raise StorageFull(f"{what}. Free some space, then send the file again") from error
