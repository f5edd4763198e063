"""When to try again after a connection was lost. PURE. Times in seconds."""

from __future__ import annotations

from typing import Final

FIRST: Final = 0.1  # a hub that restarts is away for about a second
LONGEST: Final = 5.0
STABLE: Final = 10.0  # a connection that lived so long ends the count of failures


class Backoff:
    """Delays that double from 0.1 s to 5 s, until `patience` has passed since the first loss."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._failures = 0
        self._since: float | None = None
        self._opened: float | None = None

    def opened(self, now: float) -> None:
        """Note that a connection stands; only if it lasts does it count as a success."""
        self._opened = now

    def lost(self, now: float) -> float | None:
        """Return how long to wait before the next try, None to give up."""
        if self._opened is not None and now - self._opened >= STABLE:
            self._failures = 0
            self._since = None
        self._opened = None
        if self._since is None:
            self._since = now
        left = self._since + self._patience - now
        if left <= 0:
            return None
        delay: float = min(FIRST * 2.0 ** min(self._failures, 10), LONGEST, left)
        self._failures += 1
        return delay
