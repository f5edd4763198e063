"""PURE: the firmware families as data: how each is known, what it understands, how it answers.

What a firmware says of itself (`Cap:` lines of M115) wins over what stands here. The family of a
printer that says nothing it can be known by is `UNKNOWN`, which promises nothing.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

_NOTHING = re.compile(r"(?!)")

_SHUTDOWN = re.compile(
    r"^\s*$|shutdown|emergency stop|not heating at expected rate|lost communication|halted|kill"
    r"|thermal runaway|internal error|not ready",
    re.IGNORECASE,
)


class Dialect(msgspec.Struct, frozen=True):
    """One family of firmware."""

    name: str
    title: str
    words: tuple[str, ...] = ()
    """What FIRMWARE_NAME has in it, in lower case; any one of them."""
    greetings: tuple[str, ...] = ()
    """What a line of its boot text begins with, where M115 says nothing."""
    verifies: bool = True
    """It checks checksums and asks for a damaged line again."""
    counts: bool = True
    """It sees by the numbers when a line is missing. Where it does not, a lost line stays lost."""
    insists: bool = False
    """It takes no line without a number once it has seen one."""
    says_busy: bool = True
    """Commands that take long are filled with `busy` or reports; else minutes may be silent."""
    pipelines: bool = True
    """More than one line may be in flight where its oks tell how much room there is."""
    resets: bool = True
    """Opening the port restarts most boards that run it."""
    capabilities: Mapping[str, bool] = {}
    """What it can without a `Cap:` line that says so, or cannot whatever its relatives can."""
    unknown: frozenset[str] = frozenset()
    """Commands the hub has a use for that it does not understand."""
    severe: re.Pattern[str] = re.compile("")
    """Which of its `!!` lines mean that it has stopped for good."""
    refusal: re.Pattern[str] = _NOTHING
    """Which of its other error lines mean that the command was not carried out."""
    revive: str = ""
    """The command after which a stopped firmware goes on without its reset button."""

    def knows(self, command: str) -> bool:
        """Whether it understands a command, as far as that is known."""
        return command not in self.unknown


UNKNOWN = Dialect("unknown", "a firmware that does not say what it is", pipelines=False)

MARLIN = Dialect("marlin", "Marlin", words=("marlin",), greetings=("Marlin ",))

_PRUSA = Dialect(
    "prusa",
    "Prusa firmware",
    words=("prusa-firmware", "prusa buddy"),
    greetings=("echo: 3.", "Prusa-Firmware"),
    unknown=frozenset({"M876", "M118"}),
)

_KLIPPER = Dialect(
    "klipper",
    "Klipper",
    words=("klipper",),
    greetings=("// Klipper state:",),
    verifies=False,
    counts=False,
    says_busy=False,
    resets=False,
    capabilities={"EMERGENCY_PARSER": False, "AUTOREPORT_TEMP": False},
    unknown=frozenset({"M85", "M108", "M113", "M155", "M410", "M524", "M876", "M154"}),
    severe=_SHUTDOWN,
    # `!! Move out of range ...` and then an ok: the next line is taken all the same.
    refusal=re.compile(""),
    revive="FIRMWARE_RESTART",
)

_REPRAP = Dialect(
    "reprap",
    "RepRapFirmware",
    words=("reprapfirmware",),
    greetings=("RepRapFirmware",),
    counts=False,
    says_busy=False,
    resets=False,
    pipelines=False,
    capabilities={"AUTOREPORT_TEMP": False, "SDCARD": True},
    unknown=frozenset({"M85", "M155", "M154", "M410", "M524", "M876"}),
    severe=_SHUTDOWN,
    refusal=re.compile(r"^(?!.*shutdown)", re.IGNORECASE),
)

_REPETIER = Dialect(
    "repetier",
    "Repetier-Firmware",
    words=("repetier",),
    greetings=("Repetier",),
    insists=True,
    pipelines=False,
    unknown=frozenset({"M108", "M154", "M410", "M524", "M876"}),
    revive="M999",
)

_SMOOTHIE = Dialect(
    "smoothie",
    "Smoothieware",
    words=("smoothieware", "smoothie"),
    greetings=("Smoothie",),
    says_busy=False,
    resets=False,
    pipelines=False,
    capabilities={"AUTOREPORT_TEMP": False, "SDCARD": True},
    unknown=frozenset({"M85", "M108", "M113", "M154", "M155", "M410", "M876"}),
    revive="M999",
)

_MALYAN = Dialect(
    "malyan",
    "Malyan (Monoprice)",
    words=("malyan",),
    greetings=("NAME. Malyan",),
    insists=True,
    pipelines=False,
    capabilities={"SDCARD": True},
    unknown=frozenset({"M85", "M108", "M113", "M118", "M154", "M155", "M410", "M524", "M876"}),
)

# Prusa before Marlin: its name says `based on Marlin`.
DIALECTS = {
    dialect.name: dialect
    for dialect in (_PRUSA, _KLIPPER, _REPRAP, _REPETIER, _SMOOTHIE, _MALYAN, MARLIN)
}
"""The known families by name, in the order in which they are looked for."""


def recognised(firmware_name: str, boot: Iterable[str] = ()) -> Dialect:
    """The family by FIRMWARE_NAME of M115, else by the lines of its boot text."""
    name = firmware_name.lower()
    lines = tuple(boot)
    for dialect in DIALECTS.values():
        if any(word in name for word in dialect.words):
            return dialect
    for dialect in DIALECTS.values():
        if not name and any(line.startswith(dialect.greetings) for line in lines):
            return dialect
    return UNKNOWN
