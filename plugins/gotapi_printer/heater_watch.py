"""PURE: whether the heaters behave, as far as their reports tell. Degrees Celsius, seconds.

Firmwares guard their heaters themselves; this sees what they let pass, and only warns.
"""

from collections.abc import Iterable

import msgspec

from gotapi_printer.marlin import Temperature

OPEN = -14.0
"""Marlin reads -15 from a thermistor that is not connected."""

FALLEN = 12.0
"""Degrees lost while the heater is on that no fan explains."""

BELOW = 15.0
"""Degrees under the target where a loss counts."""

LASTING = 10.0
"""Seconds the loss must last; one odd reading is noise."""

_NAMES = {"B": "bed", "C": "chamber"}


class _Heating(msgspec.Struct):
    """One heater that is on: its target, its best reading, and since when it is losing heat."""

    target: float
    peak: float
    falling: float | None = None


class HeaterWatch:
    """Follows the reports of one printer."""

    def __init__(self) -> None:
        self._heating: dict[str, _Heating] = {}
        self._broken: dict[str, str] = {}

    @property
    def warning(self) -> str:
        """What is wrong now, or nothing."""
        return "; ".join(self._broken.values())

    @property
    def hot(self) -> bool:
        """Whether any heater is on."""
        return bool(self._heating)

    def take(self, report: Iterable[Temperature], now: float) -> None:
        """Take one report of temperatures."""
        for sensor in report:
            if sensor.target is None:
                continue  # nothing is heated by it
            text = self._look(sensor, sensor.target, now)
            if text:
                self._broken[sensor.name] = text
            else:
                self._broken.pop(sensor.name, None)

    def _look(self, sensor: Temperature, target: float, now: float) -> str:
        name, actual = _name(sensor.name), sensor.actual
        heating = self._heating.pop(sensor.name, None)
        if target <= 0.0:
            return ""
        if actual is None or actual < OPEN:
            # The heater stays known, so that it is switched off at the end.
            self._heating[sensor.name] = heating or _Heating(target, OPEN)
            return f"the sensor of the {name} gives no temperature; check its cable"
        if heating is None or heating.target != target:
            heating = _Heating(target, actual)
        self._heating[sensor.name] = heating
        heating.peak = max(heating.peak, actual)
        if actual > target - BELOW or actual > heating.peak - FALLEN:
            heating.falling = None
            return ""
        if heating.falling is None:
            heating.falling = now
        if now - heating.falling < LASTING:
            return ""
        fallen = f"from {heating.peak:.0f} to {actual:.0f}"
        return f"the {name} fell {fallen} degrees although it is heated to {target:.0f}; check it"


def _name(sensor: str) -> str:
    if sensor in _NAMES:
        return _NAMES[sensor]
    return "nozzle" if sensor in ("T", "T0") else f"nozzle {sensor[1:]}"
