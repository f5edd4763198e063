"""PURE: a print job: its states, its progress and what to say of it."""

import enum
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from gotapi_printer.estimate import Known, seconds_left
from gotapi_printer.gcode import FileFacts


class JobState(enum.Enum):
    """Where a job is on its way from the queue to its end."""

    FETCHING = "fetching"
    """The file is being fetched from a content server."""
    QUEUED = "queued"
    SLICING = "slicing"
    """A model is made into G-code; the printer is not needed for it."""
    STARTING = "starting"
    PRINTING = "printing"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def final(self) -> bool:
        """Whether nothing can happen to the job any more."""
        return self in _FINAL

    @property
    def active(self) -> bool:
        """Whether the job holds its printer."""
        return self not in _FINAL and self not in _WAITING


class JobEvent(enum.Enum):
    """What can happen to a job."""

    FETCHED = "fetched"
    SLICE = "slice"
    SLICED = "sliced"
    START = "start"
    STREAMING = "streaming"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    REQUEUE = "requeue"
    """The printer could not take it, so nothing of it was sent."""
    NEXT_COPY = "next copy"
    """A copy is done, and there are more to print."""
    ENDED = "ended"
    """The last line was taken, or the end commands of a stop."""
    FAIL = "fail"
    LOSE = "lose"
    """Cable out, hub killed: nobody knows how the printer stands."""


_FINAL = frozenset((JobState.DONE, JobState.STOPPED, JobState.FAILED, JobState.INTERRUPTED))

_WAITING = frozenset((JobState.FETCHING, JobState.QUEUED, JobState.SLICING))

_S, _E = JobState, JobEvent
TRANSITIONS: Mapping[tuple[JobState, JobEvent], JobState] = MappingProxyType(
    {
        (_S.FETCHING, _E.FETCHED): _S.QUEUED,
        (_S.FETCHING, _E.SLICE): _S.SLICING,
        (_S.FETCHING, _E.STOP): _S.STOPPED,
        (_S.FETCHING, _E.FAIL): _S.FAILED,
        (_S.QUEUED, _E.START): _S.STARTING,
        (_S.QUEUED, _E.STOP): _S.STOPPED,
        (_S.QUEUED, _E.FAIL): _S.FAILED,
        (_S.QUEUED, _E.SLICE): _S.SLICING,
        (_S.SLICING, _E.SLICED): _S.QUEUED,
        (_S.SLICING, _E.STOP): _S.STOPPED,
        (_S.SLICING, _E.FAIL): _S.FAILED,
        (_S.STARTING, _E.STREAMING): _S.PRINTING,
        (_S.STARTING, _E.REQUEUE): _S.QUEUED,
        (_S.STARTING, _E.STOP): _S.STOPPING,
        (_S.STARTING, _E.FAIL): _S.FAILED,
        (_S.STARTING, _E.LOSE): _S.INTERRUPTED,
        (_S.PRINTING, _E.PAUSE): _S.PAUSED,
        (_S.PRINTING, _E.STOP): _S.STOPPING,
        (_S.PRINTING, _E.ENDED): _S.DONE,
        (_S.PRINTING, _E.NEXT_COPY): _S.QUEUED,
        (_S.PRINTING, _E.FAIL): _S.FAILED,
        (_S.PRINTING, _E.LOSE): _S.INTERRUPTED,
        (_S.PAUSED, _E.RESUME): _S.PRINTING,
        (_S.PAUSED, _E.STOP): _S.STOPPING,
        # The last lines were on their way when the pause came.
        (_S.PAUSED, _E.ENDED): _S.DONE,
        (_S.PAUSED, _E.NEXT_COPY): _S.QUEUED,
        (_S.PAUSED, _E.FAIL): _S.FAILED,
        (_S.PAUSED, _E.LOSE): _S.INTERRUPTED,
        (_S.STOPPING, _E.ENDED): _S.STOPPED,
        (_S.STOPPING, _E.FAIL): _S.FAILED,
        (_S.STOPPING, _E.LOSE): _S.INTERRUPTED,
    }
)


class JobError(ValueError):
    """Something was asked of a job that its state does not allow."""


def following(state: JobState, event: JobEvent) -> JobState:
    """The state after an event; raises JobError where the event cannot happen."""
    found = TRANSITIONS.get((state, event))
    if found is None:
        raise JobError(f"a job that is {state.value} cannot {event.value}")
    return found


class Progress(msgspec.Struct, frozen=True):
    """How far a job is: counts are commands the printer took."""

    line: int = 0
    total: int = 0
    file_line: int = 0
    """The line of the file, counted from 1, that the last of them stands in."""
    layer: int = 0
    layers: int = 0
    percent: float = 0.0
    seconds_left: float | None = None
    left_source: str = ""
    """Where `seconds_left` comes from: `m73`, `slicer`, `model` or `elapsed`; see `estimate`."""


def progress(facts: FileFacts, line: int, file_line: int, elapsed: float) -> Progress:
    """The progress after `line` commands and `elapsed` seconds of printing, without pauses."""
    percent = _percent(facts, line)
    left, source = seconds_left(_known(facts, line, percent, elapsed))
    return Progress(
        line=line,
        total=facts.commands,
        file_line=file_line,
        layer=facts.layer_at(line),
        layers=facts.layers,
        percent=percent,
        seconds_left=left,
        left_source=source,
    )


def _percent(facts: FileFacts, line: int) -> float:
    """The slicer's own percentage (M73) if there is one, else the share of commands."""
    if line >= facts.commands:
        return 100.0
    mark = facts.mark_at(line)
    if mark is not None and mark.percent is not None:
        return mark.percent
    return round(100.0 * line / facts.commands, 1)


class Foreseen(msgspec.Struct, frozen=True):
    """What was thought before a print that it would take, without anything learned."""

    seconds: float
    source: str
    slicer: str


def foreseen(facts: FileFacts) -> Foreseen | None:
    """The time of a whole file, where anything but its printing tells it."""
    plain = msgspec.structs.replace(facts, pace={})
    # The first M73 stands a few commands into the file.
    line = next((mark.command for mark in facts.marks if mark.minutes_left is not None), 0)
    done = progress(plain, line, 0, 0.0)
    if done.seconds_left is None:
        return None
    before = 0.0 if facts.timeline is None else facts.timeline.at(line)
    return Foreseen(round(done.seconds_left + before, 1), done.left_source, facts.slicer)


def _known(facts: FileFacts, line: int, percent: float, elapsed: float) -> Known:
    """What there is to estimate from."""
    mark = facts.mark_at(line)
    left = None if mark is None else mark.minutes_left
    return Known(
        line=line,
        percent=percent,
        elapsed=elapsed,
        timeline=facts.timeline,
        slicer_seconds=facts.seconds,
        mark=None if mark is None or left is None else (mark.command, left * 60.0),
        pace=facts.pace,
    )


class Source(msgspec.Struct, frozen=True):
    """Where a job's file is still to be fetched from."""

    url: str
    token: str = ""
    """The secure token the application passed on; forgotten once the file is there."""


class Job(msgspec.Struct, frozen=True):
    """One job of the print queue; times are Unix seconds."""

    id: str
    uri: str
    name: str
    order: int
    state: JobState = JobState.QUEUED
    progress: Progress = Progress()
    reason: str = ""
    """Why it failed, stopped or was interrupted, and what to do."""
    queued_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    copies: int = 1
    copy: int = 1
    """The copy that is printed, or is the next one."""
    runs: int = 0
    """How often it was given to the printer."""
    assume_clear: bool = False
    """Told to start without asking for the bed, if the print before was finished."""
    notes: tuple[str, ...] = ()
    """What the printer's policy changed in the file, or left out."""
    source: Source | None = None
    seconds: float = 0.0
    """On the printer so far, in all runs that ended; pauses included."""
    filament_mm: float | None = None
    """What one copy takes, as the slicer wrote it."""
    used_mm: float = 0.0
    """What the ended runs took of it, by the share of the file that was printed."""
    first: int = 0
    """Commands of its file that an interrupted job had printed before."""
    resumes: str = ""
    """The id of that job."""
    held: bool = False
    """Waits until somebody lets it begin."""
    card: bool = False
    """Printed by the printer itself, from its card; of the progress only the percentage counts."""

    @property
    def run_id(self) -> str:
        """The name of this run for the driver: its late reports must not hit the next one."""
        return self.id if self.runs < 2 else f"{self.id}.{self.runs}"


def ended_run(job: Job, seconds: float) -> Job:
    """The job after a run of so many seconds, with what that took added."""
    own = job.progress.line - job.first
    share = own / job.progress.total if job.progress.total else 0.0
    used = (job.filament_mm or 0.0) * min(share, 1.0)
    return msgspec.structs.replace(
        job, seconds=job.seconds + seconds, used_mm=round(job.used_mm + used, 1)
    )


def next_copy(job: Job) -> Job:
    """A job of which a copy was printed, waiting for the next one; raises JobError."""
    return msgspec.structs.replace(
        job,
        state=following(job.state, JobEvent.NEXT_COPY),
        copy=job.copy + 1,
        first=0,
        progress=Progress(total=job.progress.total, layers=job.progress.layers),
    )


def advance(job: Job, event: JobEvent, now: float, reason: str = "") -> Job:
    """The job after an event at a time; raises JobError where the event cannot happen."""
    state = following(job.state, event)
    started = job.started_at
    if state is JobState.STARTING and started is None:
        started = now
    return msgspec.structs.replace(
        job,
        state=state,
        reason=reason or job.reason,
        started_at=started,
        ended_at=now if state.final else None,
    )


def message(job: Job) -> str:
    """One sentence for people about a job, the `msg` of the specification's figures."""
    done = job.progress
    match job.state:
        case JobState.FETCHING:
            text = f"Fetching {done.percent:.0f} %"
        case JobState.QUEUED if job.held:
            text = "Waiting to be let begin"
        case JobState.QUEUED if job.copy > 1:
            text = f"Waiting to print copy {job.copy} of {job.copies}"
        case JobState.QUEUED:
            text = "Waiting in the queue"
        case JobState.SLICING:
            text = f"Slicing {done.percent:.0f} %"
        case JobState.STARTING:
            text = "Starting"
        case JobState.PRINTING:
            copy = f", copy {job.copy} of {job.copies}" if job.copies > 1 else ""
            text = f"Printing {done.percent:.0f} %{copy}"
        case JobState.PAUSED:
            text = f"Paused at {done.percent:.0f} %"
        case JobState.STOPPING:
            text = "Stopping"
        case JobState.DONE:
            text = "Printed"
        case JobState.STOPPED:
            # DWAPI-3DP 7.2.5, figure 11.
            text = "Printing stopped"
        case JobState.FAILED:
            text = "Failed" + _after(job)
        case _:
            text = "Interrupted" + _after(job)
    return f"{text}: {job.reason}" if job.reason else text


def _after(job: Job) -> str:
    done = job.progress
    return f" after {done.percent:.0f} %" if job.card else f" after line {done.file_line}"
