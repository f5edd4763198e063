"""PURE: M85, the printer's own timer: it stops itself when nothing moves for that long.

It is the one thing that turns the heaters off when this computer dies in the middle of a print, so
it runs while a job or a heater does, and is off while the hub waits on purpose. Seconds.
"""

import re

_UNKNOWN = re.compile(r"unknown command\W*M85", re.IGNORECASE)

ASK = b"M85 S0"


class IdleTimer:
    """Says which M85 to send; `seconds` 0 never sends any."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._asked = False
        self._unknown = False
        self.known = False
        """Whether the firmware took an M85."""
        self._set = False

    def ask(self) -> bytes | None:
        """What to send once, to learn whether the firmware knows it."""
        self._asked = bool(self._seconds)
        return ASK if self._seconds else None

    def heard(self, text: str) -> None:
        """Look at a line the printer said that meant nothing else."""
        if self._asked and not self.known and _UNKNOWN.search(text):
            self._unknown = True

    def answered(self) -> None:
        """The printer took what `ask` gave."""
        self.known = self._asked and not self._unknown

    def wants(self, *, on: bool) -> bytes | None:
        """What to send so that the timer runs or not, None where it does already."""
        if not self.known or on == self._set:
            return None
        self._set = on
        return b"M85 S%d" % (self._seconds if on else 0)
