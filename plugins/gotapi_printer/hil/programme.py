"""PURE. The programme: its steps in order, what each risks, and the moves they make."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from gotapi_printer.hil.profile import Profile
from gotapi_printer.marlin import Box

__all__ = [
    "PROGRAMME",
    "STROLL_MOVES",
    "Risk",
    "Step",
    "StepId",
    "round_trip",
    "short_moves",
    "stroll",
]

STROLL_MOVES = 20_000
"""Of the file that is paused and stopped: more than any printer makes before that."""

SHORT_MOVES = 60
"""Of the file in which one line is damaged."""


class Risk(enum.Enum):
    """What a step does to the printer; the value is the question that is asked before it."""

    NOTHING = ""
    MOVES = (
        "The printer will home (G28) and move without filament. The bed must be empty and nothing "
        "may be in the way. May it move?"
    )
    HEATS = "The nozzle will be warmed a little, and no higher than {warm:.0f} C. May it heat?"
    HALTS = (
        "The last step is an emergency stop (M112): the firmware halts, and the printer must be "
        "reset or switched off and on afterwards. May it halt?"
    )


class StepId(enum.Enum):
    """The steps by the name they have in reports."""

    CONNECT = "connect"
    CAPABILITIES = "capabilities"
    TEMPERATURES = "temperatures"
    HEAT = "heat"
    MOVES = "moves"
    RESEND = "resend"
    PAUSE = "pause"
    STOP = "stop"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its title, its risk, and the step without which it makes no sense."""

    id: StepId
    title: str
    risk: Risk = Risk.NOTHING
    after: StepId | None = StepId.CONNECT


PROGRAMME = (
    Step(StepId.CONNECT, "Open the port, shake hands", after=None),
    Step(StepId.CAPABILITIES, "Who it is and what it can"),
    Step(StepId.TEMPERATURES, "Temperatures, with every heater off"),
    Step(StepId.HEAT, "Warm the nozzle a little, and off again", Risk.HEATS),
    Step(StepId.MOVES, "Home, and dry moves within bounds", Risk.MOVES),
    Step(
        StepId.RESEND, "A line with a wrong checksum is asked for again", Risk.MOVES, StepId.MOVES
    ),
    Step(StepId.PAUSE, "Pause in the middle of a file, go on", Risk.MOVES, StepId.MOVES),
    Step(StepId.STOP, "Stop in the middle of a file", Risk.MOVES, StepId.MOVES),
    # Last: after it only the reset button helps.
    Step(StepId.EMERGENCY, "Emergency stop", Risk.HALTS),
)


def _go(x: float, y: float) -> str:
    return f"G1 X{x:.2f} Y{y:.2f}"


def _begin(profile: Profile) -> list[str]:
    return [
        "G21",
        "G90",
        f"G1 Z{profile.lift:.2f} F{profile.lift_speed:.0f}",
        f"G1 F{profile.speed:.0f}",
    ]


def round_trip(box: Box, profile: Profile) -> list[str]:
    """Home, lift, once round the box and to its centre, which is where it ends."""
    (left, front, _), (right, back, _) = box.low, box.high
    corners = ((left, front), (right, front), (right, back), (left, back), (left, front))
    moves = [_go(*corner) for corner in (*corners, centre(box))]
    return ["G28", *_begin(profile), *moves, "M400"]


def centre(box: Box) -> tuple[float, float]:
    """Its middle in X and Y."""
    return ((box.low[0] + box.high[0]) / 2, (box.low[1] + box.high[1]) / 2)


def short_moves(box: Box, profile: Profile) -> list[str]:
    """A few millimetres to and fro at the centre."""
    return [*_begin(profile), *_to_and_fro(box, SHORT_MOVES), "M400"]


def stroll(box: Box, profile: Profile) -> list[str]:
    """To and fro for so long that somebody can pause and stop it."""
    return [*_begin(profile), *_to_and_fro(box, STROLL_MOVES)]


def _to_and_fro(box: Box, count: int) -> Iterator[str]:
    x, y = centre(box)
    reach = min(10.0, box.size[0] / 4, box.size[1] / 4)
    for number in range(count):
        side = reach if number % 2 else -reach
        yield _go(x + side, y + reach * (number % 50) / 50)
