"""The desk and its processes: limits, cancelling, full disks, crashes; nothing stays behind."""

import asyncio
import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from gotapi_core.plugin.bounded import ChildLimits
from gotapi_core.protocol.errors import IllegalServerState, InvalidParameter, StorageFull
from gotapi_meshes.report import Area
from gotapi_printer.files import desk, worker
from gotapi_printer.files.desk import FileDesk, SliceOrder
from gotapi_printer.files.options import SliceOptions, Slicer
from gotapi_printer.files.work import Order, Said, Task

AREA = Area(known=True)
EMBEDDED = SliceOptions(slicer=Slicer.EMBEDDED)
QUICK = ChildLimits(seconds=20.0)


@pytest.fixture
def box_file(make, tmp_path):
    path = tmp_path / "box.stl"
    path.write_bytes(make.stl(make.box(8, 8, 2)))
    return path


@pytest.fixture
def at(tmp_path):
    """Make desks; after the test nothing of theirs is left."""
    folder = tmp_path / "desk"

    def make_desk(**limits):
        made = FileDesk(folder, **limits)
        made.open()
        return made

    yield make_desk
    assert not folder.exists() or list(folder.iterdir()) == []


async def test_check_slice_and_analyse(at, box_file, tmp_path):
    files = at()
    report = await files.check(box_file, AREA, SliceOptions(scale=2))
    assert report.size == (16, 16, 4)
    out = tmp_path / "out.gcode"
    heard, reports = [], []
    sliced = await files.slice(
        SliceOrder(box_file, out, AREA, EMBEDDED), reports.append, lambda *said: heard.append(said)
    )
    assert "experimental" in sliced.slicer
    assert heard
    assert reports[0].size == (8, 8, 2)
    analysis = await files.analyse(out, AREA)
    assert analysis.layers == 10


async def test_a_glance_is_quick_or_none(at, tmp_path, monkeypatch):
    path = tmp_path / "x.gcode"
    path.write_text("G1 X500 Z0.2\nG1 X501 E1\n")
    found = await at().glance(path, AREA)
    assert found.errors
    monkeypatch.setattr(desk, "GLANCE", ChildLimits(seconds=0.01))
    assert await at().glance(path, AREA) is None
    monkeypatch.undo()
    path.write_bytes(b"\0\1\2")
    assert await at().glance(path, AREA) is None


def test_opening_clears_what_a_killed_hub_left(at, tmp_path):
    left = tmp_path / "desk" / "old"
    left.mkdir(parents=True)
    at()
    assert not left.exists()


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG" + bytes(99), b"G28\n"])
async def test_what_is_no_model(at, tmp_path, data):
    path = tmp_path / "x.stl"
    path.write_bytes(data)
    with pytest.raises(InvalidParameter, match="The file cannot be used"):
        await at().check(path, AREA, SliceOptions())


async def test_a_model_with_errors_is_not_sliced(at, make, tmp_path):
    path, out = tmp_path / "open.stl", tmp_path / "out.gcode"
    places, faces = make.box()
    path.write_bytes(make.stl((places, faces[1:])))
    reports = []
    with pytest.raises(InvalidParameter, match="It cannot be printed: the surface is not closed"):
        await at().slice(SliceOrder(path, out, AREA, EMBEDDED), reports.append)
    assert reports[0].errors
    assert not out.exists()


async def test_a_profile_that_is_none(at, box_file, tmp_path):
    order = SliceOrder(box_file, tmp_path / "o", AREA, EMBEDDED, b"\xff\xff")
    with pytest.raises(InvalidParameter, match="The slicer profile: is not text"):
        await at().slice(order)


async def test_cancelling_ends_the_process(at, figure, tmp_path):
    out, pids = tmp_path / "out.gcode", []
    progressing = asyncio.Event()

    def heard(share, words):
        pids[:] = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and mine(p)]
        progressing.set()

    order = SliceOrder(figure, out, AREA, SliceOptions(slicer=Slicer.EMBEDDED, layer_height=0.05))
    task = asyncio.create_task(at().slice(order, on_progress=heard))
    async with asyncio.timeout(30):
        await progressing.wait()
    assert pids
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not any(mine(Path("/proc") / str(pid)) for pid in pids)
    assert not out.exists()


def mine(process: Path) -> bool:
    """Whether a process is a worker that this one started."""
    with contextlib.suppress(OSError):
        status = (process / "stat").read_text().rpartition(")")[2].split()
        return int(status[1]) == os.getpid() and status[0] != "Z"
    return False


async def test_the_time_limit(at, figure, tmp_path):
    files = at(check=ChildLimits(seconds=0.2))
    with pytest.raises(InvalidParameter, match=r"longer than 0\.2 seconds"):
        await files.check(figure, AREA, SliceOptions())


async def test_the_memory_limit(at, figure):
    files = at(check=ChildLimits(seconds=30.0, memory=60 << 20))
    with pytest.raises((InvalidParameter, IllegalServerState)):
        await files.check(figure, AREA, SliceOptions())


async def test_the_limit_of_files(at, box_file, tmp_path):
    files = at(limits=ChildLimits(seconds=30.0, file=5000))
    with pytest.raises(StorageFull, match="File too large"):
        await files.slice(SliceOrder(box_file, tmp_path / "out", AREA, EMBEDDED))


async def test_no_room_to_work_in(tmp_path, box_file):
    files = FileDesk(tmp_path / "nowhere")
    with pytest.raises(StorageFull, match="no room"):
        await files.check(box_file, AREA, SliceOptions())


async def test_no_room_for_the_result(at, box_file, tmp_path):
    with pytest.raises(StorageFull, match="cannot be kept"):
        await at().slice(SliceOrder(box_file, tmp_path / "no" / "out", AREA, EMBEDDED))


async def test_a_worker_that_dies(at, box_file, monkeypatch):
    monkeypatch.setattr(
        desk, "_WORKER", (sys.executable, "-c", "import os; os.kill(os.getpid(), 11)")
    )
    with pytest.raises(IllegalServerState, match="signal 11"):
        await at().check(box_file, AREA, SliceOptions())


async def test_prusaslicer_that_goes_away_meanwhile(at, box_file, tmp_path, monkeypatch):
    found = iter(["/bin/true", None])
    monkeypatch.setattr(desk.prusaslicer, "find", lambda path: next(found))
    order = SliceOrder(box_file, tmp_path / "o", AREA, SliceOptions(slicer=Slicer.PRUSASLICER))
    with pytest.raises(InvalidParameter, match="not installed"):
        await at().slice(order)


def order_worker(monkeypatch, capfdbinary, order):
    class Input:
        buffer = io.BytesIO(msgspec.json.encode(order))

    monkeypatch.setattr(sys, "stdin", Input)
    code = worker.main()
    said = capfdbinary.readouterr().out.splitlines()
    return code, [msgspec.json.decode(line, type=Said) for line in said]


def test_the_worker_prepares_a_plain_stl(monkeypatch, capfdbinary, make, tmp_path):
    source, out = tmp_path / "m.3mf", tmp_path / "m.stl"
    source.write_bytes(make.threemf(make.box()))
    order = Order(Task.PREPARE, str(source), AREA, SliceOptions(scale=3), str(out))
    code, said = order_worker(monkeypatch, capfdbinary, order)
    assert code == 0
    assert said[0].report.size == (30, 30, 30)
    assert said[-1].done
    assert len(out.read_bytes()) == 84 + 12 * 50


def test_the_worker_slices_checks_and_analyses(monkeypatch, capfdbinary, make, tmp_path):
    source, out = tmp_path / "m.stl", tmp_path / "m.gcode"
    source.write_bytes(make.stl(make.box(30, 30, 4)))
    code, said = order_worker(
        monkeypatch, capfdbinary, Order(Task.SLICE, str(source), AREA, EMBEDDED, str(out))
    )
    assert code == 0
    assert any(one.progress is not None for one in said)
    assert len(out.read_text().splitlines()) > worker._FLUSH
    code, said = order_worker(monkeypatch, capfdbinary, Order(Task.ANALYSE, str(out), AREA))
    assert said[0].analysis.layers == 20
    code, said = order_worker(monkeypatch, capfdbinary, Order(Task.CHECK, str(source), AREA))
    assert [bool(one.report) for one in said] == [True, False]


@pytest.mark.parametrize(
    ("broken", "fault"),
    [(MemoryError(), "memory"), (OSError(28, "No space left on device"), "disk")],
)
def test_the_worker_says_whose_fault_it_is(monkeypatch, capfdbinary, make, tmp_path, broken, fault):
    source = tmp_path / "m.stl"
    source.write_bytes(make.stl(make.box()))

    def fail(*_):
        raise broken

    monkeypatch.setattr(worker, "_model", fail)
    code, said = order_worker(monkeypatch, capfdbinary, Order(Task.CHECK, str(source), AREA))
    assert code == 1
    assert said[0].failure.fault == fault


def test_a_full_disk_while_slicing(monkeypatch, capfdbinary, make, tmp_path):
    source = tmp_path / "m.stl"
    source.write_bytes(make.stl(make.box()))
    full = Order(Task.SLICE, str(source), AREA, EMBEDDED, "/dev/full")
    code, said = order_worker(monkeypatch, capfdbinary, full)
    assert code == 1
    assert said[-1].failure.fault == "disk"
    assert "No space left" in said[-1].failure.message


def test_the_hub_itself_never_loads_numpy():
    code = (
        "import sys, gotapi_printer, gotapi_printer.files.desk;"
        "print([m for m in ('numpy', 'lxml', 'shapely') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
