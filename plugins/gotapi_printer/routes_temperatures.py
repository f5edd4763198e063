"""The route about temperatures of the last day: an extension of profile `3dp`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated

import msgspec

from gotapi_core.plugin import Call, Params, Result, get
from gotapi_printer.marlin import Temperature
from gotapi_printer.printer import Printer
from gotapi_printer.temperature_history import Point


class TemperaturesParams(Params):
    """GET temperatures: from when on, seconds since 1970; without it of the whole day."""

    since: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class SensorSeries(msgspec.Struct, frozen=True, rename="camel"):
    """One sensor: degrees Celsius at each of the times, null where it told none."""

    sensor: str
    temperature: tuple[float | None, ...]
    target: tuple[float | None, ...]


class TemperaturesResult(Result):
    """What the sensors had: the times, seconds since 1970, and a series of each sensor."""

    times: tuple[float, ...]
    temperatures: tuple[SensorSeries, ...]


class TemperatureRoutes(ABC):
    """The part of the printer plug-in that tells how warm the printer was."""

    @abstractmethod
    def _printer(self, call: Call) -> Printer:
        """Return the printer a call is for; raises UnknownService."""

    @get("3dp", "temperatures")
    async def temperatures(self, call: Call, params: TemperaturesParams) -> TemperaturesResult:
        """Tell the temperatures of the last day: every 2 s for ten minutes, every 30 s before."""
        return in_columns(self._printer(call).temperatures.after(params.since))


def in_columns(points: Sequence[Point]) -> TemperaturesResult:
    """Return points as one series for each sensor, in the order in which they were first told."""
    names = dict.fromkeys(one.name for point in points for one in point.readings)
    rows = [{one.name: one for one in point.readings} for point in points]
    nothing = Temperature("", None)
    return TemperaturesResult(
        times=tuple(round(point.at, 2) for point in points),
        temperatures=tuple(
            SensorSeries(
                name,
                tuple(row.get(name, nothing).actual for row in rows),
                tuple(row.get(name, nothing).target for row in rows),
            )
            for name in names
        ),
    )
