"""PURE: the tables of the policy: what is refused, and which words are limited.

The reasons are read by people who want to know why their file was not printed.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _table(groups: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({code: why for why, codes in groups.items() for code in codes.split()})


REFUSED = _table(
    {
        "it changes what the printer has stored": "M500 M501 M502 M504 M540 M551 M552 M586 M587"
        " M588 M589 SAVE_CONFIG",
        "it starts or writes a file on the printer's card, which nobody checked": "M24 M28 M30 M32"
        " M33 M39 M98 M928 SDCARD_PRINT_FILE RUN_SHELL_COMMAND",
        "it defines or runs a macro, which nobody checked": "M810 M811 M812 M813 M814 M815 M816"
        " M817 M818 M819",
        "it replaces the firmware or restarts it": "M997 RESTART FIRMWARE_RESTART",
        "it changes the steps, motors or drivers": "M92 M350 M906 M907 M908 M909 M910 M911 M912"
        " M913 M914 M915 M569 SET_TMC_CURRENT SET_TMC_FIELD INIT_TMC",
        "it changes how the heaters are controlled or measured": "M143 M301 M303 M304 M305 M306"
        " M307 M308 M309 PID_CALIBRATE",
        "it changes the geometry or the offsets of the printer": "M206 M428 M665 M666 M851 G53 G54"
        " G55 G56 G57 G58 G59 DELTA_CALIBRATE",
        "it moves past the limits or makes them unknown": "G6 M564 FORCE_MOVE MANUAL_STEPPER"
        " SET_KINEMATIC_POSITION",
        "it drives the board's pins or its connection": "M43 M100 M510 M511 M512 M575",
    }
)
"""Refused unless an operator armed the printer."""

FILE_REFUSED = _table(
    {
        "it switches the power off, perhaps under a hot nozzle": "M81",
        "it stops the printer or answers it, which is for the operator": "M108 M112 M410 M524 M876",
    }
)
"""Refused in files as well; the operator may send them."""

NUMBERING = frozenset(("M110",))
"""Line numbers are the hub's own."""

REFUSED_WITH: Mapping[str, tuple[frozenset[str], str]] = MappingProxyType(
    {
        "M42": (frozenset("I"), "it drives a pin that the firmware protects"),
        "M208": (frozenset("XYZ"), "it changes the limits of the axes"),
        "G10": (frozenset("LXYZ"), "it changes the offsets of the printer"),
    }
)
"""Refused with one of these letters."""

HOLDS = frozenset(("M0", "M1"))
"""Wait for the user: the hub pauses the job instead, unless they end by themselves."""

NOZZLE, BED, CHAMBER = "nozzle", "bed", "chamber"

HEATING: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        # B is the highest temperature of Marlin's AUTOTEMP.
        "M104": {"S": NOZZLE, "R": NOZZLE, "B": NOZZLE},
        "M109": {"S": NOZZLE, "R": NOZZLE, "B": NOZZLE},
        "M140": {"S": BED, "R": BED},
        "M190": {"S": BED, "R": BED},
        "M141": {"S": CHAMBER, "R": CHAMBER},
        "M191": {"S": CHAMBER, "R": CHAMBER},
        # Presets that `M104 I<n>` uses later.
        "M145": {"H": NOZZLE, "B": BED, "C": CHAMBER},
        # RepRapFirmware sets the temperatures of a tool with these.
        "G10": {"S": NOZZLE, "R": NOZZLE},
        "M568": {"S": NOZZLE, "R": NOZZLE},
    }
)
"""Which words are temperatures, and of what."""

PERCENT: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"M220": (10.0, 300.0), "M221": (10.0, 300.0)}
)
"""The range of S."""

MOVES = frozenset(("G0", "G1"))
ARCS = frozenset(("G2", "G3"))
TOWARDS = frozenset(("G38", "M125", "M600", "G5", "G30"))
"""Go to a place in their words, and are refused where it is outside."""

MODES = frozenset(("G20", "G21", "G90", "G91"))

WANDERING = frozenset(
    ("G12", "G26", "G27", "G29", "G30", "G32", "G33", "G34", "G35", "G38", "G5", "G61", "G76")
) | {"G80", "G81", "M48", "M121", "M125", "RESTORE_GCODE_STATE"}
"""Leave the nozzle somewhere."""

LONG_HEATING = "SET_HEATER_TEMPERATURE"
LONG_OFFSET = "SET_GCODE_OFFSET"
MOST_OFFSET = 2.0
"""Millimetres by which a file may shift everything after it (Klipper)."""


def heater_of(name: str) -> str:
    """Which limit counts for a heater of Klipper's."""
    if "bed" in name:
        return BED
    return CHAMBER if "chamber" in name else NOZZLE
