"""PURE: the first talk with a printer: is it one, which firmware, what can it do."""

import re

import msgspec

from gotapi_printer.marlin.events import Done, Event
from gotapi_printer.marlin.firmware import Firmware, parse_firmware
from gotapi_printer.marlin.host import MarlinHost
from gotapi_printer.marlin.outgoing import SYNC
from gotapi_printer.marlin.replies import (
    Capability,
    Comment,
    Identification,
    Noise,
    Ok,
    Reply,
    Restarted,
    Temperatures,
)

_ASK_SYNC, _ASK_FIRMWARE, _ASK_REPORTS = 1, 2, 3

REPORT_EVERY = 2
"""Seconds between temperature reports asked for with M155."""

_ONE_BOOT = 0.1
"""Seconds within which the lines that tell a restart belong to the same one."""

MAX_BOOT = 100
"""Lines kept of a boot text; Marlin's has about 60 with all its settings."""

_MOST_BOOTS = 6
"""Deadlines after which a board that boots again and again has had its chance."""

LOOP = 3
"""Restarts that are no accident any more."""

_STRANGE = re.compile(r"[^\t\x20-\x7e]")


def _is_text(text: str) -> bool:
    """Whether a line could be one of a firmware; a few stray bytes are usual."""
    return bool(text) and len(_STRANGE.findall(text)) * 3 <= len(text)


def _proves(event: Event) -> bool:
    """Whether this is what only a printer says."""
    if isinstance(event, Ok):
        return bool(event.temperatures) or event.text.startswith("FIRMWARE_NAME:")
    return isinstance(event, Temperatures | Identification | Capability | Restarted)


def restarting_text(name: str) -> str:
    """What to look at, for the user."""
    again = f"the printer on {name} restarts again and again"
    return f"{again}; check its power supply, its cable and its heaters"


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
        self._most = self._until + _MOST_BOOTS * self._timing.deadline
        self._replies: list[Reply] = []
        self._boot: list[Reply] = []
        # Asked to wait: the board boots, or its user must reset it first.
        self._booting = wait > 0.0
        self.firmware: Firmware | None = None
        self.failed = False
        self.restarts = 0
        """How often the board began to boot."""
        self.garbled = 0
        """Lines that were no text, as at a wrong baud rate."""
        self._restarted_at = float("-inf")
        self._proven = False
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
        if _proves(event):
            self._proven = True
        if isinstance(event, Done):
            self._done(event.tag, now)
        elif isinstance(event, Restarted):
            # The board boots: it hears nothing before its boot text ends.
            self._booting = True
            if now - self._restarted_at > _ONE_BOOT:
                self.restarts += 1
                self.garbled = 0
                self._boot.clear()
            self._restarted_at = now
        elif isinstance(event, Noise | Comment):
            self.garbled += not _is_text(event.text)
            if len(self._boot) < MAX_BOOT:
                self._boot.append(event)
        elif isinstance(event, Ok) and event.text.startswith("FIRMWARE_NAME:"):
            self._replies.append(Identification(event.text))
        elif isinstance(event, Capability | Identification):
            self._replies.append(event)
        if self._booting and isinstance(event, Restarted | Noise):
            self._retry_at = now + self._timing.boot
            self._until = min(self._most, max(self._until, now + self._timing.retry))

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
        if self.garbled and not self._proven:
            # Garbage says ok now and then.
            return
        # It is a printer: give it the time for the rest.
        self._retry_at = now + self._timing.deadline
        self._until = max(self._until, min(self._most, now + 2 * self._timing.deadline))
        if tag == _ASK_FIRMWARE:
            self._finish()

    def _finish(self) -> None:
        firmware = parse_firmware([*self._boot, *self._replies])
        self._host.dialect = firmware.dialect
        if firmware.can("AUTOREPORT_TEMP"):
            self._host.command(b"M155 S%d" % REPORT_EVERY, _ASK_REPORTS)
            self._host.autoreport = True
        self._host.live = True
        self.firmware = firmware

    def unanswered(self, name: str) -> str:
        """Why a device by this name did not become a printer, and what to do, for the user."""
        if self.restarts >= LOOP:
            return restarting_text(name)
        hint = "check the baud rate, and that this port is the printer"
        if self.garbled:
            return f"{name} sends what is no text; {hint}"
        wait = self._timing.deadline
        return f"nothing on {name} answers like a printer within {wait:g} s; {hint}"
