"""PURE. What can go wrong on purpose at a counted line, and which faults there are at all."""

import enum
from dataclasses import dataclass

__all__ = ["STANDING_FAULTS", "Fault", "FaultPlan", "Trigger"]

# Faults that are there all the time, as `--list-faults` says them.
STANDING_FAULTS = (
    "--corrupt P    each received line is damaged with probability P before the firmware parses "
    "it: one bit of one byte flips, or one byte is lost; --seed makes it repeatable",
    "--garble P     each line the firmware says is damaged so with probability P",
    "--lose-ok P    each ok is lost with probability P",
    "--merge P      each line the firmware says loses its end with probability P",
    "--baud B       a host that opens the port at another speed receives garbage and sends it",
    "--silent       the firmware never says anything",
    "--babble       garbage without end in place of answers",
    "--reset-loop S the board reboots every S seconds while the port is open",
    "--broken-heater a heater that never warms up: M109 ends in Heating Failed, halted",
    "--broken-endstop an endstop that never closes: G28 ends in Homing Failed, halted",
)


class Fault(enum.Enum):
    """A fault that fires once, when so many numbered lines have been accepted.

    The line that fires it is accepted (it stands in the transcript) and never answered; for the
    stall with an end it is answered after the stall, and for the end of the filament as usual.
    """

    @property
    def freezes(self) -> bool:
        """Whether nothing is executed any more until the fault has been dealt with."""
        return self not in _GOES_ON

    RESET = (
        "--reset-at N   the board reboots by its watchdog: boot text, queue, line number and "
        "targets lost"
    )
    STALL = (
        "--stall-at N   the firmware hangs: no answer to anything, for ever or for --stall-for "
        "seconds; bytes beyond the receive buffer are lost"
    )
    UNPLUG = (
        "--unplug-at N  the cable is pulled: the port vanishes with its link; with "
        "--replug-after seconds it comes back under the same link"
    )
    RUNOUT = (
        "--runout-at N  the filament ends: the host is told, and the firmware runs M600 by itself"
    )
    MAXTEMP = "--maxtemp-at N the nozzle's sensor reads too hot: MAXTEMP triggered, halted"
    RUNAWAY = "--runaway-at N the nozzle cools although it is heated: Thermal Runaway, halted"


# Faults after which the firmware goes on by itself: their line is answered as any other.
_GOES_ON = frozenset((Fault.RUNOUT,))


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which faults happen; a number counts accepted numbered lines other than M110, from 1."""

    corrupt: float = 0.0
    seed: int = 0
    reset_at: int | None = None
    stall_at: int | None = None
    unplug_at: int | None = None
    runout_at: int | None = None
    maxtemp_at: int | None = None
    runaway_at: int | None = None
    # Real seconds, whatever the time scale; None is for ever.
    stall_for: float | None = None
    replug_after: float | None = None
    reset_loop: float | None = None
    # Probabilities for each line that is said.
    garble: float = 0.0
    lose_ok: float = 0.0
    merge: float = 0.0
    # Bits per second; None understands every speed.
    baud: int | None = None
    silent: bool = False
    babble: bool = False


class Trigger:
    """Counts accepted file lines and says which fault fires."""

    def __init__(self, plan: FaultPlan) -> None:
        wanted = (
            (plan.reset_at, Fault.RESET),
            (plan.stall_at, Fault.STALL),
            (plan.unplug_at, Fault.UNPLUG),
            (plan.runout_at, Fault.RUNOUT),
            (plan.maxtemp_at, Fault.MAXTEMP),
            (plan.runaway_at, Fault.RUNAWAY),
        )
        self._at: dict[int, list[Fault]] = {}
        for line, fault in wanted:
            if line is not None:
                self._at.setdefault(line, []).append(fault)
        self.lines = 0

    def count(self, text: bytes, number: int | None) -> list[Fault]:
        """Count an accepted line; the faults it fires, almost always none."""
        if number is None or text.startswith(b"M110"):
            return []
        self.lines += 1
        return self._at.get(self.lines, [])
