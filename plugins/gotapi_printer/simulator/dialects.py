"""PURE. The firmware families as data: what they say differently, and what they check.

Everything a dialect leaves out is as Marlin 2.1 does it. Texts are templates for `str.format`.
"""

from dataclasses import dataclass, field

__all__ = ["DIALECTS", "MARLIN", "Dialect", "LineRules", "TemperatureForm"]

_SAYS_NOTHING: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineRules:
    """What is checked of a numbered line.

    `sequence`: the number must be the next. `repeats`: the last two lines may come again and are
    then only answered with `repeat`. `checksum`: it is verified. `forced`: after the first
    numbered line no other is taken.
    """

    sequence: bool = True
    repeats: bool = True
    repeat: tuple[str, ...] = _SAYS_NOTHING
    checksum: bool = True
    forced: bool = False


@dataclass(frozen=True, slots=True)
class TemperatureForm:
    """How M105 and the reports write temperatures; an empty text leaves a part out.

    `tool` is said for every tool of a printer with several, or always with `single`.
    """

    active: str = " T:{now:.2f} /{target:.2f}"
    bed: str = " B:{now:.2f} /{target:.2f}"
    chamber: str = " C:{now:.2f} /{target:.2f}"
    tool: str = " T{index}:{now:.2f} /{target:.2f}"
    power: str = " @:{power}"
    bed_power: str = " B@:{power}"
    chamber_power: str = " C@:{power}"
    tool_power: str = " @{index}:{power}"
    tail: str = ""
    single: bool = False
    bed_first: bool = False
    # Whether M105 is answered on the ok line; else on a line of its own before the ok.
    in_ok: bool = True


@dataclass(frozen=True, slots=True)
class Dialect:
    """One family. Fields of the templates: see `texts.py` and `firmware.py`."""

    name: str
    title: str
    boot: tuple[str, ...]
    identity: tuple[str, ...]
    # M115 on the ok line, as Klipper does it.
    identity_in_ok: bool = False
    # Names and values of `Cap:` lines; None says those of Marlin, by the settings.
    capabilities: dict[str, bool] | None = field(default_factory=dict)
    end_of_line: str = "\n"
    echo: str = "echo:"
    ok: str = "ok"
    # Every ok as with ADVANCED_OK, whatever the settings say.
    advanced_ok: bool = False
    rules: LineRules = LineRules()
    temperatures: TemperatureForm = TemperatureForm()
    # {error}, {last}, {next}, {number} of a refused line.
    refusal: tuple[str, ...] = ("Error:{error}, Last Line: {last}", "Resend: {next}", "ok")
    unknown: tuple[str, ...] = ('echo:Unknown command: "{text}"',)
    # An empty line is answered too.
    empty_ok: bool = False
    # The keepalive line before `busy: ...`; None says nothing meanwhile.
    busy: str | None = "echo:"
    # Said every second while nothing is to do; empty says nothing.
    idle: str = ""
    # Said for a new target of a tool ({index}) or of the bed; empty says nothing.
    tool_target: str = ""
    bed_target: str = ""
    emergency_parser: bool = True
    # {reason} is what happened, {prefix} how Marlin begins the line that says so.
    halt: tuple[str, ...] = (
        "{prefix}{reason}",
        "Error:Printer halted. kill() called!",
        "//action:poweroff",
    )
    # What answers a line while halted, and the line that ends that; Marlin is silent.
    halted: tuple[str, ...] = _SAYS_NOTHING
    revive: str = ""
    # Moves before homing and beyond the axes are refused with an error, not clamped.
    strict_moves: bool = False
    # M0, M600 and the runout sensor talk in `//action:` lines.
    host_actions: bool = True


MARLIN = Dialect(
    name="marlin",
    title="Marlin 2.1",
    boot=(
        "start",
        "{cause}",
        "Marlin {version}",
        "echo: Last Updated: 2023-01-24 | Author: (none, default config)",
        "echo:Compiled: {date}",
        "echo: Free Memory: 4711  PlannerBufferBytes: {planner_bytes}",
        "echo:Hardcoded Default Settings Loaded",
        "{settings}",
    ),
    identity=(
        "FIRMWARE_NAME:Marlin {version} ({date} 12:00:00) "
        "SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin PROTOCOL_VERSION:1.0 "
        "MACHINE_TYPE:{machine} EXTRUDER_COUNT:{tools} UUID:{uuid}",
    ),
    capabilities=None,
)

_PRUSA = Dialect(
    name="prusa",
    title="Prusa firmware 3 for 8-bit boards",
    boot=("start", "echo: 3.13.3-7094", "echo: Last Updated: Feb 27 2024", "{settings}"),
    identity=(
        "FIRMWARE_NAME:Prusa-Firmware 3.13.3 based on Marlin "
        "FIRMWARE_URL:https://github.com/prusa3d/Prusa-Firmware PROTOCOL_VERSION:1.0 "
        "MACHINE_TYPE:{machine} EXTRUDER_COUNT:{tools} UUID:{uuid}",
    ),
    capabilities={
        "AUTOREPORT_TEMP": True,
        "AUTOREPORT_FANS": True,
        "AUTOREPORT_POSITION": True,
        "EXTENDED_M20": True,
        "PRUSA_MMU2": False,
    },
    rules=LineRules(repeats=False),
    temperatures=TemperatureForm(
        active=" T:{now:.1f} /{target:.1f}",
        bed=" B:{now:.1f} /{target:.1f}",
        tool=" T{index}:{now:.1f} /{target:.1f}",
        tool_power="",
        tail=" P:0.0 A:26.4",
        single=True,
    ),
    unknown=('echo:Unknown command: "{text}"(2)',),
    emergency_parser=False,
)

_KLIPPER = Dialect(
    name="klipper",
    title="Klipper, its G-code terminal",
    boot=(),
    identity=("FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.13.0-1-gabcdef0",),
    identity_in_ok=True,
    rules=LineRules(sequence=False, repeats=False, checksum=False),
    temperatures=TemperatureForm(
        active="",
        bed=" B:{now:.1f} /{target:.1f}",
        chamber=" C:{now:.1f} /{target:.1f}",
        tool=" T{index}:{now:.1f} /{target:.1f}",
        power="",
        bed_power="",
        chamber_power="",
        tool_power="",
        single=True,
        bed_first=True,
    ),
    unknown=('// Unknown command:"{text}"',),
    empty_ok=True,
    busy=None,
    halt=(
        "// {reason}",
        '// Once the underlying issue is corrected, use the "FIRMWARE_RESTART"',
        "// command to reset the firmware, reload the config, and restart the host software.",
        "!! Printer is shutdown",
        "ok",
    ),
    echo="// ",
    halted=("!! Printer is shutdown", "ok"),
    revive="FIRMWARE_RESTART",
    strict_moves=True,
    host_actions=False,
)

_REPRAP = Dialect(
    name="reprap",
    title="RepRapFirmware 3",
    boot=(),
    identity=(
        "FIRMWARE_NAME: RepRapFirmware for Duet 2 WiFi/Ethernet FIRMWARE_VERSION: 3.4.6 "
        "ELECTRONICS: {machine} FIRMWARE_DATE: 2023-07-21 14:08:28",
    ),
    rules=LineRules(sequence=False, repeats=False),
    temperatures=TemperatureForm(
        active=" T:{now:.1f} /{target:.1f}",
        bed=" B:{now:.1f} /{target:.1f}",
        chamber=" C:{now:.1f} /{target:.1f}",
        tool=" T{index}:{now:.1f} /{target:.1f}",
        power="",
        bed_power="",
        chamber_power="",
        tool_power="",
        single=True,
    ),
    refusal=("Resend: {number}", "ok"),
    echo="",
    unknown=("Warning: unsupported command: {text}",),
    busy=None,
    halt=("Error: {reason}", "Error: Emergency stop, all heaters off"),
    host_actions=False,
)

_REPETIER = Dialect(
    name="repetier",
    title="Repetier-Firmware 1.0",
    boot=("start", "Info:{cause}", "Free RAM:4711"),
    identity=(
        "FIRMWARE_NAME:Repetier_1.0.4 "
        "FIRMWARE_URL:https://github.com/repetier/Repetier-Firmware/ PROTOCOL_VERSION:1.0 "
        "MACHINE_TYPE:{machine} EXTRUDER_COUNT:{tools} REPETIER_PROTOCOL:3",
    ),
    capabilities={"PROGRESS": True, "AUTOREPORT_TEMP": True, "EEPROM": True},
    ok="ok {number}",
    rules=LineRules(repeat=("skip {number}", "ok {number}"), forced=True),
    temperatures=TemperatureForm(
        active=" T:{now:.2f}",
        bed=" B:{now:.2f}",
        chamber=" C:{now:.2f}",
        tool=" T{index}:{now:.2f}",
        in_ok=False,
    ),
    refusal=("Error:{error} (expected line {next} got {number})", "Resend:{next}", "ok"),
    unknown=("Unknown command:{text}",),
    busy="",
    idle="wait",
    tool_target="TargetExtr{index}:{target:.0f}",
    bed_target="TargetBed:{target:.0f}",
    emergency_parser=False,
    halt=("fatal:{reason}",),
    halted=("fatal:Printer stopped, restart needed",),
    revive="M999",
)

_SMOOTHIE = Dialect(
    name="smoothie",
    title="Smoothieware",
    boot=("Smoothie", "ok"),
    identity=(
        "FIRMWARE_NAME:Smoothieware, FIRMWARE_URL:http%3A//smoothieware.org, "
        "X-SOURCE_CODE_URL:https://github.com/Smoothieware/Smoothieware, "
        "FIRMWARE_VERSION:edge-3332442, X-FIRMWARE_BUILD_DATE:Apr 22 2015 15:52:55, "
        "X-SYSTEM_CLOCK:120MHz, X-AXES:5, X-GRBL_MODE:0",
    ),
    end_of_line="\r\n",
    echo="",
    rules=LineRules(repeats=False),
    temperatures=TemperatureForm(
        active=" T:{now:.1f} /{target:.1f} @{power}",
        bed=" B:{now:.1f} /{target:.1f} @{power}",
        chamber=" C:{now:.1f} /{target:.1f} @{power}",
        tool=" T{index}:{now:.1f} /{target:.1f} @{power}",
        power="",
        bed_power="",
        chamber_power="",
        tool_power="",
    ),
    # No ok for a refused line, and the number with its letter.
    refusal=("rs N{next}",),
    unknown=(),
    busy=None,
    emergency_parser=False,
    halt=("{reason}", "ok Emergency Stop Requested - reset or M999 required to exit HALT state"),
    halted=("!!",),
    revive="M999",
    host_actions=False,
)

_MALYAN = Dialect(
    name="malyan",
    title="Malyan (Monoprice) firmware",
    boot=("start",),
    identity=("NAME. Malyan VER: 2.9 MODEL: M200 HW: HA02",),
    advanced_ok=True,
    rules=LineRules(forced=True),
    temperatures=TemperatureForm(
        active=" T:{now:.0f} /{target:.0f}",
        bed=" B:{now:.0f} /{target:.0f}",
        tool=" T{index}:{now:.0f} /{target:.0f}",
        tool_power="",
        single=True,
    ),
    emergency_parser=False,
)

DIALECTS = {
    dialect.name: dialect
    for dialect in (MARLIN, _PRUSA, _KLIPPER, _REPRAP, _REPETIER, _SMOOTHIE, _MALYAN)
}
