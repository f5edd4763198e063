"""PURE. Commands that report, talk to the user, or set up the communication."""

import math
import re
from collections.abc import Callable

from gotapi_printer.simulator.machine import CONTINUE, Busy, HaltedError, Machine, Task
from gotapi_printer.simulator.settings import MAX_TOOLS
from gotapi_printer.simulator.texts import identity_lines, settings_lines
from gotapi_printer.simulator.words import integer, parse_words

__all__ = ["INFO"]

_FLAGS = ("ECHO", "INFO", "ERRORS", "DRYRUN", "COMMUNICATION")
_STOP_WORDS = re.compile(r"(?:[PS] *[\d.]+ *)*")
_M118_WORDS = re.compile(r"(?:([AE])1 *|P\d+ *|[AE]0 *)")


def _stop(name: str) -> Callable[[Machine, str], Task | None]:
    """M0 and M1: wait for the user, for ever or for P milliseconds or S seconds."""

    def handle(machine: Machine, args: str) -> Task:
        found = _STOP_WORDS.match(args)
        cut = found.end() if found else 0
        words, text = parse_words(args[:cut]), args[cut:]
        seconds = words.get("S")
        if seconds is None:
            seconds = (words.get("P") or 0.0) / 1000
        return _wait_for_user(machine, text, f"{name} Stop", seconds or math.inf)

    return handle


def _wait_for_user(machine: Machine, text: str, default: str, seconds: float) -> Task:
    yield from machine.synchronize()
    if text:
        machine.echo(text)
    _prompt(machine, text or default)
    yield from _until_answered(machine, seconds)


def _until_answered(machine: Machine, seconds: float) -> Task:
    machine.waiting_for_user, machine.busy = True, Busy.USER
    until = machine.now + seconds
    while machine.waiting_for_user and machine.now < until:
        yield until
    machine.waiting_for_user = False


def _prompt(machine: Machine, text: str, *buttons: str) -> None:
    machine.action("prompt_end")
    machine.action(f"prompt_begin {text}")
    for button in buttons or ("Continue",):
        machine.action(f"prompt_button {button}")
    machine.action("prompt_show")


def _change_filament(machine: Machine, args: str) -> Task:
    machine.action("paused")
    yield from _wait_for_user(machine, "", "Nozzle Parked", math.inf)
    while machine.settings.purge_prompt:
        _prompt(machine, "Filament Purge", "Purge More", "Continue")
        yield from _until_answered(machine, math.inf)
        if machine.choice == CONTINUE:
            break
    machine.action("resumed")


def _position(machine: Machine, args: str) -> Task | None:
    machine.say(machine.position_text())
    return None


def _position_reports(machine: Machine, args: str) -> Task | None:
    seconds = parse_words(args).get("S")
    if seconds is not None:
        machine.position_reports.every(int(seconds), machine.now)
    return None


def _identity(machine: Machine, args: str) -> Task | None:
    lines = identity_lines(machine.settings)
    if machine.settings.dialect.identity_in_ok:
        machine.ok_suffix = " " + " ".join(lines)
        return None
    for line in lines:
        machine.say(line)
    return None


def _settings(machine: Machine, args: str) -> Task | None:
    for line in settings_lines(machine.limits):
        machine.say(line)
    return None


def _echo(text: str) -> Callable[[Machine, str], Task | None]:
    def handle(machine: Machine, args: str) -> Task | None:
        machine.echo(text)
        return None

    return handle


def _keepalive(machine: Machine, args: str) -> Task | None:
    seconds = parse_words(args).get("S")
    if seconds is None:
        machine.echo(f"M113 S{machine.keepalive:g}")
    else:
        machine.keepalive = float(min(max(int(seconds), 0), 60))
    return None


def _line_number(machine: Machine, args: str) -> Task | None:
    number = integer(parse_words(args), "N")
    if number is not None:
        machine.line_number = number
    return None


def _debug(machine: Machine, args: str) -> Task | None:
    flags = integer(parse_words(args), "S")
    if flags is not None:
        machine.debug = flags & 31
    names = [name for bit, name in enumerate(_FLAGS) if machine.debug >> bit & 1]
    machine.echo("DEBUG:" + (",".join(names) or "Off"))
    return None


def _kill(machine: Machine, args: str) -> Task | None:
    raise HaltedError("M112 Shutdown", "echo:")


def _message(machine: Machine, args: str) -> Task | None:
    """M118: send a text to the host, A1 as an action line, E1 as an echo."""
    prefix = ""
    while found := _M118_WORDS.match(args):
        prefix = {"A": "//", "E": "echo:"}.get(found[1] or "", prefix)
        args = args[found.end() :]
    machine.say(prefix + args)
    return None


def _endstop_states(machine: Machine, args: str) -> Task | None:
    machine.say("Reporting endstop status")
    for axis, name in enumerate("xyz"):
        at_zero = axis in machine.place.homed and machine.place.axes[axis] <= 0
        machine.say(f"{name}_min: {'TRIGGERED' if at_zero else 'open'}")
    return None


def _progress(machine: Machine, args: str) -> Task | None:
    words = parse_words(args)
    for letter in "PR":
        value = integer(words, letter)
        if value is not None:
            machine.progress[letter] = value
    parts = []
    if "P" in machine.progress:
        parts.append(f" Progress: {min(max(machine.progress['P'], 0), 100)}%;")
    if "R" in machine.progress:
        parts.append(f" Time left: {machine.progress['R']}m;")
    machine.echo(" M73" + "".join(parts))
    return None


def _tool(index: int) -> Callable[[Machine, str], Task | None]:
    def handle(machine: Machine, args: str) -> Task | None:
        if index >= len(machine.nozzles):
            machine.echo(f"T{index} Invalid extruder")
            return None
        machine.tool = index
        machine.echo(f"Active Extruder: {index}")
        return None

    return handle


def _silent(machine: Machine, args: str) -> Task | None:
    """Accepted, and nothing a host could see happens."""
    return None


# Settings, displays and sounds this printer takes without a visible effect.
_QUIET = (
    *("G17", "M17", "M75", "M76", "M77", "M85", "M117", "M120", "M121", "M145", "M200", "M205"),
    *("M206", "M300", "M301", "M304", "M420", "M851", "M876", "M999"),
)

INFO: dict[str, Callable[[Machine, str], Task | None]] = {
    **dict.fromkeys(_QUIET, _silent),
    "M0": _stop("M0"),
    "M1": _stop("M1"),
    "M73": _progress,
    "M110": _line_number,
    "M111": _debug,
    "M112": _kill,
    "M113": _keepalive,
    "M114": _position,
    "M115": _identity,
    "M118": _message,
    "M119": _endstop_states,
    "M154": _position_reports,
    "M500": _echo("Settings Stored (614 bytes; crc 3761)"),
    "M501": _echo("V86 stored settings retrieved (614 bytes; crc 3761)"),
    "M502": _echo("Hardcoded Default Settings Loaded"),
    "M503": _settings,
    "M600": _change_filament,
    **{f"T{index}": _tool(index) for index in range(MAX_TOOLS)},
}
