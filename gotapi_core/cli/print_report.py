"""How `gotapi print` tells what happens: a progress bar, plain lines, or JSON lines."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from gotapi_core.cli.terminal import clean, clean_lines, duration
from gotapi_core.client import PrinterStatus, PrintJob, Service

QUIET: Final = 5.0  # seconds at least between two plain lines of progress


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the command ended; `state` is that of the job, or `detached`, or `error`."""

    exit_code: int
    state: str
    message: str


class Report:
    """What every way of reporting can be told; this one says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.suspend()

    def note(self, text: str) -> None:
        """Say something the user should read."""

    def upload(self, sent: int, size: int) -> None:
        """Tell how much of the file is at the hub, in bytes."""

    def started(self, printer: Service, job_id: str) -> None:
        """Tell that the printer has the job."""

    def status(self, status: PrinterStatus, job: PrintJob) -> None:
        """Tell how far the job is."""

    def ended(self, outcome: Outcome) -> None:
        """Tell how it ended; the last call."""

    def suspend(self) -> None:
        """Leave the terminal to a question."""

    def resume(self) -> None:
        """Go on after the question."""


class JsonReport(Report):
    """One JSON object per line on standard output."""

    def note(self, text: str) -> None:
        """Write an object with event `note`."""
        self._write({"event": "note", "message": text})

    def upload(self, sent: int, size: int) -> None:
        """Write an object with event `upload` at each whole per cent at most."""
        if sent == size or sent * 100 // size != (sent - 1) * 100 // size:
            self._write({"event": "upload", "sent": sent, "size": size})

    def started(self, printer: Service, job_id: str) -> None:
        """Write an object with event `started`."""
        self._write({"event": "started", "serviceId": printer.id, "jobId": job_id})

    def status(self, status: PrinterStatus, job: PrintJob) -> None:
        """Write an object with event `status`, the printer's members and the job."""
        members = msgspec.to_builtins(status)
        for queue in ("printQueue", "lastJob"):
            del members[queue]
        self._write({"event": "status", **members, "job": msgspec.to_builtins(job)})

    def ended(self, outcome: Outcome) -> None:
        """Write an object with event `ended`."""
        self._write(
            {
                "event": "ended",
                "state": outcome.state,
                "exitCode": outcome.exit_code,
                "message": outcome.message,
            }
        )

    def _write(self, members: Mapping[str, object]) -> None:
        click.echo(msgspec.json.encode(members).decode())


class PlainReport(Report):
    """Lines of text, progress at most every few seconds, without control codes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = 0.0

    def note(self, text: str) -> None:
        """Write a line on standard error."""
        click.echo(clean_lines(text), err=True)

    def upload(self, sent: int, size: int) -> None:
        """Write a line now and then."""
        if self._due():
            click.echo(f"Uploading: {100 * sent // max(size, 1)} %")

    def started(self, printer: Service, job_id: str) -> None:
        """Write a line."""
        click.echo(f"Printing on {clean(printer.name)}, job {clean(job_id)}")

    def status(self, status: PrinterStatus, job: PrintJob) -> None:
        """Write a line now and then."""
        if self._due():
            parts = (percent(job), layer(job), temperatures(status), time_left(job))
            click.echo(", ".join([words(job), *(part for part in parts if part)]))

    def ended(self, outcome: Outcome) -> None:
        """Write the last line, on standard error if it is bad news."""
        click.echo(clean_lines(outcome.message), err=outcome.exit_code != 0)

    def _due(self) -> bool:
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + QUIET
        return True


class BarReport(Report):
    """A progress bar for a person at a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}", markup=False),
            console=console or Console(),
            refresh_per_second=4,
        )
        self._task: TaskID | None = None
        self._asking = False

    def note(self, text: str) -> None:
        """Write a line above the bar."""
        self._progress.console.print(Text(clean_lines(text)))

    def upload(self, sent: int, size: int) -> None:
        """Show the bar of the upload."""
        self._show("Uploading", sent / max(size, 1), f"{sent / 1e6:.1f} of {size / 1e6:.1f} MB")

    def started(self, printer: Service, job_id: str) -> None:
        """Write a line and begin a new bar."""
        self.note(f"Printing on {printer.name}, job {job_id}")
        self._show("Queued", 0.0, "")

    def status(self, status: PrinterStatus, job: PrintJob) -> None:
        """Show the bar of the print."""
        parts = (percent(job), layer(job), temperatures(status), time_left(job))
        self._show(words(job), job.progress or 0.0, "  ".join(part for part in parts if part))

    def ended(self, outcome: Outcome) -> None:
        """Take the bar away and write the last line."""
        self.suspend()
        self.note(outcome.message)

    def suspend(self) -> None:
        """Leave the bar where it is."""
        self._asking = True
        self._progress.stop()

    def resume(self) -> None:
        """Go on with the bar."""
        self._asking = False
        self._progress.start()

    def _show(self, text: str, fraction: float, detail: str) -> None:
        if self._task is None:
            self._task = self._progress.add_task(text, total=1.0, detail=detail)
        self._progress.update(self._task, description=text, completed=fraction, detail=detail)
        if not self._asking:
            self._progress.start()


def words(job: PrintJob) -> str:
    """Return the state of a job as the beginning of a sentence."""
    return clean(job.state).capitalize()


def percent(job: PrintJob) -> str:
    """Return how far the job is."""
    return "" if job.progress is None else f"{100 * job.progress:.1f} %"


def layer(job: PrintJob) -> str:
    """Return which layer is printed, of how many."""
    if job.layer is None:
        return ""
    return f"layer {job.layer} of {job.layers}" if job.layers else f"layer {job.layer}"


def temperatures(status: PrinterStatus) -> str:
    """Return the temperatures that the printer reports, with their targets."""
    pairs = (
        ("nozzle", status.nozzle_temperature, status.nozzle_target),
        ("bed", status.bed_temperature, status.bed_target),
    )
    return ", ".join(
        f"{name} {value:.0f}" + (f"/{target:.0f}" if target else "") + " °C"
        for name, value, target in pairs
        if value is not None
    )


def time_left(job: PrintJob) -> str:
    """Return the time left and who says so."""
    if job.time_left is None:
        return ""
    source = f" ({clean(job.time_left_source)})" if job.time_left_source else ""
    return f"{duration(job.time_left)} left{source}"
