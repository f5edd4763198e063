"""What applications did: a count per day and route, never a parameter or a value. PURE.

Uses are counted in memory and written out from time to time. The log is bounded: the disk keeps
MAX_ROWS rows of an application, the newest, and memory as many that are not written yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

MAX_ROWS: Final = 400  # of an application; a page that uses 10 routes a day fills it in 40 days
MAX_ROUTE: Final = 200  # characters of a route's name; the width of its column
OTHERS: Final = "(others)"
"""The row that counts what does not fit in memory any more."""

_DAY: Final = 86400.0  # seconds


class Use(msgspec.Struct, frozen=True):
    """How often a route was used on a day; `day` counts days since 1970 (UTC), times seconds."""

    day: int
    route: str
    count: int
    first: float
    last: float

    def plus(self, other: Use) -> Use:
        """Return the sum of two rows of the same day and route."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return Use(self.day, self.route, self.count + other.count, first, last)


class UseLog:
    """The uses that the disk does not know yet, by application."""

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self._max = max_rows
        self._fresh: dict[str, dict[tuple[int, str], Use]] = {}

    def note(self, application: str, route: str, now: float) -> None:
        """Count one use; `now` is in seconds since 1970."""
        use = Use(int(now // _DAY), route[:MAX_ROUTE], 1, now, now)
        self._add(self._fresh.setdefault(application, {}), use)

    def take(self) -> dict[str, list[Use]]:
        """Return all uses and begin anew; `put_back` undoes it."""
        taken, self._fresh = self._fresh, {}
        return {application: list(rows.values()) for application, rows in taken.items()}

    def put_back(self, taken: Mapping[str, Iterable[Use]]) -> None:
        """Take back what could not be written."""
        for application, uses in taken.items():
            rows = self._fresh.setdefault(application, {})
            for use in uses:
                self._add(rows, use)

    def fresh(self, application: str) -> list[Use]:
        """Return the uses of one application that are not written yet."""
        return list(self._fresh.get(application, {}).values())

    def forget(self, application: str) -> None:
        """Forget an application; no error when it has no uses."""
        self._fresh.pop(application, None)

    def _add(self, rows: dict[tuple[int, str], Use], use: Use) -> None:
        key = (use.day, use.route)
        if key not in rows and len(rows) >= self._max:
            key = (use.day, OTHERS)
            use = msgspec.structs.replace(use, route=OTHERS)
        rows[key] = rows[key].plus(use) if key in rows else use


def merged(stored: Iterable[Use], fresh: Iterable[Use], most: int = MAX_ROWS) -> list[Use]:
    """Return the rows of both, the latest use first, at most so many."""
    rows: dict[tuple[int, str], Use] = {}
    for use in (*stored, *fresh):
        key = (use.day, use.route)
        rows[key] = rows[key].plus(use) if key in rows else use
    return sorted(rows.values(), key=lambda use: (use.last, use.route), reverse=True)[:most]
