"""PURE. Commands that move the tool or change how moves are understood."""

from collections.abc import Callable

from gotapi_printer.simulator.machine import HaltedError, Machine, Task
from gotapi_printer.simulator.motion import Axes, arc_length
from gotapi_printer.simulator.words import axes_named, parse_words

__all__ = ["MOTION"]

# Marlin EXTRUDE_MINTEMP: colder filament is not pushed.
_EXTRUDE_MINTEMP = 170.0
# Homing speeds in mm/s and the time of the second, slow touch of the endstop.
_HOMING = (50.0, 50.0, 4.0)
_HOMING_BUMP = 2.0
# Nine points of a 3x3 mesh, each a travel and two touches.
_PROBE_POINTS, _PROBE_TIME = 9, 2.5


def _linear(machine: Machine, args: str) -> Task | None:
    words = parse_words(args)
    machine.place.take_feedrate(words)
    if machine.settings.dialect.strict_moves and (why := _forbidden(machine, words)):
        machine.say(f"!! {why}")
        return None
    target = machine.place.target(words, machine.settings.area)
    return machine.move(_warm(machine, target) if "E" in words else target)


def _forbidden(machine: Machine, words: dict[str, float | None]) -> str:
    """Why Klipper refuses a move, empty if it does not; other firmwares clamp it."""
    named = axes_named(words)
    if not named <= machine.place.homed:
        return "Must home axis first"
    machine.place.soft_endstops = False
    target = machine.place.target(words, machine.settings.area)
    if all(0 <= target[axis] <= machine.settings.area[axis] for axis in named):
        return ""
    x, y, z, e = target
    return f"Move out of range: {x:.3f} {y:.3f} {z:.3f} [{e:.3f}]"


def _warm(machine: Machine, target: Axes) -> Axes:
    """The target without its extrusion while the nozzle is too cold (PREVENT_COLD_EXTRUSION)."""
    e = machine.place.axes[3]
    if machine.cold_extrusion or target[3] == e:
        return target
    if machine.nozzle.temperature(machine.now) >= _EXTRUDE_MINTEMP:
        return target
    machine.echo(" cold extrusion prevented")
    # Marlin takes the new E as reached, so that the moves after it stay right.
    x, y, z, _ = machine.place.axes
    machine.place.axes = (x, y, z, target[3])
    return target


def _arc(clockwise: bool) -> Callable[[Machine, str], Task | None]:
    def handle(machine: Machine, args: str) -> Task | None:
        words = parse_words(args)
        machine.place.take_feedrate(words)
        target = machine.place.target(words, machine.settings.area)
        length = arc_length(machine.place.axes, target, words, clockwise=clockwise)
        if length is None:
            machine.say("Error:G2/G3 bad parameters")
            return None
        return machine.move(_warm(machine, target), length)

    return handle


def _dwell(machine: Machine, args: str) -> Task | None:
    words = parse_words(args)
    seconds = (words.get("P") or 0.0) / 1000
    if words.get("S") is not None:
        seconds = words["S"] or 0.0
    return None if machine.settings.instant else _dwelling(machine, seconds)


def _dwelling(machine: Machine, seconds: float) -> Task:
    yield from machine.synchronize()
    until = machine.now + seconds
    while machine.now < until:
        yield until


def _home(machine: Machine, args: str) -> Task:
    yield from machine.synchronize()
    if machine.settings.broken_endstop:
        raise HaltedError("Homing Failed", "echo:")
    axes = axes_named(parse_words(args)) or {0, 1, 2}
    yield from _pause(machine, _homing_time(machine, axes))
    machine.home(axes)
    machine.say(machine.position_text())


def _homing_time(machine: Machine, axes: set[int]) -> float:
    """From where the tool is known to be, else from the middle of the axis."""
    seconds = 0.0
    for axis in axes:
        known = axis in machine.place.homed
        way = abs(machine.place.axes[axis]) if known else machine.settings.area[axis] / 2
        # The tool is never further away than the axis is long, whatever G92 or M92 claimed.
        seconds += min(way, machine.settings.area[axis]) / _HOMING[axis] + _HOMING_BUMP
    return seconds


def _level(machine: Machine, args: str) -> Task:
    yield from machine.synchronize()
    if machine.place.homed != {0, 1, 2}:
        machine.echo("Home XYZ First")
        return
    yield from _pause(machine, _PROBE_POINTS * _PROBE_TIME)
    machine.say("Bilinear Leveling Grid:")
    machine.say("      0      1      2")
    for row in range(3):
        machine.say(f" {row} +0.000 +0.000 +0.000")
    machine.say(machine.position_text())


def _pause(machine: Machine, seconds: float) -> Task:
    until = machine.now + (0.0 if machine.settings.instant else seconds)
    while machine.now < until:
        yield until


def _set_position(machine: Machine, args: str) -> Task | None:
    place, words = machine.place, parse_words(args)
    native, shift = list(place.axes), list(place.shift)
    unit = 25.4 if place.inches else 1.0
    for axis, letter in enumerate("XYZE"):
        value = words.get(letter)
        if value is None:
            continue
        if axis == 3:
            native[3] = value * unit
        else:
            shift[axis] = value * unit - native[axis]
    place.axes = (native[0], native[1], native[2], native[3])
    place.shift = (shift[0], shift[1], shift[2], shift[3])
    return None


def _synchronize(machine: Machine, args: str) -> Task:
    return machine.synchronize()


def _motors_off(machine: Machine, args: str) -> Task:
    yield from machine.synchronize()
    # Without current the axes can be pushed by hand: their position is no longer trusted.
    machine.place.homed -= axes_named(parse_words(args)) or {0, 1, 2}


def _quick_stop(machine: Machine, args: str) -> Task | None:
    # With the emergency parser it has already acted; the queued line only gets its ok.
    if not machine.settings.emergency_parser:
        machine.quick_stop()
    return None


def _relative(machine: Machine, args: str) -> Task | None:
    machine.place.relative = machine.place.relative_e = True
    return None


def _absolute(machine: Machine, args: str) -> Task | None:
    machine.place.relative = machine.place.relative_e = False
    return None


def _extruder_relative(value: bool) -> Callable[[Machine, str], Task | None]:
    def handle(machine: Machine, args: str) -> Task | None:
        machine.place.relative_e = value
        return None

    return handle


def _inches(value: bool) -> Callable[[Machine, str], Task | None]:
    def handle(machine: Machine, args: str) -> Task | None:
        machine.place.inches = value
        return None

    return handle


def _percent(name: str, text: str) -> Callable[[Machine, str], Task | None]:
    """M220 and M221: set a percentage, or report it."""

    def handle(machine: Machine, args: str) -> Task | None:
        value = parse_words(args).get("S")
        if value is None:
            machine.say(text.format(getattr(machine.place, name)))
        else:
            setattr(machine.place, name, max(int(value), 1))
        return None

    return handle


def _limit(name: str) -> Callable[[Machine, str], Task | None]:
    """M92, M201 and M203: a value for each axis; what is not above zero is ignored."""

    def handle(machine: Machine, args: str) -> Task | None:
        words, values = parse_words(args), getattr(machine.limits, name)
        for axis, letter in enumerate("XYZE"):
            value = words.get(letter)
            if value is not None and value > 0:
                values[axis] = value
        return None

    return handle


def _accelerations(machine: Machine, args: str) -> Task | None:
    words, limits = parse_words(args), machine.limits
    for letter, name in (("P", "printing"), ("R", "retract"), ("T", "travel")):
        # S is the old word for printing and travel together.
        value = words.get(letter) or (words.get("S") if letter != "R" else None)
        if value is not None and value > 0:
            setattr(limits, name, value)
    return None


def _endstops(machine: Machine, args: str) -> Task | None:
    switch = parse_words(args).get("S")
    if switch is not None:
        machine.place.soft_endstops = switch != 0
    x, y, z = machine.settings.area
    state = "On" if machine.place.soft_endstops else "Off"
    machine.echo(
        f"Soft endstops: {state}  Min:  X0.00 Y0.00 Z0.00  Max:  X{x:.2f} Y{y:.2f} Z{z:.2f}"
    )
    return None


MOTION: dict[str, Callable[[Machine, str], Task | None]] = {
    "G0": _linear,
    "G1": _linear,
    "G2": _arc(clockwise=True),
    "G3": _arc(clockwise=False),
    "G4": _dwell,
    "G20": _inches(True),
    "G21": _inches(False),
    "G28": _home,
    "G29": _level,
    "G90": _absolute,
    "G91": _relative,
    "G92": _set_position,
    "M18": _motors_off,
    "M82": _extruder_relative(False),
    "M83": _extruder_relative(True),
    "M84": _motors_off,
    "M92": _limit("steps"),
    "M201": _limit("acceleration"),
    "M203": _limit("feedrate"),
    "M204": _accelerations,
    "M211": _endstops,
    "M220": _percent("feed_percent", "FR:{}%"),
    "M221": _percent("flow_percent", "echo:E0 Flow: {}%"),
    "M400": _synchronize,
    "M410": _quick_stop,
}
