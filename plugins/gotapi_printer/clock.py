"""PURE: time stamps: from a device's clock to ISO 8601 (HD-HLF-03 to 07).

Moments are Unix seconds, offsets from UTC minutes.
"""

from datetime import UTC, datetime, timedelta, timezone

import msgspec

UNKNOWN_ZONE = "-0000"
"""HD-HLF-06: UTC is known, the civil time zone is not."""


class DeviceClock(msgspec.Struct, frozen=True):
    """How a device's sense of time relates to ours."""

    offset: float = 0.0
    """Seconds that the device is behind us; negative where it is ahead."""
    superior: bool = False
    """Whether it is known to be synchronised to UTC better than we are."""


class Stamp(msgspec.Struct, frozen=True):
    """When something was measured."""

    text: str
    by_plugin: bool
    """HD-HLF-06: the device gave no stamp, so this is when its measurement was received."""


def compare(device_now: float, received: float, *, superior: bool = False) -> DeviceClock:
    """Return the clock of a device that reported its current time (HD-HLF-05)."""
    return DeviceClock(received - device_now, superior)


def stamp(
    received: float,
    zone: int | None,
    measured: float | None = None,
    clock: DeviceClock | None = None,
) -> Stamp:
    """Return the stamp of a measurement.

    `measured` is the device's own stamp, if it gave one; without its clock that cannot be mapped
    to our time, so the time of reception stands in for it. `zone` is None where nobody knows it.
    """
    if measured is None or clock is None:
        return Stamp(iso8601(received, zone), by_plugin=True)
    return Stamp(iso8601(corrected(measured, clock), zone), by_plugin=False)


def corrected(measured: float, clock: DeviceClock) -> float:
    """Return a device's stamp in our time (HD-HLF-07)."""
    return measured if clock.superior else measured + clock.offset


def iso8601(moment: float, zone: int | None) -> str:
    """Return a moment as yyyy-mm-ddThh:mm:ss.fff+hhmm, in UTC with -0000 for no zone."""
    known = UTC if zone is None else timezone(timedelta(minutes=zone))
    # Whole milliseconds first: a fraction that rounds up must carry into the seconds.
    at = datetime.fromtimestamp(round(moment, 3), known)
    text = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}"
    return text + (UNKNOWN_ZONE if zone is None else f"{at:%z}"[:5])
