"""The durable list of jobs, over a collection that only remembers."""

import asyncio
import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.plugin import Collection
from gotapi_printer.job import Job, JobError, JobEvent, JobState, Progress
from gotapi_printer.jobs import MOST_ENDED, MOST_WAITING, SAVE_EVERY, Bed, JobBook, PrinterRecord
from gotapi_printer.kept import KEEP, KeptFiles
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
def records() -> Remembered:
    return Remembered()


@pytest.fixture
def book(stored: Remembered, records: Remembered, clock: Clock, tmp_path: Path) -> JobBook:
    return JobBook("desk", stored, records, tmp_path / "jobs", clock)


def job(name: str, at: float = 1.0, **members: Any) -> Job:
    return Job(name, f"http://hub/blobs/{name}", f"{name}.gcode", 0, queued_at=at, **members)


def report(name: str, state: JobState, line: int = 0, reason: str = "", **members: Any):
    return JobReport(name, state, Progress(line=line, total=9), reason, **members)


async def begun(book: JobBook, name: str = "a", **members: Any) -> Job:
    await book.add(job(name, **members), "app")
    return await book.begin(name)


def names(jobs) -> list[str]:
    return [one.job.id for one in jobs]


async def test_a_new_job_is_on_the_disk_when_add_returns(book: JobBook, stored) -> None:
    await book.load()
    await book.add(job("a"), "app")
    assert list(stored.documents) == ["a"]
    assert names(book.waiting()) == ["a"]
    assert book.active() is None
    assert book.last_ended() is None


async def test_a_job_that_cannot_be_stored_is_not_there(book: JobBook, stored) -> None:
    async def refuse(*_: Any) -> None:
        raise OSError("the disk is full")

    await book.load()
    stored.put = refuse
    with pytest.raises(OSError, match="full"):
        await book.add(job("a"), "app")
    assert book.queue() == []


async def test_the_driver_s_report_moves_the_job(book: JobBook, clock: Clock) -> None:
    await book.load()
    assert (await begun(book)).state is JobState.STARTING
    await book.take(report("a", JobState.PRINTING, 3))
    found = book.find("a")
    assert found is not None
    assert (found.job.state, found.job.progress.line) == (JobState.PRINTING, 3)
    assert found.job.started_at == 100.0
    clock.now = 160.0
    await book.take(report("a", JobState.DONE, 9, elapsed=55.0))
    last = book.last_ended()
    assert last is not None
    assert (last.job.ended_at, last.job.seconds) == (160.0, 55.0)
    assert book.active() is None


async def test_progress_is_saved_now_and_then_and_states_at_once(
    book: JobBook, stored, clock: Clock
) -> None:
    await book.load()
    await begun(book)
    await book.take(report("a", JobState.PRINTING, 1))
    before = stored.puts
    await book.take(report("a", JobState.PRINTING, 2))
    assert stored.puts == before
    clock.now += SAVE_EVERY
    await book.take(report("a", JobState.PRINTING, 3))
    assert stored.puts == before + 1
    await book.take(report("a", JobState.PAUSED, 3))
    assert stored.puts == before + 2


async def test_a_job_that_waits_or_ended_takes_no_report(book: JobBook) -> None:
    await book.load()
    await begun(book)
    await book.add(job("b"), "app")
    await book.take(report("a", JobState.FAILED, 3, "the printer restarted"))
    for name in ("a", "b", "unknown", ""):
        await book.take(report(name, JobState.PRINTING, 4))
    found = book.find("a")
    assert found is not None
    assert (found.job.state, found.job.reason) == (JobState.FAILED, "the printer restarted")
    assert names(book.waiting()) == ["b"]


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (JobState.STARTING, JobState.INTERRUPTED),
        (JobState.PRINTING, JobState.INTERRUPTED),
        (JobState.PAUSED, JobState.INTERRUPTED),
        (JobState.STOPPING, JobState.INTERRUPTED),
        (JobState.QUEUED, JobState.QUEUED),
        (JobState.FETCHING, JobState.FETCHING),
        (JobState.SLICING, JobState.SLICING),
        (JobState.DONE, JobState.DONE),
    ],
)
async def test_a_job_the_hub_died_with_is_not_forgotten(
    stored: Remembered, tmp_path: Path, state: JobState, after: JobState
) -> None:
    first = JobBook("desk", stored, Remembered(), tmp_path / "jobs", lambda: 100.0)
    await first.load()
    await first.add(job("a", state=state, ended_at=5.0), "app")
    first.path("a").write_text("G28")
    second = JobBook("desk", stored, Remembered(), tmp_path / "jobs", lambda: 200.0)
    await second.load()
    found = second.find("a")
    assert found is not None
    assert found.job.state is after
    assert ("hub stopped" in found.job.reason) == (after is JobState.INTERRUPTED)
    assert second.path("a").exists() == (not after.final)
    again = await stored.all(type(found))
    assert again[0].job.state is after


async def test_a_waiting_job_whose_file_is_gone_fails_and_says_so(
    stored: Remembered, tmp_path: Path
) -> None:
    for _ in range(2):
        book = JobBook("desk", stored, Remembered(), tmp_path / "jobs")
        await book.load()
        if book.find("a") is None:
            await book.add(job("a"), "app")
    found = book.find("a")
    assert found is not None
    assert found.job.state is JobState.FAILED
    assert "copy of the file is gone" in found.job.reason


async def test_another_printer_s_jobs_and_bed_are_not_ours(
    stored: Remembered, records: Remembered, tmp_path: Path
) -> None:
    theirs = JobBook("attic", stored, records, tmp_path / "attic")
    await theirs.load()
    await begun(theirs)
    ours = JobBook("desk", stored, records, tmp_path / "desk")
    await ours.load()
    assert ours.all() == []
    assert (ours.bed, theirs.bed) == (Bed.CLEAR, Bed.NOT_CLEAR)


async def test_files_without_a_waiting_job_go_at_start(
    book: JobBook, stored: Remembered, tmp_path: Path
) -> None:
    await book.load()
    await book.add(job("a", state=JobState.SLICING), "app")
    await book.add(job("b"), "app")
    for name in ("old.gcode", "old.source", "a.source", "b.gcode"):
        (tmp_path / "jobs" / name).write_text("G28")
    again = JobBook("desk", stored, Remembered(), tmp_path / "jobs")
    await again.load()
    left = {path.name for path in (tmp_path / "jobs").iterdir()}
    assert left == {"a.source", "b.gcode"}


async def test_the_job_has_its_own_copy_of_its_file(book: JobBook, tmp_path: Path) -> None:
    await book.load()
    source = tmp_path / "blob"
    source.write_text("G28")
    path = book.adopt(source, "a")
    source.unlink()
    assert path.read_text() == "G28"
    await begun(book)
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
    for number in range(MOST_ENDED + 3):
        at = float(number)
        await book.add(job(f"j{number:03}", at, state=JobState.DONE, ended_at=at), "app")
    assert len(stored.documents) == MOST_ENDED
    assert book.all()[0].job.id == f"j{MOST_ENDED + 2:03}"
    assert book.ended()[0].job.id == f"j{MOST_ENDED + 2:03}"
    assert book.find("j000") is None


async def test_a_queue_has_an_end(book: JobBook, stored) -> None:
    await book.load()
    for number in range(MOST_WAITING):
        await book.add(job(f"j{number}"), "app")
    with pytest.raises(JobError, match="100 jobs wait"):
        await book.add(job("more"), "app")
    assert "more" not in stored.documents


async def test_an_event_the_state_does_not_allow_is_refused(book: JobBook) -> None:
    await book.load()
    await book.add(job("a"), "app")
    await book.event("a", JobEvent.FAIL, "no")
    with pytest.raises(JobError, match="failed cannot pause"):
        await book.event("a", JobEvent.PAUSE)


# -- copies -----------------------------------------------------------------------------------


async def test_each_copy_waits_for_its_turn_and_the_last_one_ends_the_job(book: JobBook) -> None:
    await book.load()
    book.path("a").write_text("G28")
    await book.add(job("a", copies=2, filament_mm=500.0), "app")
    for run_id, copy in (("a", 1), ("a.2", 2)):
        begun = await book.begin("a")
        assert (begun.run_id, begun.copy) == (run_id, copy)
        await book.take(report(run_id, JobState.PRINTING, 3))
        assert book.path("a").exists()
        await book.take(report(run_id, JobState.DONE, 9, elapsed=10.0))
    found = book.find("a")
    assert found is not None
    assert found.job.state is JobState.DONE
    assert (found.job.seconds, found.job.used_mm) == (20.0, 1000.0)
    assert not book.path("a").exists()


async def test_a_late_report_of_a_copy_does_not_end_the_next_one(book: JobBook) -> None:
    await book.load()
    await begun(book, copies=2)
    await book.take(report("a", JobState.DONE, 9))
    await book.begin("a")
    await book.take(report("a", JobState.DONE, 9))  # the driver repeats it with each temperature
    active = book.active()
    assert active is not None
    assert (active.job.state, active.job.copy) == (JobState.STARTING, 2)


async def test_a_copy_that_fails_ends_the_job(book: JobBook) -> None:
    await book.load()
    await begun(book, copies=3, filament_mm=900.0)
    await book.take(report("a", JobState.FAILED, 3, "out of steps"))
    last = book.last_ended()
    assert last is not None
    assert (last.job.state, last.job.copy, last.job.used_mm) == (JobState.FAILED, 1, 300.0)


# -- order ------------------------------------------------------------------------------------


async def filled(book: JobBook, count: int) -> list[str]:
    await book.load()
    ids = [f"j{number}" for number in range(count)]
    for job_id in ids:
        await book.add(job(job_id), "app")
    return ids


async def test_jobs_wait_in_the_order_they_came(book: JobBook) -> None:
    assert names(book.waiting()) == []
    assert await filled(book, 3) == names(book.waiting())


async def test_a_moved_job_keeps_its_place_over_a_restart(
    book: JobBook, stored: Remembered, records: Remembered, tmp_path: Path
) -> None:
    for job_id in await filled(book, 3):
        book.path(job_id).write_text("G28")
    await book.move("j2", 0)
    await book.add(job("late"), "app")
    book.path("late").write_text("G28")
    again = JobBook("desk", stored, records, tmp_path / "jobs")
    await again.load()
    assert names(again.waiting()) == ["j2", "j0", "j1", "late"]


async def test_only_a_waiting_job_can_be_moved(book: JobBook) -> None:
    await filled(book, 2)
    await book.begin("j0")
    for job_id in ("j0", "nobody"):
        with pytest.raises(JobError, match="does not wait"):
            await book.move(job_id, 0)
    assert names(book.queue()) == ["j0", "j1"]


@given(moves=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=12))
def test_moves_are_those_of_a_list(moves: list[tuple[int, int]], tmp_path_factory) -> None:
    async def compare() -> None:
        folder = tmp_path_factory.mktemp("jobs")
        book = JobBook("desk", Remembered(), Remembered(), folder)
        model = await filled(book, 6)
        for which, place in moves:
            job_id = f"j{which}"
            model.remove(job_id)
            model.insert(place, job_id)
            await book.move(job_id, place)
        assert names(book.waiting()) == model

    asyncio.run(compare())


# -- the bed ----------------------------------------------------------------------------------


async def test_a_bed_is_clear_until_something_is_printed_on_it(book: JobBook, records) -> None:
    await book.load()
    assert book.bed is Bed.CLEAR
    await begun(book)
    assert book.bed is Bed.NOT_CLEAR
    await book.take(report("a", JobState.DONE))
    assert book.bed is Bed.FINISHED
    await book.set_bed(Bed.CLEAR)
    [record] = await records.all(PrinterRecord)
    assert record.bed is Bed.CLEAR


async def test_the_bed_of_a_print_that_failed_is_never_called_finished(book: JobBook) -> None:
    await book.load()
    await begun(book)
    await book.take(report("a", JobState.FAILED))
    assert book.bed is Bed.NOT_CLEAR


async def test_a_hub_killed_while_it_begins_asks_for_the_bed(
    book: JobBook, stored: Remembered, records: Remembered, tmp_path: Path
) -> None:
    async def die(*_: Any) -> None:
        raise KeyboardInterrupt

    await book.load()
    await book.add(job("a"), "app")
    book.path("a").write_text("G28")
    stored.put = die
    with pytest.raises(KeyboardInterrupt):
        await book.begin("a")
    del stored.put
    again = JobBook("desk", stored, records, tmp_path / "jobs")
    await again.load()
    assert again.bed is Bed.NOT_CLEAR
    assert names(again.waiting()) == ["a"]


async def test_what_a_job_that_ended_left_is_put_away_when_the_hub_starts(
    stored: Remembered, clock: Clock, tmp_path: Path
) -> None:
    kept = KeptFiles(tmp_path / "printed")
    first = JobBook("desk", stored, Remembered(), tmp_path / "jobs", clock, kept)
    await first.load()
    await first.add(job("a", state=JobState.DONE, ended_at=99.0), "app")
    first.path("a").write_text("G28")
    first.journal_path("a").write_bytes(b"where it was")
    (tmp_path / "jobs" / "stranger.gcode").write_text("G28")
    second = JobBook("desk", stored, Remembered(), tmp_path / "jobs", clock, kept)
    await second.load()
    assert list((tmp_path / "jobs").iterdir()) == []
    found = second.gcode("a")
    assert found is not None
    assert found.read_text() == "G28"
    clock.now += KEEP
    assert second.gcode("a") is None
    assert second.gcode("stranger") is None
