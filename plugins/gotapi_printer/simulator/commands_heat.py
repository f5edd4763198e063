"""PURE. Commands about heaters and fans."""

import math
from collections.abc import Callable

from gotapi_printer.simulator.machine import CONTINUE, HaltedError, Machine, Task
from gotapi_printer.simulator.thermal import Heater
from gotapi_printer.simulator.words import integer, parse_words

__all__ = ["HEAT"]

# Marlin TEMP_RESIDENCY_TIME and TEMP_WINDOW: how long, and how near, before M109 is content.
_RESIDENCY = 10.0
_WINDOW = 1.0
# Marlin WATCH_TEMP_PERIOD: a heater that is on and does not warm up within this is faulty.
_WATCH = 40.0


def _tool(machine: Machine, code: str, words: dict[str, float | None]) -> int | None:
    """The tool that is meant, None after saying that there is none of that number."""
    tool = integer(words, "T")
    if tool is None:
        return machine.tool
    if 0 <= tool < len(machine.nozzles):
        return tool
    machine.echo(f"{code} Invalid extruder {tool}")
    return None


def _set_nozzle(machine: Machine, args: str) -> Task | None:
    words = parse_words(args)
    target, tool = words.get("S"), _tool(machine, "M104", words)
    if tool is not None and target is not None:
        machine.nozzles[tool].set_target(target, machine.now)
        _tell(machine, machine.settings.dialect.tool_target, machine.nozzles[tool], tool)
    return None


def _set_bed(machine: Machine, args: str) -> Task | None:
    return _set(machine, machine.bed, args, machine.settings.dialect.bed_target)


def _set_chamber(machine: Machine, args: str) -> Task | None:
    return _set(machine, machine.chamber, args, "")


def _set(machine: Machine, heater: Heater | None, args: str, told: str) -> Task | None:
    target = parse_words(args).get("S")
    if heater is not None and target is not None:
        heater.set_target(target, machine.now)
        _tell(machine, told, heater)
    return None


def _tell(machine: Machine, template: str, heater: Heater, index: int = 0) -> None:
    if template:
        machine.say(template.format(index=index, target=heater.target))


def _wait_nozzle(machine: Machine, args: str) -> Task | None:
    words = parse_words(args)
    tool = _tool(machine, "M109", words)
    if tool is None:
        return None
    return _wait(machine, machine.nozzles[tool], words, machine.settings.dialect.tool_target, tool)


def _wait_bed(machine: Machine, args: str) -> Task | None:
    return _wait(machine, machine.bed, parse_words(args), machine.settings.dialect.bed_target)


def _wait_chamber(machine: Machine, args: str) -> Task | None:
    return _wait(machine, machine.chamber, parse_words(args))


def _wait(
    machine: Machine,
    heater: Heater | None,
    words: dict[str, float | None],
    told: str = "",
    index: int = 0,
) -> Task | None:
    """M109, M190 and M191: S waits for heating only, R for cooling too."""
    if heater is None:
        return None
    hot, both = words.get("S"), words.get("R")
    target = both if hot is None else hot
    if target is not None:
        heater.set_target(target, machine.now)
        _tell(machine, told, heater, index)
    cooling = heater.target < heater.temperature(machine.now)
    if machine.settings.instant and not machine.settings.broken_heater:
        return None
    if cooling and (both is None or heater.target <= machine.settings.ambient):
        return None
    return _waiting(machine, heater)


def _waiting(machine: Machine, heater: Heater) -> Task:
    """Print the temperatures each second until the target was held for the residency time."""
    machine.waiting_for_heat = True
    began = printed = machine.now
    reached = _reached_at(machine, heater)
    # A heater that starts inside the window has to show longer that it stays there.
    end = reached + _RESIDENCY * (4 / 3 if reached <= began else 1)
    _print_wait(machine, reached, end)
    while machine.waiting_for_heat and machine.now < end:
        yield min(printed + 1, end)
        if machine.now >= began + _WATCH and math.isinf(reached):
            raise HaltedError("Heating Failed, system stopped! Heater_ID: 0")
        if machine.now >= printed + 1 and machine.now < end and machine.waiting_for_heat:
            printed = machine.now
            _print_wait(machine, reached, end)
    machine.waiting_for_heat = False


def _reached_at(machine: Machine, heater: Heater) -> float:
    now = machine.now
    gap = heater.target - heater.temperature(now)
    if abs(gap) < _WINDOW:
        return now
    return heater.time_at(heater.target - math.copysign(_WINDOW, gap))


def _print_wait(machine: Machine, reached: float, end: float) -> None:
    left = "?" if machine.now < reached else str(int(end - machine.now))
    machine.say(f"{machine.temperatures()} W:{left}")


def _report(machine: Machine, args: str) -> Task | None:
    # M105 carries its data on its own ok line, in most firmwares.
    if machine.settings.dialect.temperatures.in_ok:
        machine.ok_suffix = machine.temperatures()
    else:
        machine.say(machine.temperatures().lstrip(" "))
    return None


def _auto_report(machine: Machine, args: str) -> Task | None:
    seconds = parse_words(args).get("S")
    if seconds is not None:
        machine.temperature_reports.every(int(seconds), machine.now)
    return None


def _stop_waiting(machine: Machine, args: str) -> Task | None:
    machine.waiting_for_heat = machine.waiting_for_user = False
    machine.choice = CONTINUE
    return None


def _fan(machine: Machine, args: str) -> Task | None:
    words = parse_words(args)
    speed = words.get("S")
    machine.fans[_fan_index(words)] = 255 if speed is None else min(max(int(speed), 0), 255)
    return None


def _fan_off(machine: Machine, args: str) -> Task | None:
    machine.fans[_fan_index(parse_words(args))] = 0
    return None


def _fan_index(words: dict[str, float | None]) -> int:
    """The board drives three fans; a higher index drives the last one."""
    return min(max(integer(words, "P") or 0, 0), 2)


def _cold_extrusion(machine: Machine, args: str) -> Task | None:
    words = parse_words(args)
    allow = words.get("P")
    if allow is not None:
        machine.cold_extrusion = allow != 0
    elif words.get("S") is not None:
        machine.cold_extrusion = words["S"] == 0
    else:
        state = "en" if machine.cold_extrusion else "dis"
        machine.echo(f"Cold extrudes are {state}abled (min temp 170C)")
    return None


HEAT: dict[str, Callable[[Machine, str], Task | None]] = {
    "M104": _set_nozzle,
    "M105": _report,
    "M106": _fan,
    "M107": _fan_off,
    "M108": _stop_waiting,
    "M109": _wait_nozzle,
    "M140": _set_bed,
    "M141": _set_chamber,
    "M155": _auto_report,
    "M190": _wait_bed,
    "M191": _wait_chamber,
    "M302": _cold_extrusion,
}
