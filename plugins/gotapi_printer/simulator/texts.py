"""PURE. The longer texts of the firmware: boot, M115 and M503."""

import enum

from gotapi_printer.simulator.motion import Limits
from gotapi_printer.simulator.settings import Settings

__all__ = ["CAPABILITIES", "ResetCause", "boot_lines", "identity_lines", "settings_lines"]

_VERSION = "bugfix-2.1.x"
_DATE = "Jan 24 2023"
# Bytes of one planner block on an 8-bit board.
_BLOCK_BYTES = 80


class ResetCause(enum.Enum):
    """Why the board started; the value is the boot line that says so."""

    POWER = "PowerUp"
    EXTERNAL = "External Reset"
    BROWN_OUT = "Brown out Reset"
    WATCHDOG = "Watchdog Reset"
    SOFTWARE = "Software Reset"


_OF_CARD = ("SDCARD", "SD_WRITE", "AUTOREPORT_SD_STATUS", "LONG_FILENAME", "EXTENDED_M20")

# In Marlin's order (M115.cpp); what depends on the settings is filled in by identity_lines.
CAPABILITIES: dict[str, bool] = {
    "SERIAL_XON_XOFF": False,
    "BINARY_FILE_TRANSFER": False,
    "EEPROM": True,
    "VOLUMETRIC": True,
    "AUTOREPORT_POS": True,
    "AUTOREPORT_TEMP": True,
    "PROGRESS": False,
    "PRINT_JOB": True,
    "AUTOLEVEL": True,
    "RUNOUT": False,
    "Z_PROBE": True,
    "LEVELING_DATA": True,
    "BUILD_PERCENT": True,
    "SOFTWARE_POWER": False,
    "TOGGLE_LIGHTS": False,
    "CASE_LIGHT_BRIGHTNESS": False,
    "EMERGENCY_PARSER": True,
    "HOST_ACTION_COMMANDS": True,
    "PROMPT_SUPPORT": True,
    "SDCARD": False,
    "REPEAT": False,
    "SD_WRITE": False,
    "AUTOREPORT_SD_STATUS": False,
    "LONG_FILENAME": False,
    "LFN_WRITE": False,
    "CUSTOM_FIRMWARE_UPLOAD": False,
    "EXTENDED_M20": False,
    "THERMAL_PROTECTION": True,
    "MOTION_MODES": False,
    "ARCS": True,
    "BABYSTEPPING": False,
    "CHAMBER_TEMPERATURE": False,
    "COOLER_TEMPERATURE": False,
    "MEATPACK": False,
    "CONFIG_EXPORT": False,
}


def boot_lines(settings: Settings, cause: ResetCause) -> list[str]:
    """What a reset prints."""
    lines: list[str] = []
    for template in settings.dialect.boot:
        if template == "{settings}":
            lines += settings_lines(Limits())
        else:
            lines.append(_filled(template, settings, cause.value))
    return lines


def identity_lines(settings: Settings) -> list[str]:
    """What M115 answers before its ok."""
    lines = [_filled(template, settings) for template in settings.dialect.identity]
    capabilities = settings.dialect.capabilities
    if capabilities is not None:
        return lines + _capability_lines(capabilities)
    x, y, z = settings.area
    box = f"{{min:{{x:0,y:0,z:0}},max:{{x:{x:g},y:{y:g},z:{z:g}}}}}"
    return [
        *lines,
        *_capability_lines(_marlin_capabilities(settings)),
        f"area:{{full:{box},work:{box}}}",
    ]


def _marlin_capabilities(settings: Settings) -> dict[str, bool]:
    card = settings.card is not None
    return CAPABILITIES | {
        "EMERGENCY_PARSER": settings.emergency_parser,
        "CHAMBER_TEMPERATURE": settings.chamber,
        **dict.fromkeys(_OF_CARD, card),
    }


def _capability_lines(capabilities: dict[str, bool]) -> list[str]:
    return [f"Cap:{name}:{int(on)}" for name, on in capabilities.items()]


def _filled(template: str, settings: Settings, cause: str = "") -> str:
    return template.format(
        cause=cause,
        version=_VERSION,
        date=_DATE,
        planner_bytes=settings.planner_blocks * _BLOCK_BYTES,
        machine=settings.machine_type,
        uuid=settings.uuid,
        tools=settings.tools,
    )


def settings_lines(limits: Limits) -> list[str]:
    """What M503 answers before its ok."""
    return [
        "echo:  G21    ; Units in mm (mm)",
        "echo:; Steps per unit:",
        f"echo:  M92{_axes(limits.steps)}",
        "echo:; Maximum feedrates (units/s):",
        f"echo:  M203{_axes(limits.feedrate)}",
        "echo:; Maximum Acceleration (units/s2):",
        f"echo:  M201{_axes(limits.acceleration)}",
        "echo:; Acceleration (units/s2) (P<print-accel> R<retract-accel> T<travel-accel>):",
        f"echo:  M204 P{limits.printing:.2f} R{limits.retract:.2f} T{limits.travel:.2f}",
    ]


def _axes(values: list[float]) -> str:
    return "".join(f" {name}{value:.2f}" for name, value in zip("XYZE", values, strict=True))
