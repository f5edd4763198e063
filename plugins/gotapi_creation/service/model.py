"""What the service remembers, and its limits. PURE."""

from enum import StrEnum
from typing import Final

import msgspec

from gotapi_creation.wire.reports import JobState

MOST_TRIES: Final = 3
"""A job that took the service down three times would do so for ever."""
KEPT: Final = 24 * 3600.0
"""Seconds that files and jobs are kept, unless the client says ACK before."""
SESSION_LIFE: Final = 7 * 24 * 3600.0
"""Seconds without a request after which a secureToken is forgotten."""
LEASE: Final = 30.0
"""Seconds that a runner vouches for its job without saying so again."""


class Limits(msgspec.Struct, frozen=True):
    """What one application, and all together, may have at the same time."""

    open_jobs: int = 4
    """Of an application, waiting or running; each takes two seconds to some minutes."""
    waiting_files: int = 24
    """Of an application: eight figures that were not begun; 240 MB at most."""
    all_jobs: int = 64
    """Waiting or running; the last one waits for minutes by then."""
    sessions: int = 1000
    sockets: int = 128
    """Snapshot and file sockets, each some 100 kB."""
    seconds: float = 300.0
    """Of one try; the default takes 2, the finest grid some 20, on a small board five times."""
    memory: int = 1500 << 20
    """Bytes of one worker; the default grid takes 400 MB."""


class FileKind(StrEnum):
    """What a file number means."""

    PICTURE = "picture"
    USED = "used"
    """A picture that a job was made of; it may be used again, and does not count as waiting."""
    RESULT = "result"


class Session(msgspec.Struct, frozen=True):
    """One secureToken; `id` is its hash, so that the database gives no token away."""

    id: str
    application: str
    created: float


class FileRow(msgspec.Struct, frozen=True):
    """A file that may come or go; `key` is part of its address.

    `path` is where a result lies; of a picture it is the job that it is to become.
    """

    id: int
    session: str
    key: str
    kind: FileKind
    path: str
    batch: int = 0
    place: int = 0
    method: str = "http"
    created: float = 0.0


class Job(msgspec.Struct, frozen=True):
    """One model to make; times are seconds since 1970, 0 where it has not happened."""

    id: str
    session: str
    application: str
    state: JobState
    tries: int
    lease: float
    created: float
    started: float
    ended: float
    progress: float
    stage: str
    preview: str
    error: str
    key: str
    order: bytes
