"""The durable list of jobs, over a collection that only remembers."""

import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from gotapi_core.plugin import Collection
from gotapi_printer.job import Job, JobError, JobEvent, JobState, Progress
from gotapi_printer.jobs import MOST, SAVE_EVERY, JobBook
from gotapi_printer.updates import JobReport

S = TypeVar("S", bound=msgspec.Struct)


class Remembered(Collection):
    """What was put, as JSON, in order; `puts` counts how often."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.puts = 0

    async def put(self, key: str, document: msgspec.Struct) -> None:
        self.puts += 1
        self.documents[key] = msgspec.json.encode(document)

    async def delete(self, key: str) -> None:
        self.documents.pop(key, None)

    async def all(self, kind: type[S]) -> list[S]:
        return [msgspec.json.decode(body, type=kind) for body in self.documents.values()]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stored() -> Remembered:
    return Remembered()


@pytest.fixture
def book(stored: Remembered, clock: Clock, tmp_path: Path) -> JobBook:
    return JobBook("desk", stored, tmp_path / "jobs", clock)


def job(name: str, at: float = 1.0) -> Job:
    return Job(name, f"http://hub/blobs/{name}", f"{name}.gcode", 0, queued_at=at)


def report(name: str, state: JobState, line: int = 0, reason: str = "") -> JobReport:
    return JobReport(name, state, Progress(line=line, total=9), reason)


async def test_a_new_job_is_on_the_disk_when_add_returns(book: JobBook, stored) -> None:
    await book.load()
    await book.add(job("a"), "app")
    assert list(stored.documents) == ["a"]
    assert book.active() is not None
    assert book.last_ended() is None


async def test_the_driver_s_report_moves_the_job(book: JobBook, clock: Clock) -> None:
    await book.load()
    await book.add(job("a"), "app")
    await book.take(report("a", JobState.PRINTING, 3))
    found = book.find("a")
    assert found is not None
    assert (found.job.state, found.job.progress.line) == (JobState.PRINTING, 3)
    assert found.job.started_at == 100.0
    clock.now = 160.0
    await book.take(report("a", JobState.DONE, 9))
    last = book.last_ended()
    assert last is not None
    assert last.job.ended_at == 160.0
    assert book.active() is None


async def test_progress_is_saved_now_and_then_and_states_at_once(
    book: JobBook, stored, clock: Clock
) -> None:
    await book.load()
    await book.add(job("a"), "app")
    await book.take(report("a", JobState.PRINTING, 1))
    before = stored.puts
    await book.take(report("a", JobState.PRINTING, 2))
    assert stored.puts == before
    clock.now += SAVE_EVERY
    await book.take(report("a", JobState.PRINTING, 3))
    assert stored.puts == before + 1
    await book.take(report("a", JobState.PAUSED, 3))
    assert stored.puts == before + 2


async def test_an_ended_job_takes_no_further_report(book: JobBook) -> None:
    await book.load()
    await book.add(job("a"), "app")
    await book.take(report("a", JobState.FAILED, 3, "the printer restarted"))
    await book.take(report("a", JobState.PRINTING, 4))
    await book.take(report("unknown", JobState.PRINTING, 4))
    found = book.find("a")
    assert found is not None
    assert (found.job.state, found.job.reason) == (JobState.FAILED, "the printer restarted")


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (JobState.PRINTING, JobState.INTERRUPTED),
        (JobState.PAUSED, JobState.INTERRUPTED),
        (JobState.STOPPING, JobState.INTERRUPTED),
        (JobState.QUEUED, JobState.FAILED),
        (JobState.DONE, JobState.DONE),
    ],
)
async def test_a_job_the_hub_died_with_is_not_forgotten(
    stored: Remembered, tmp_path: Path, state: JobState, after: JobState
) -> None:
    first = JobBook("desk", stored, tmp_path / "jobs", lambda: 100.0)
    await first.load()
    await first.add(msgspec.structs.replace(job("a"), state=state, ended_at=5.0), "app")
    second = JobBook("desk", stored, tmp_path / "jobs", lambda: 200.0)
    await second.load()
    found = second.find("a")
    assert found is not None
    assert found.job.state is after
    assert ("hub stopped" in found.job.reason) == (state is not after)
    again = await stored.all(type(found))
    assert again[0].job.state is after


async def test_another_printer_s_jobs_are_not_ours(stored: Remembered, tmp_path: Path) -> None:
    theirs = JobBook("attic", stored, tmp_path / "attic")
    await theirs.load()
    await theirs.add(job("a"), "app")
    ours = JobBook("desk", stored, tmp_path / "desk")
    await ours.load()
    assert ours.all() == []


async def test_files_without_a_running_job_go_at_start(book: JobBook, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    left = tmp_path / "jobs" / "old.gcode"
    left.write_text("G28")
    await book.load()
    assert not left.exists()


async def test_the_job_has_its_own_copy_of_its_file(book: JobBook, tmp_path: Path) -> None:
    await book.load()
    source = tmp_path / "blob"
    source.write_text("G28")
    path = book.adopt(source, "a")
    source.unlink()
    assert path.read_text() == "G28"
    await book.add(job("a"), "app")
    await book.take(report("a", JobState.DONE))
    assert not path.exists()


async def test_the_file_is_copied_where_it_cannot_be_linked(
    book: JobBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    await book.load()
    source = tmp_path / "blob"
    source.write_text("G28")
    assert book.adopt(source, "a").read_text() == "G28"


async def test_old_jobs_are_forgotten_and_the_newest_come_first(book: JobBook, stored) -> None:
    await book.load()
    for number in range(MOST + 3):
        one = msgspec.structs.replace(
            job(f"j{number:03}", float(number)), state=JobState.DONE, ended_at=float(number)
        )
        await book.add(one, "app")
    assert len(stored.documents) == MOST
    assert book.all()[0].job.id == f"j{MOST + 2:03}"
    assert book.find("j000") is None


async def test_an_event_the_state_does_not_allow_is_refused(book: JobBook) -> None:
    await book.load()
    await book.add(job("a"), "app")
    await book.event("a", JobEvent.FAIL, "no")
    with pytest.raises(JobError, match="failed cannot pause"):
        await book.event("a", JobEvent.PAUSE)
