"""PURE: the time of a printer that has a clock of its own (HD-HLF-05). Moments are Unix seconds."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from re import compile as pattern

from gotapi_printer.marlin import Firmware

ASK_TIME = "M905"
"""RepRapFirmware tells its date and time; other firmwares mean something else by it."""

_SAID = pattern(r"date and time:\s*(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)")


def tells_time(firmware: Firmware) -> bool:
    """Whether a printer can be asked for its time."""
    return firmware.name.startswith("RepRapFirmware")


def time_in(lines: Iterable[str], zone: int | None) -> float | None:
    """The time that the answer to ASK_TIME tells, or None where the printer's clock was never set.

    It is civil time; `zone` are the minutes that it is ahead of UTC, as far as this computer knows.
    """
    for line in lines:
        if (said := _SAID.search(line)) is not None:
            try:
                at = datetime.fromisoformat(f"{said[1]}T{said[2]}")
            except ValueError:  # no such day: a damaged line
                continue
            return at.replace(tzinfo=timezone(timedelta(minutes=zone or 0))).timestamp()
    return None
