"""PURE: what the host machine tells its owner, and the values it is set up with."""

import enum

import msgspec

from gotapi_printer.marlin.replies import (
    Action,
    Busy,
    Capability,
    Comment,
    ErrorLine,
    Identification,
    Noise,
    Ok,
    Position,
    Restarted,
    Targets,
    Temperatures,
)


class FaultKind(enum.Enum):
    """Why no further line may be sent in this session."""

    RESET = "reset"
    """The firmware restarted: position, temperatures and line numbers are gone."""
    FATAL = "fatal"
    """The firmware reported an error after which it must not go on."""
    HISTORY = "history"
    """The printer asked for a line that is no longer kept."""
    RESENDS = "resends"
    """The printer asked for one line too often."""
    SILENT = "silent"
    """The printer stopped answering."""


class Fault(msgspec.Struct, frozen=True):
    """The end of a session, with a text for the user."""

    kind: FaultKind
    text: str


class Done(msgspec.Struct, frozen=True):
    """The printer took the command that was given with this tag."""

    tag: int


class JobDone(msgspec.Struct, frozen=True):
    """Every line of the job was taken, and the moves are finished (M400)."""


Event = (
    Fault
    | Done
    | JobDone
    | Ok
    | Busy
    | Restarted
    | Temperatures
    | Targets
    | Position
    | Identification
    | Capability
    | Action
    | Comment
    | ErrorLine
    | Noise
)


class Timing(msgspec.Struct, frozen=True):
    """The machine's patience, all in seconds."""

    reply: float = 10.0
    """No ok and no busy for this long: ask with a numbered M105, which settles what was taken.
    Longer from the fifth try on. A false alarm costs one line."""
    doubtful: float = 1.0
    """The same after a resend request that could be read in two ways."""
    resend_ok: float = 0.5
    """How long the ok that Marlin sends after `Resend` may take; other firmwares send none."""
    silence: float = 60.0
    """Not one line for this long while a reply is due: the printer is gone."""
    long_silence: float = 1800.0
    """The same during G28, M109 and their like on a firmware that never said busy."""
    poll: float = 2.0
    """Between temperature reports."""
    report_grace: float = 6.0
    """Without a report this long although M155 is on: poll again."""


class Limits(msgspec.Struct, frozen=True):
    """The machine's bounds."""

    window: int = 0
    """Lines in flight. 1 is ok ping-pong, right for every firmware; 0 begins with that and takes
    what the printer's oks offer (ADVANCED_OK)."""
    most: int = 16
    """Lines in flight whatever a printer offers; Marlin's queue holds 4, on large boards 16."""
    room: int = 127
    """Bytes in flight where it is more than one line: the receive buffer of small boards has 128,
    and what does not fit while they do something else is lost."""
    history: int = 128
    """Lines kept for resends; OctoPrint keeps 50, and a window of 1 needs 1."""
    same_resend: int = 10
    """Requests for one line before the job fails; OctoPrint gives up at 10 too."""
    commands: int = 256
    """Interleaved commands waiting; beyond it `command` raises."""
