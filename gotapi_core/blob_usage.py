"""How much each application keeps at the hub, counted before a byte of it is accepted."""

from collections import Counter

from gotapi_core.protocol.errors import StorageFull, TooManyRequests

MAX_FILES = 10_000  # of one application: a day's worth of one every nine seconds


class Usage:
    """The bytes and files of every application, those on their way in with their whole length."""

    def __init__(self, quota: int) -> None:
        """Allow `quota` bytes to each application."""
        self._quota = quota
        self._bytes: Counter[str] = Counter()
        self._files: Counter[str] = Counter()

    def open(self, owner: str, size: int) -> None:
        """Count one more file; raises StorageFull or TooManyRequests and then counts nothing."""
        if self._files[owner] >= MAX_FILES:
            raise TooManyRequests(
                f"This application keeps {MAX_FILES} files at the hub already; delete some"
            )
        self.grow(owner, size)
        self._files[owner] += 1

    def grow(self, owner: str, size: int) -> None:
        """Count bytes more; raises StorageFull."""
        if self._bytes[owner] + size > self._quota:
            raise StorageFull(
                f"This application keeps {self._bytes[owner]} of its {self._quota} bytes at the "
                f"hub, and {size} more do not fit; delete files, or wait until they are a day old "
                "(setting server.upload_quota)"
            )
        self._bytes[owner] += size

    def note(self, owner: str, size: int) -> None:
        """Count a file that is there already, whatever the quota says now."""
        self._bytes[owner] += size
        self._files[owner] += 1

    def close(self, owner: str, size: int) -> None:
        """Count one file less."""
        self._bytes[owner] -= size
        self._files[owner] -= 1
        if not self._files[owner]:
            del self._files[owner], self._bytes[owner]

    def of(self, owner: str) -> int:
        """Return the bytes an application keeps."""
        return self._bytes[owner]
