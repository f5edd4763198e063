"""Jobs whose model is sliced: what becomes of them, however the slicing ends."""

import asyncio

import pytest

from gotapi_core.protocol.errors import InvalidParameter, StorageFull
from gotapi_meshes.report import Area, MeshReport
from gotapi_printer.files.options import SliceOptions
from gotapi_printer.job import Job, JobState
from gotapi_printer.jobs import JobBook
from gotapi_printer.slicings import Plan, Slicing, Slicings


class Drawer:
    """A collection in memory."""

    def __init__(self):
        self.kept = {}

    async def put(self, key, document):
        self.kept[key] = document

    async def delete(self, key):
        self.kept.pop(key, None)

    async def all(self, kind):
        return [one for one in self.kept.values() if isinstance(one, kind)]


def report(**members):
    values = {
        "kind": "x", "triangles": 1, "vertices": 3, "size": (1.0, 1.0, 1.0), "volume": 1.0,
        "surface": 1.0, "watertight": True, "parts": 1, "degenerate": 0, "open_edges": 0,
        "crowded_edges": 0, "flipped_edges": 0, "thinnest_wall": None, "wall_pitch": 0.1,
        "overhang": 0.0, "resting_area": 1.0, "findings": (),
    }  # fmt: skip
    return MeshReport(**{**values, **members})


class Desk:
    """Reports, tells half, then does what the test wants."""

    def __init__(self):
        self.reports = True
        self.error = None
        self.go_on = asyncio.Event()
        self.orders = []

    async def slice(self, order, on_report, on_progress):
        self.orders.append(order)
        if self.reports:
            on_report(report())
            for share in (0.5, 0.5001, 0.6):
                on_progress(share, "Slicing")
            await self.go_on.wait()
        if self.error is not None:
            raise self.error
        order.output.write_text("G28\n")


class Bench:
    def __init__(self, tmp_path):
        self.desk, self.plans, self.jobs = Desk(), Drawer(), Drawer()
        self.records = Drawer()
        self.folder = tmp_path / "jobs"
        self.book = self.new_book()
        self.changes = self.gone = 0
        self.sliced = []
        self.model = tmp_path / "box.stl"
        self.model.write_bytes(b"model")
        self.slicings = self.new_slicings()

    def new_book(self):
        return JobBook("p", self.jobs, self.records, self.folder)

    def new_slicings(self):
        def changed():
            self.changes += 1

        async def sliced(job_id):
            self.sliced.append(job_id)

        async def gone():
            self.gone += 1

        return Slicings(Slicing(self.desk, self.plans), self.book, changed, sliced, gone)

    async def begin(self, job_id="j1"):
        plan = Plan(job_id, "p", Area(), SliceOptions())
        job = Job(job_id, "uri", "box.stl", order=0)
        return await self.slicings.begin(job, "app", self.model, plan)

    async def until(self, condition):
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110  # what is waited for has no event
                await asyncio.sleep(0.005)

    def state(self, job_id="j1"):
        found = self.book.find(job_id)
        return None if found is None else found.job.state


@pytest.fixture
async def bench(tmp_path):
    made = Bench(tmp_path)
    await made.book.load()
    yield made
    await made.slicings.close()


async def test_a_model_waits_for_its_slicing_and_goes_on(bench):
    found = await bench.begin()
    assert found.triangles == 1
    assert bench.state() is JobState.SLICING
    await bench.until(lambda: bench.book.find("j1").job.progress.percent == 60.0)
    assert bench.book.source_path("j1").read_bytes() == b"model"
    bench.desk.go_on.set()
    await bench.until(lambda: not bench.plans.kept)
    assert bench.sliced == ["j1"]
    assert not bench.book.source_path("j1").exists()
    assert bench.changes >= 2


async def test_a_model_that_is_unfit_leaves_nothing(bench):
    bench.desk.reports = False
    bench.desk.error = InvalidParameter("too large")
    with pytest.raises(InvalidParameter, match="too large"):
        await bench.begin()
    assert bench.state() is None
    assert bench.plans.kept == bench.jobs.kept == {}
    assert list(bench.folder.iterdir()) == []
    assert bench.gone == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [(StorageFull("disk full"), "disk full"), (RuntimeError("x"), "slicing failed in the hub")],
)
async def test_a_slicing_that_fails_later_fails_its_job(bench, error, reason):
    await bench.begin()
    bench.desk.error = error
    bench.desk.go_on.set()
    await bench.until(lambda: bench.gone)
    assert bench.state() is JobState.FAILED
    assert bench.book.find("j1").job.reason == reason
    assert bench.plans.kept == {}


async def test_a_queue_that_cannot_take_it_fails_its_job(bench):
    async def broken(job_id):
        raise RuntimeError(job_id)

    bench.slicings._on_sliced = broken
    await bench.begin()
    bench.desk.go_on.set()
    await bench.until(lambda: bench.gone)
    assert bench.state() is JobState.FAILED


async def test_stopping_one(bench):
    await bench.begin()
    assert await bench.slicings.stop("j1", "no longer wanted")
    assert bench.state() is JobState.STOPPED
    assert bench.gone == 1
    assert not await bench.slicings.stop("j1", "again")


async def test_giving_up_during_the_check_leaves_nothing(bench):
    bench.desk.slice = lambda *_: asyncio.Event().wait()
    task = asyncio.create_task(bench.begin())
    await bench.until(lambda: bench.state() is JobState.SLICING)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.state() is None
    assert bench.plans.kept == {}


async def test_after_a_restart_it_is_sliced_again(bench):
    await bench.begin()
    await bench.slicings.close()
    assert bench.state() is JobState.SLICING
    await bench.plans.put("old", Plan("old", "p", Area(), SliceOptions()))
    await bench.plans.put("other", Plan("other", "another printer", Area(), SliceOptions()))
    bench.book = bench.new_book()
    await bench.book.load()
    assert bench.state() is JobState.SLICING
    bench.slicings = bench.new_slicings()
    bench.desk.go_on.set()
    await bench.slicings.resume("p")
    await bench.until(lambda: bench.sliced == ["j1"])
    await bench.until(lambda: set(bench.plans.kept) == {"other"})


async def test_no_room_for_the_model(bench):
    bench.folder.rmdir()
    with pytest.raises(StorageFull, match="cannot be kept"):
        await bench.begin()
    assert bench.jobs.kept == {}
    bench.folder.mkdir()
