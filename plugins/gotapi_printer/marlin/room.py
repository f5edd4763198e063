"""PURE: how many lines may be in flight, learned from what the printer's oks say.

Marlin's ADVANCED_OK ends an ok with `P<planner blocks free> B<command slots free>`. It sends the ok
when a line was carried out, so the slots stay the printer's own until then: as many lines as it has
slots can be on their way, and the time that a turn over the link takes is paid once for all.
"""

from gotapi_printer.marlin.events import Limits
from gotapi_printer.marlin.replies import Ok

HURRIED = 8
"""Lines sent at once in a hurry; Marlin keeps 4 and, on small boards, 128 bytes more."""

FED = 2
"""Lines in flight to a printer with work enough: it moves all the same, and hears a stop sooner."""

NEAR = 50
"""Two damaged lines within so many are no accident..."""

STRIKES = 3
"""... and after so many in a row the printer gets one line at a time: it may lack the room."""


class Room:
    """The window of one connection."""

    __slots__ = ("_auto", "_damaged", "_limits", "_planner", "_slots", "_strikes", "window")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._auto = not limits.window
        self._slots = self._planner = 0
        self._damaged = -NEAR
        self._strikes = 0
        self.window = limits.window or 1
        """Lines that may be in flight."""

    def take(self, ok: Ok) -> None:
        """Look at an ok that says how much room there is."""
        if not self._auto or ok.slots is None:
            return
        # The line that the ok is for still has its slot.
        self._slots = max(self._slots, min(ok.slots + 1, self._limits.most))
        self.window = self._slots
        if ok.planner is not None:
            self._planner = max(self._planner, ok.planner + 1)
            if ok.planner * 2 < self._planner:
                self.window = min(FED, self._slots)

    def damaged(self, number: int) -> None:
        """Note that the line of this number has to be sent again."""
        if self.window == 1:
            return
        self._strikes = self._strikes + 1 if 0 <= number - self._damaged < NEAR else 0
        self._damaged = number
        if self._strikes >= STRIKES:
            self._auto = False
            self.window = 1

    def hurry(self) -> None:
        """Allow more than the printer promised, once, for lines that must reach it now."""
        self._auto = False
        self.window = max(self.window, HURRIED)
