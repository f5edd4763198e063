"""PURE: the commands before an interrupted print goes on, from the state that its file left.

Lengths are millimetres. What they do, in this order: heat, as the nozzle may stick in the print;
raise the nozzle; home X and Y but never Z; set what the file had set; come back from above.
"""

from collections.abc import Iterator

from gotapi_printer.policy_words import number
from gotapi_printer.resume_scan import AXES, PrintState

LIFT = 10.0
"""Millimetres that the nozzle is raised before it homes X and Y."""

TRAVEL, DOWN = 6000, 300
"""Feed rates above the print and down to it, in millimetres a minute."""


class ResumeError(ValueError):
    """A print that cannot be resumed there; the text says why and what to do."""


def preparation(state: PrintState, *, height: float | None) -> tuple[bytes, ...]:
    """Return the commands that bring a printer to a state.

    `height` is where the nozzle stands now by the file's Z, None where the printer itself still
    knows. Raises ResumeError.
    """
    unknown = [axis for axis in AXES if state.place[axis] is None]
    if not state.printed:
        raise ResumeError("nothing was printed yet; print the file again")
    if unknown:
        raise ResumeError(
            f"the file does not tell where {' and '.join(unknown)} is there; choose another line"
        )
    if not any(state.nozzles.values()):
        raise ResumeError("the file heats no nozzle before it; print it again by hand")
    return tuple(line.encode() for line in _lines(state, height))


def _lines(state: PrintState, height: float | None) -> Iterator[str]:
    yield from ("G21", "G90")
    yield from _heat(state)
    if height is not None:
        yield f"G92 Z{_text(height)}"
    yield from ("G91", f"G1 Z{LIFT:g} F{DOWN}", "G90", "G28 X Y")
    if state.levelled:
        yield "M420 S1"
    if state.tool or len(state.nozzles) > 1:
        yield f"T{state.tool}"
    yield from _settings(state)
    yield from _approach(state)
    yield from _modes(state)


def _heat(state: PrintState) -> Iterator[str]:
    nozzles = sorted(state.nozzles.items())
    several = len(nozzles) > 1 or any(tool for tool, _ in nozzles)
    named = [(f" T{tool}" if several else "", target) for tool, target in nozzles]
    if state.chamber:
        yield f"M141 S{_text(state.chamber)}"
    if state.bed:
        yield f"M140 S{_text(state.bed)}"
    for tool, target in named:
        yield f"M104{tool} S{_text(target)}"
    # The bed first: a print that came loose is not worth a hot nozzle.
    if state.bed:
        yield f"M190 S{_text(state.bed)}"
    for tool, target in named:
        if target:
            yield f"M109{tool} S{_text(target)}"


def _settings(state: PrintState) -> Iterator[str]:
    for code, values in state.settings.items():
        yield " ".join([code, *(letter + text for letter, text in values.items())])
    for fan, speed in sorted(state.fans.items()):
        which = f" P{fan}" if fan else ""
        yield f"M106{which} S{_text(speed)}" if speed else f"M107{which}"


def _approach(state: PrintState) -> Iterator[str]:
    x, y, z = (state.place[axis] or 0.0 for axis in AXES)
    # Homing undid what G92 had added.
    yield f"G1 X{_text(x - state.shift['X'])} Y{_text(y - state.shift['Y'])} F{TRAVEL}"
    if state.shift["X"] or state.shift["Y"]:
        yield f"G92 X{_text(x)} Y{_text(y)}"
    if state.retracted:
        yield "G10"
    yield f"G1 Z{_text(z)} F{DOWN}"
    yield f"G92 E{_text(state.filament)}"


def _modes(state: PrintState) -> Iterator[str]:
    if state.feed is not None:
        yield f"G1 F{_text(state.feed)}"
    if not state.modes.absolute:
        yield "G91"
    yield "M82" if state.modes.absolute_e else "M83"
    if state.modes.inches:
        yield "G20"


def _text(value: float) -> str:
    return number(value).decode()
