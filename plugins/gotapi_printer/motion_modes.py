"""PURE: how a firmware reads the next move, and the commands that bring a head back.

Lengths are millimetres, feed rates millimetres a minute.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

TRAVEL = 6000.0  # feed rate back in X and Y; 100 mm/s, which any printer can do
LIFT = 600.0  # the same in Z
NEAR = 0.01  # millimetres that do not count as moved

_CODE = re.compile(rb"\s*([GgMm])\s*0*(\d+)")
_FEED = re.compile(rb"[Ff]\s*([-+]?\d*\.?\d+)")


class Modes(msgspec.Struct, frozen=True):
    """What earlier commands set for all later moves."""

    absolute: bool = True
    absolute_e: bool = True
    inches: bool = False
    feed: float | None = None
    """As the file gave it, in its own unit."""


def modes_after(commands: Iterable[bytes], modes: Modes | None = None) -> Modes:
    """Return the modes after some commands, beginning as a firmware does when it starts."""
    modes = modes or Modes()
    for command in commands:
        found = _CODE.match(command)
        if found is not None:
            modes = _after(modes, found[1].upper() + found[2], command)
    return modes


def _after(modes: Modes, code: bytes, command: bytes) -> Modes:
    match code:
        case b"G90" | b"G91":
            # Marlin: both set the extruder, too; M82 and M83 after them set it alone.
            return msgspec.structs.replace(
                modes, absolute=code == b"G90", absolute_e=code == b"G90"
            )
        case b"M82" | b"M83":
            return msgspec.structs.replace(modes, absolute_e=code == b"M82")
        case b"G20" | b"G21":
            return msgspec.structs.replace(modes, inches=code == b"G20")
        case b"G0" | b"G1" | b"G2" | b"G3":
            feed = _FEED.search(command)
            return modes if feed is None else msgspec.structs.replace(modes, feed=float(feed[1]))
    return modes


def moved(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Tell whether a head, or its filament, is not where it was."""
    return any(abs(now.get(axis, place) - place) > NEAR for axis, place in before.items())


def way_back(before: Mapping[str, float], modes: Modes) -> tuple[str, ...]:
    """Return the commands that bring a head to where it was and set its modes again.

    X and Y come first: whoever parked a head lifted it, and it must not plough through the print.
    """
    lines = ["G21", "G90"]
    plane = [f"{axis}{before[axis]:.3f}" for axis in "XY" if axis in before]
    if plane:
        lines.append(f"G1 {' '.join(plane)} F{TRAVEL:.0f}")
    if "Z" in before:
        lines.append(f"G1 Z{before['Z']:.3f} F{LIFT:.0f}")
    if "E" in before:
        lines.append(f"G92 E{before['E']:.5f}")
    return (*lines, *_modes(modes))


def _modes(modes: Modes) -> Iterable[str]:
    if not modes.absolute:
        yield "G91"
    yield "M82" if modes.absolute_e else "M83"
    if modes.inches:
        yield "G20"
    if modes.feed is not None:
        yield f"G1 F{modes.feed:g}"
