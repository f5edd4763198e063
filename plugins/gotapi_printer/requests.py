"""What a driver can be asked to do, and the job it runs."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from gotapi_printer.gcode import FileFacts, GcodeError, commands
from gotapi_printer.job import Foreseen, JobEvent, JobState, following, foreseen, progress
from gotapi_printer.journal import Journal, Place
from gotapi_printer.updates import JobReport

log = logging.getLogger(__name__)

Commands = Iterator[tuple[int, bytes]]
"""Of a file: the line a command stands in, and the command."""


class PrintFile(msgspec.Struct, frozen=True):
    """Print a file that `gcode.scan` found good, or the rest of it."""

    path: Path
    job_id: str
    facts: FileFacts
    journal: Path | None = None
    """Where to note how far it is, to the line."""
    after: Place = Place()
    """Begin behind this place."""
    lead: tuple[bytes, ...] = ()
    """Commands before the first one of the file."""


class Pause(msgspec.Struct, frozen=True):
    """Hold the file back."""


class Resume(msgspec.Struct, frozen=True):
    """Go on with the file."""


class Stop(msgspec.Struct, frozen=True):
    """End the job and make the printer safe."""

    reason: str = ""


class EmergencyStop(msgspec.Struct, frozen=True):
    """M112 was written: nothing may follow."""


class Reconnect(msgspec.Struct, frozen=True):
    """Close the link and open it again."""


class Send(msgspec.Struct, frozen=True):
    """Send one command; the future gets the lines of its answer."""

    command: bytes
    answer: Future[tuple[str, ...]]
    own: bool = False
    """It is the hub's own, which the policy does not look at; the nozzle may go anywhere."""


class Answer(msgspec.Struct, frozen=True):
    """Answer the prompt of this number with the choice at this place."""

    number: int
    choice: int


Request = PrintFile | Pause | Resume | Stop | EmergencyStop | Reconnect | Send | Answer


class RunningJob:
    """The job on the printer: its open file, its state and its report."""

    def __init__(self, request: PrintFile, now: float) -> None:
        self.id = request.job_id
        self.facts = request.facts
        self.state = following(JobState.QUEUED, JobEvent.START)
        self.reason = ""
        self.error = ""
        """Set when the file could not be read to its end."""
        self._path = request.path
        self._after, self._lead = request.after, request.lead
        self._journal_path = request.journal
        self.journal: Journal | None = None
        self._file: BinaryIO | None = None
        self._started = now
        self._ended: float | None = None
        self._foreseen: Foreseen | None = None
        self._earlier = 0.0
        if not request.after.line:
            self._foreseen = foreseen(request.facts)
        elif request.facts.timeline is not None:
            self._earlier = request.facts.timeline.at(request.after.line)
        self._paused = 0.0
        self._paused_at: float | None = None

    def open(self, through: Callable[[Commands], Commands]) -> Commands:
        """Open the file and give its commands `through` a policy; raises OSError and GcodeError."""
        self._file = self._path.open("rb", buffering=0)
        if os.fstat(self._file.fileno()).st_size != self.facts.bytes:
            raise GcodeError("the file changed since it was checked; upload it again")
        self._open_journal()
        rest = islice(commands(self._file), self._after.line, None)
        lead = ((self._after.file_line, command) for command in self._lead)
        return self._commands(through(chain(lead, rest)))

    def _open_journal(self) -> None:
        if self._journal_path is not None:
            try:
                self.journal = Journal(self._journal_path, self._after)
            except OSError as error:
                # The print is worth more; without it a kill costs up to five seconds of lines.
                log.warning("job %s goes on without a journal: %s", self.id, error)

    @property
    def done(self) -> tuple[int, int]:
        """What of the file counts as printed before the job."""
        return self._after.line, self._after.file_line

    @property
    def lead(self) -> int:
        """How many commands come before the first one of the file."""
        return len(self._lead)

    def _commands(self, source: Commands) -> Commands:
        try:
            yield from source
        except (OSError, GcodeError) as error:
            self.error = f"the file could not be printed to its end: {error}"

    def apply(self, event: JobEvent, now: float, reason: str = "") -> None:
        """Let something happen to the job; raises JobError where it cannot."""
        self.state = following(self.state, event)
        self.reason = reason or self.reason
        if self.state is JobState.PAUSED:
            self._paused_at = now
        elif self._paused_at is not None:
            self._paused += now - self._paused_at
            self._paused_at = None
        if self.state.final:
            self._ended = now
            self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self.journal is not None:
            self.journal.close()
            self.journal = None

    def report(self, acked: tuple[int, int], now: float) -> JobReport:
        """The job as its owner sees it after the printer took `acked`."""
        now = now if self._ended is None else self._ended
        elapsed = round(now - self._started, 1)
        waited = self._paused + (0.0 if self._paused_at is None else now - self._paused_at)
        done = progress(self.facts, *acked, elapsed - waited + self._earlier)
        return JobReport(
            self.id, self.state, done, self.reason, elapsed, round(waited, 1), self._foreseen
        )
