"""What a printer's driver tells its owner, and the board it keeps it on."""

import enum
import logging
from collections.abc import Callable

import msgspec

from gotapi_printer.job import Foreseen, JobState, Progress
from gotapi_printer.link import LinkFacts
from gotapi_printer.marlin import Firmware, Position, Temperature
from gotapi_printer.prompts import Prompt, PromptReader

log = logging.getLogger(__name__)


class DriverState(enum.Enum):
    """How the printer can be reached."""

    OFFLINE = "offline"
    """No link, or nothing on it that answers like a printer; the driver keeps trying."""
    CONNECTING = "connecting"
    """The link is open and the printer is being asked who it is."""
    ONLINE = "online"
    HALTED = "halted"
    """The firmware stopped itself, or was stopped by M112; it must be reset."""
    CLOSED = "closed"


class JobReport(msgspec.Struct, frozen=True):
    """The job on the printer, or the last one."""

    id: str
    state: JobState
    progress: Progress
    reason: str = ""
    elapsed: float = 0.0
    """Seconds since its first line, pauses included."""
    paused: float = 0.0
    """Seconds of them that it was paused."""
    foreseen: Foreseen | None = None


class DriverFault(msgspec.Struct, frozen=True):
    """Why the last connection or job went wrong; kept until the next job starts."""

    kind: str
    """`reset`, `fatal`, `history`, `resends`, `silent`, `link`, `file` or `emergency`."""
    text: str
    job_id: str | None = None
    line: int = 0
    """Commands of the file that the printer had taken."""
    file_line: int = 0
    """The line of the file, counted from 1, that the last of them stands in."""


class DriverUpdate(msgspec.Struct, frozen=True):
    """All there is to know about a printer at one moment."""

    state: DriverState
    message: str = ""
    """One sentence for the user: what is wrong and what to do, or what the printer says."""
    link: LinkFacts | None = None
    firmware: Firmware | None = None
    temperatures: tuple[Temperature, ...] = ()
    position: Position | None = None
    job: JobReport | None = None
    fault: DriverFault | None = None
    prompt: Prompt | None = None
    """What the printer asks its user, if it waits for an answer."""
    resends: int = 0
    """Lines the printer asked for again since it was connected."""
    recalled: int | None = None
    """The number of the last line that the printer took over an earlier connection, if it was
    left in the middle of a job and still knew; until it is given another job or restarts."""
    warning: str = ""
    """What is wrong with the heaters while they still do something, or nothing."""


OnUpdate = Callable[[DriverUpdate], None]


class Board:
    """The newest update; `publish` gives it to the owner if anything in it changed."""

    def __init__(self, on_update: OnUpdate) -> None:
        self._on_update = on_update
        self._published: DriverUpdate | None = None
        self.update = DriverUpdate(DriverState.OFFLINE, "not connected yet")
        self.measured_at: float | None = None
        """When the last temperatures came, by the driver's clock, also if they were the same."""
        self.prompts = PromptReader()
        """Here, and not in a session, so that the numbers of prompts never come again."""

    def set(self, **changes: object) -> None:
        """Change members of the update."""
        self.update = msgspec.structs.replace(self.update, **changes)

    def publish(self) -> None:
        """Tell the owner, unless nothing changed since the last time."""
        if self.update == self._published:
            return
        self._published = self.update
        try:
            self._on_update(self.update)
        except Exception:
            # The owner's mistake, or its loop is closed: neither may stop a print.
            log.exception("the owner of the printer did not take its update")
