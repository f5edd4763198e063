"""A printer on the bench: the hub's own driver on a link that is written down."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from gotapi_printer.driver import DriverSettings, PrinterDriver
from gotapi_printer.gcode import scan
from gotapi_printer.hil.profile import Profile
from gotapi_printer.hil.transcript import RecordingLink, Transcript
from gotapi_printer.job import JobState
from gotapi_printer.link import Link, LinkBusy, LinkDenied, LinkError, LinkMissing
from gotapi_printer.marlin import UNKNOWN, Dialect
from gotapi_printer.updates import DriverState, DriverUpdate, JobReport

__all__ = ["Bench", "StepFailed", "StepSkipped", "on_the_bench"]

ANSWER_SECONDS = 20.0
"""For one command that moves and heats nothing."""

STATE_SECONDS = 20.0
"""For the driver to tell of a state that was asked for."""

# Trying again cannot help against these while the programme runs.
_HOPELESS = (LinkBusy, LinkDenied, LinkMissing)


class StepFailed(Exception):  # noqa: N818 - named for what happened
    """A step did not go as it must; the text says what came and what was expected."""


class StepSkipped(Exception):  # noqa: N818 - named for what happened
    """A step makes no sense with this printer; the text says why."""


class Bench:
    """Asks the driver for things and waits for them, with a deadline each."""

    def __init__(self, make_link: Callable[[], Link], profile: Profile, folder: Path) -> None:
        self.profile = profile
        self.transcript = Transcript()
        self._folder = folder
        self._make_link = make_link
        self._changed = threading.Condition()
        self._update = DriverUpdate(DriverState.OFFLINE, "not connected yet")
        self._jobs = 0
        self.link: RecordingLink | None = None
        self.driver = PrinterDriver(self._next_link, self._take, settings=DriverSettings())

    def _next_link(self) -> Link:
        self.link = RecordingLink(self._make_link(), self.transcript)
        return self.link

    def _take(self, update: DriverUpdate) -> None:
        with self._changed:
            self._update = update
            self._changed.notify_all()

    @property
    def update(self) -> DriverUpdate:
        """The newest that the driver told."""
        return self._update

    @property
    def dialect(self) -> Dialect:
        """The firmware's family."""
        firmware = self._update.firmware
        return UNKNOWN if firmware is None else firmware.dialect

    def until(
        self, wanted: Callable[[DriverUpdate], bool], seconds: float, expected: str
    ) -> DriverUpdate:
        """Wait for an update; raises StepFailed after the time, or when it can come no more."""
        with self._changed:
            self._changed.wait_for(lambda: wanted(self._update) or self._hopeless(), seconds)
            update = self._update
        if not wanted(update):
            raise StepFailed(
                f"expected {expected} within {seconds:.0f} s; the printer is {update.state.value}: "
                f"{update.message}"
            )
        return update

    def _hopeless(self) -> bool:
        return self.link is not None and isinstance(self.link.failure, _HOPELESS)

    def connect(self) -> None:
        """Start the driver and wait for a printer."""
        self.driver.start()
        seconds = self.profile.connect_seconds
        try:
            self.until(lambda update: update.state is DriverState.ONLINE, seconds, "a printer")
        except StepFailed:
            if self.link is not None and self.link.failure is not None:
                raise StepFailed(str(self.link.failure)) from self.link.failure
            raise

    def ask(self, command: str, seconds: float = ANSWER_SECONDS) -> tuple[str, ...]:
        """Send a command; returns the lines of its answer, the ok among them."""
        try:
            return self.driver.send(command).result(seconds)
        except FutureTimeoutError as error:
            raise StepFailed(f"{command} was not answered within {seconds:.0f} s") from error
        except (LinkError, ValueError) as error:
            raise StepFailed(f"{command} could not be sent: {error}") from error

    def begin(self, moves: list[str]) -> None:
        """Begin to print a file of these commands."""
        self._jobs += 1
        data = "\n".join(moves).encode() + b"\n"
        path = self._folder / f"{self._jobs}.gcode"
        path.write_bytes(data)
        try:
            self.driver.print_file(path, self._job_id, scan(BytesIO(data)))
        except (LinkError, ValueError) as error:
            raise StepFailed(f"no file can be printed now: {error}") from error

    @property
    def _job_id(self) -> str:
        return f"step-{self._jobs}"

    @property
    def job(self) -> JobReport | None:
        """What is known of the file begun last."""
        job = self._update.job
        return job if job is not None and job.id == self._job_id else None

    def job_until(
        self, wanted: Callable[[JobReport], bool], expected: str, seconds: float = STATE_SECONDS
    ) -> JobReport:
        """Wait for the file; raises StepFailed also when it ended in another way."""
        self.until(
            lambda _: (job := self.job) is not None and (wanted(job) or job.state.final),
            seconds,
            expected,
        )
        job = self.job
        if job is None or not wanted(job):
            state = "gone" if job is None else f"{job.state.value}: {job.reason}"
            raise StepFailed(f"expected {expected}, but the file is {state}")
        return job

    def print(self, moves: list[str]) -> JobReport:
        """Print a file to its end."""
        self.begin(moves)
        return self.job_until(
            lambda job: job.state is JobState.DONE, "the file to be printed", self._move_seconds
        )

    @property
    def _move_seconds(self) -> float:
        return self.profile.move_seconds

    def quiet(self, seconds: float) -> None:
        """Let time pass in which nothing may happen."""
        time.sleep(seconds)


@contextmanager
def on_the_bench(make_link: Callable[[], Link], profile: Profile) -> Iterator[Bench]:
    """A bench; at its end a file that still runs is stopped and the heaters are turned off."""
    with tempfile.TemporaryDirectory(prefix="gotapi-hil-") as folder:
        bench = Bench(make_link, profile, Path(folder))
        try:
            yield bench
        finally:
            bench.driver.close()
