"""PURE: the first talk with a printer: is it one, which firmware, what can it do."""

import msgspec

from gotapi_printer.marlin.events import Done, Event
from gotapi_printer.marlin.firmware import Firmware, parse_firmware
from gotapi_printer.marlin.host import MarlinHost
from gotapi_printer.marlin.outgoing import SYNC
from gotapi_printer.marlin.replies import Capability, Identification, Noise, Ok, Reply, Restarted

_ASK_SYNC, _ASK_FIRMWARE, _ASK_REPORTS = 1, 2, 3

REPORT_EVERY = 2
"""Seconds between temperature reports asked for with M155."""


class IdentifyTiming(msgspec.Struct, frozen=True):
    """Seconds the talk may take."""

    deadline: float = 10.0
    """Without an answer this long after opening it is no printer, or the baud rate is wrong."""
    retry: float = 2.0
    """Before M110 is sent again; some printers never answer it."""
    boot: float = 0.3
    """Quiet time after boot text before a board listens."""


class Identify:
    """Sends M110, M105, M115 and M155 through a new host and reads the answers.

    `firmware` is set when the printer is known; `failed` when the deadline passed.
    """

    def __init__(
        self,
        host: MarlinHost,
        now: float,
        timing: IdentifyTiming | None = None,
        *,
        wait: float = 0.0,
    ) -> None:
        self._host = host
        self._timing = timing or IdentifyTiming()
        self._until = now + wait + self._timing.deadline
        self._replies: list[Reply] = []
        # Asked to wait: the board boots, or its user must reset it first.
        self._booting = wait > 0.0
        self.firmware: Firmware | None = None
        self.failed = False
        self._retry_at = now + wait
        if not wait:
            self._begin(now, assume_ok=False)

    def _begin(self, now: float, *, assume_ok: bool) -> None:
        self._retry_at = now + self._timing.retry
        self._replies.clear()
        host = self._host
        host.cancel_commands()
        host.renumber(assume_ok=assume_ok)
        host.command(SYNC, _ASK_SYNC)
        host.command(b"M115", _ASK_FIRMWARE)

    def take(self, event: Event, now: float) -> None:
        """Look at one event of the host."""
        if isinstance(event, Done):
            self._done(event.tag, now)
        elif isinstance(event, Restarted):
            # The board boots: it hears nothing before its boot text ends.
            self._booting = True
        elif isinstance(event, Ok) and event.text.startswith("FIRMWARE_NAME:"):
            self._replies.append(Identification(event.text))
        elif isinstance(event, Capability | Identification):
            self._replies.append(event)
        if self._booting and isinstance(event, Restarted | Noise):
            self._retry_at = now + self._timing.boot
            self._until = max(self._until, now + self._timing.retry)

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self.firmware is not None or self.failed:
            return
        if now >= self._until:
            self.failed = True
        elif now >= self._retry_at:
            booted, self._booting = self._booting, False
            self._begin(now, assume_ok=not booted)

    def _done(self, tag: int, now: float) -> None:
        # Each answer proves a printer: give it the time for the rest.
        self._retry_at = now + self._timing.deadline
        self._until = now + 2 * self._timing.deadline
        if tag == _ASK_FIRMWARE:
            self._finish()

    def _finish(self) -> None:
        firmware = parse_firmware(self._replies)
        if firmware.can("AUTOREPORT_TEMP"):
            self._host.command(b"M155 S%d" % REPORT_EVERY, _ASK_REPORTS)
            self._host.autoreport = True
        self._host.live = True
        self.firmware = firmware
