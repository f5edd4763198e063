"""PURE: temperature reports of the Marlin family and its dialects."""

import math
import re

import msgspec

# A report begins with a tool or the bed; `@:`, `B@:` and `@0:` are heater power and have no match.
_BEGIN = re.compile(rb"\s*(?:T\d{0,2}|B):\s*-?(?:\d|inf|nan)")
_SENSOR = re.compile(
    rb"(?:^|\s)(T\d{0,2}|[BCPRMLA]):\s*(-?(?:\d{1,9}(?:\.\d*)?|inf|nan))"
    rb"(?:\s*/\s*(-?\d{1,9}(?:\.\d*)?))?"
)
# Repetier sends the targets apart from the measured values.
_TARGET = re.compile(rb"\bTarget(Extr(\d{1,2})|Bed):\s*(-?\d{1,9}(?:\.\d*)?)")

MAX_SENSORS = 32
"""Sensors taken from one line; Marlin knows 8 tools and 7 other sensors."""


class Temperature(msgspec.Struct, frozen=True):
    """One sensor in degrees Celsius.

    `name` is the firmware's letter: T (tool in use), T0.., B bed, C chamber, P probe, R redundant,
    M board, L cooler, A ambient. `actual` is None where the sensor gives no number (open
    thermistor), `target` where the firmware names none.
    """

    name: str
    actual: float | None
    target: float | None = None


def parse_temperatures(line: bytes) -> tuple[Temperature, ...]:
    """The sensors of a report (without its `ok`), or nothing if the line is no report."""
    if not _BEGIN.match(line):
        return ()
    values: dict[str, Temperature] = {}
    for name, actual, target in _SENSOR.findall(line)[:MAX_SENSORS]:
        sensor = name.decode()
        values[sensor] = Temperature(sensor, _finite(actual), _finite(target) if target else None)
    for where, tool, target in _TARGET.findall(line)[:MAX_SENSORS]:
        _set_target(values, "B" if where == b"Bed" else f"T{tool.decode()}", float(target))
    return tuple(values.values())


def parse_targets(line: bytes) -> dict[str, float]:
    """The targets of a line that says nothing else, as Repetier does: `TargetExtr0:215`."""
    if not line.startswith(b"Target"):
        return {}
    found = _TARGET.findall(line)[:MAX_SENSORS]
    return {
        "B" if where == b"Bed" else f"T{tool.decode()}": float(target)
        for where, tool, target in found
    }


def _finite(raw: bytes) -> float | None:
    value = float(raw)
    return value if math.isfinite(value) else None


def _set_target(values: dict[str, Temperature], sensor: str, target: float) -> None:
    # `TargetExtr0` also belongs to a bare `T`, which is the tool in use.
    for name in (sensor, "T") if sensor == "T0" else (sensor,):
        if (known := values.get(name)) is not None:
            values[name] = Temperature(name, known.actual, target)
