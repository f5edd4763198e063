"""Many jobs over a bad wire: every line is printed once and in order, none after a restart.

A sample runs always; GOTAPI_SOAK=1000 makes it so many jobs of each kind (`make soak`). All chance
comes from GOTAPI_SEED and the number of the job, so that a failure can be repeated:
GOTAPI_SOAK_FROM=417 GOTAPI_SOAK=1 runs job 417 alone.
"""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gotapi_printer.driver import DriverSettings, PrinterDriver
from gotapi_printer.gcode import scan
from gotapi_printer.job import JobState
from gotapi_printer.link_serial import SerialSettings, serial_link
from gotapi_printer.marlin import IdentifyTiming, Timing
from gotapi_printer.session import SessionSettings
from gotapi_printer.simulator.child import run_in_thread
from gotapi_printer.simulator.faults import FaultPlan
from gotapi_printer.simulator.pty_host import Options
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.updates import DriverState, DriverUpdate

JOBS = int(os.environ.get("GOTAPI_SOAK", "20"))
FIRST = int(os.environ.get("GOTAPI_SOAK_FROM", "0"))
SEED = int(os.environ.get("GOTAPI_SEED", "4"))
BATCH = 5  # jobs of one test
DEADLINE = 30.0
TIMING = DriverSettings(
    retry=0.05,
    session=SessionSettings(
        boot_wait=0.05,
        halted_wait=0.05,
        timing=Timing(reply=0.3, doubtful=0.2, resend_ok=0.1),
        identify=IdentifyTiming(retry=0.3, boot=0.05),
    ),
)
BATCHES = [
    range(first, min(first + BATCH, FIRST + JOBS)) for first in range(FIRST, FIRST + JOBS, BATCH)
]


class Watched:
    """A driver, and the newest thing it told."""

    def __init__(self, path: str) -> None:
        self._changed = threading.Condition()
        self._update = DriverUpdate(DriverState.OFFLINE)
        self.driver = PrinterDriver(
            lambda: serial_link(SerialSettings(path)), self._take, settings=TIMING
        )

    def _take(self, update: DriverUpdate) -> None:
        with self._changed:
            self._update = update
            self._changed.notify_all()

    def until(self, wanted) -> DriverUpdate:
        with self._changed:
            there = self._changed.wait_for(lambda: wanted(self._update), DEADLINE)
            assert there, self._update
            return self._update

    def online(self) -> DriverUpdate:
        return self.until(lambda update: update.state is DriverState.ONLINE)

    def print(self, path: Path, job: str) -> DriverUpdate:
        with path.open("rb") as file:
            self.driver.print_file(path, job, scan(file))
        return self.until(
            lambda update: (
                update.job is not None and update.job.id == job and update.job.state.final
            )
        )


@contextmanager
def watched(folder: Path, faults: FaultPlan, settings: Settings) -> Iterator[tuple[Watched, Path]]:
    transcript = folder / "transcript"
    options = Options(
        settings=settings, faults=faults, transcript=transcript, only_numbered=True, boot_delay=0.01
    )
    with run_in_thread(options) as (path, _):
        one = Watched(path)
        one.driver.start()
        try:
            one.online()
            yield one, transcript
        finally:
            one.driver.close()


def a_file(folder: Path, number: int, chance: random.Random) -> tuple[Path, list[str]]:
    """Moves of one job; no other job has such ones."""
    path = folder / f"{number}.gcode"
    moves = [
        f"G1 X{chance.uniform(0, 200):.3f} Y{chance.uniform(0, 200):.3f} F{3000 + number}.{line}"
        for line in range(chance.randrange(40, 160))
    ]
    path.write_text("\n".join(moves) + "\n")
    return path, moves


def moves_in(transcript: Path) -> list[str]:
    return [line for line in transcript.read_text("latin-1").splitlines() if line.startswith("G1")]


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: f"{batch.start}-{batch.stop - 1}")
def test_one_line_in_a_hundred_is_damaged_and_every_line_is_printed_once(
    batch: range, tmp_path: Path
) -> None:
    chance = random.Random(f"{SEED} corrupt {batch.start}")
    faults = FaultPlan(corrupt=0.01, seed=chance.randrange(1 << 30))
    settings = Settings(instant=True, advanced_ok=chance.random() < 0.5)
    expected: list[str] = []
    with watched(tmp_path, faults, settings) as (printer, transcript):
        for number in batch:
            path, moves = a_file(tmp_path, number, chance)
            expected += moves
            done = printer.print(path, f"job{number}")
            assert done.job is not None
            assert done.job.state is JobState.DONE, (number, done)
            assert moves_in(transcript) == expected, f"job {number}"


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: f"{batch.start}-{batch.stop - 1}")
def test_after_a_restart_at_any_line_no_line_is_sent(batch: range, tmp_path: Path) -> None:
    for number in batch:
        folder = tmp_path / str(number)
        folder.mkdir()
        restart_in_a_job(number, folder)


def restart_in_a_job(number: int, folder: Path) -> None:
    chance = random.Random(f"{SEED} reset {number}")
    path, moves = a_file(folder, number, chance)
    # Counted with the commands of the driver's own (identification, polls) before the file.
    at = chance.randrange(4, len(moves) + 3)
    settings = Settings(instant=True, advanced_ok=chance.random() < 0.5)
    with watched(folder, FaultPlan(reset_at=at), settings) as (printer, transcript):
        failed = printer.print(path, f"job{number}")
        assert failed.job is not None
        assert failed.fault is not None
        assert (failed.job.state, failed.fault.kind) == (JobState.FAILED, "reset"), number
        accepted = moves_in(transcript)
        # Of the lines that were taken, those whose ok was lost with the restart are not known of.
        assert 0 < len(accepted) < len(moves), number
        assert failed.fault.line <= len(accepted), number
        assert len(accepted) <= failed.fault.line + 16, number
        # It is asked who it is, and answers again; a line of the file would have come before that.
        printer.online()
        assert printer.driver.send("M114").result(DEADLINE)
        assert moves_in(transcript) == accepted == moves[: len(accepted)], number
