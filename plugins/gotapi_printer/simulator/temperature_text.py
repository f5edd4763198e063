"""PURE. Temperatures as the dialects write them."""

from collections.abc import Sequence

from gotapi_printer.simulator.dialects import TemperatureForm
from gotapi_printer.simulator.thermal import Heater

__all__ = ["temperature_text"]


def temperature_text(
    form: TemperatureForm,
    nozzles: Sequence[Heater],
    active: int,
    bed: Heater | None,
    chamber: Heater | None,
    now: float,
) -> str:
    """What M105 says, with the leading space; seconds and degrees Celsius."""
    others = _one(form.bed, bed, now) + _one(form.chamber, chamber, now)
    tools = _one(form.active, nozzles[active], now, active)
    listed = list(enumerate(nozzles)) if form.single or len(nozzles) > 1 else []
    each = "".join(_one(form.tool, heater, now, index) for index, heater in listed)
    text = others + tools + each if form.bed_first else tools + others + each
    text += _one(form.power, nozzles[active], now) + _one(form.bed_power, bed, now)
    text += _one(form.chamber_power, chamber, now)
    if len(nozzles) > 1:
        text += "".join(_one(form.tool_power, heater, now, index) for index, heater in listed)
    return text + form.tail


def _one(template: str, heater: Heater | None, now: float, index: int = 0) -> str:
    if heater is None or not template:
        return ""
    return template.format(
        index=index,
        now=heater.temperature(now),
        target=heater.target,
        power=heater.power(now),
    )
