"""Where the hub hands files in: checks, analyses and slicing, each in a process of its own."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.plugin.bounded import ChildLimits, Ended, run
from gotapi_core.protocol.errors import IllegalServerState, InvalidParameter, StorageFull
from gotapi_meshes.errors import MeshError
from gotapi_meshes.report import Area, MeshReport
from gotapi_printer.files import prusaslicer
from gotapi_printer.files.analysis import GcodeAnalysis
from gotapi_printer.files.embedded.name import NAME
from gotapi_printer.files.options import SliceOptions, Slicer
from gotapi_printer.files.work import Failure, Order, Said, Task

CHECK: Final = ChildLimits(seconds=45.0, cpu=60, memory=2 << 30)
"""A check is waited for by a request, which the hub ends after 60 seconds."""
GLANCE: Final = ChildLimits(seconds=10.0, cpu=15, memory=1 << 30)
"""Before a print; some 20 MB of G-code are read in that time on a small board."""
SLICE: Final = ChildLimits()
_ASK: Final = ChildLimits(seconds=10.0, cpu=10, memory=1 << 30, file=1 << 20)
_WORKER: Final = (sys.executable, "-P", "-m", "gotapi_printer.files.worker")

OnReport = Callable[[MeshReport], None]
OnProgress = Callable[[float, str], None]


class SlicerInfo(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A slicer that could be asked for."""

    id: str
    name: str
    available: bool
    experimental: bool = False
    version: str = ""
    message: str = ""


class SliceOrder(msgspec.Struct, frozen=True):
    """What to slice, and how; `ini` is a configuration of PrusaSlicer's."""

    source: Path
    output: Path
    area: Area
    options: SliceOptions = SliceOptions()
    ini: bytes = b""


class Sliced(msgspec.Struct, frozen=True):
    """Who sliced."""

    slicer: str
    version: str


class FileDesk:
    """Reads and slices files; one slicing at a time, for the prints that run have the processor."""

    def __init__(
        self,
        folder: Path,
        *,
        check: ChildLimits = CHECK,
        limits: ChildLimits = SLICE,
        path: str | None = None,
    ) -> None:
        self._folder = folder
        self._check = check
        self._limits = limits
        self._path = path
        self._checks = asyncio.Semaphore(2)
        self._slicings = asyncio.Semaphore(1)

    def open(self) -> None:
        """Make the folder, empty: what a killed hub left in it is of no use."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    async def check(self, source: Path, area: Area, options: SliceOptions) -> MeshReport:
        """Look at a model; raises InvalidParameter for one that cannot be read."""
        said = await self._read(Order(Task.CHECK, str(source), area, options))
        assert said.report is not None
        return said.report

    async def analyse(self, source: Path, area: Area) -> GcodeAnalysis:
        """Read G-code; raises InvalidParameter for what is none."""
        said = await self._read(Order(Task.ANALYSE, str(source), area))
        assert said.analysis is not None
        return said.analysis

    async def glance(self, source: Path, area: Area) -> GcodeAnalysis | None:
        """Read G-code that is to be printed; None for what is none, and for what takes long.

        What is wrong with a file is told where it is read line by line to be printed.
        """
        try:
            return (await self._read(Order(Task.ANALYSE, str(source), area), GLANCE)).analysis
        except (InvalidParameter, IllegalServerState):
            return None

    async def slicers(self) -> tuple[SlicerInfo, ...]:
        """Return the slicers there are, and the one that could be."""
        program = prusaslicer.find(self._path)
        version = await self._version(program) if program else ""
        return (
            SlicerInfo(
                id=Slicer.PRUSASLICER.value,
                name="PrusaSlicer",
                available=program is not None,
                version=version,
                message="" if program else prusaslicer.MISSING,
            ),
            SlicerInfo(
                id=Slicer.EMBEDDED.value,
                name=NAME,
                available=True,
                experimental=True,
                message="Experimental: no supports, bridges or brims; watch the print",
            ),
        )

    def chosen(self, wanted: Slicer) -> Slicer:
        """Return who would slice; raises InvalidParameter where the wanted one is not there."""
        if wanted is Slicer.EMBEDDED:
            return wanted
        found = prusaslicer.find(self._path) is not None
        if wanted is Slicer.PRUSASLICER and not found:
            raise InvalidParameter(prusaslicer.MISSING)
        return Slicer.PRUSASLICER if found else Slicer.EMBEDDED

    async def slice(
        self,
        order: SliceOrder,
        on_report: OnReport = lambda _: None,
        on_progress: OnProgress = lambda share, words: None,
    ) -> Sliced:
        """Check a model, then slice it; a cancelled call leaves no process and no file.

        Raises InvalidParameter where the model or the profile is unfit, StorageFull, and
        IllegalServerState where the slicer failed or took too long.
        """
        slicer = self.chosen(order.options.slicer)
        ini = _cleaned(order.ini)
        try:
            async with self._slicings, self._private() as folder:
                if slicer is Slicer.EMBEDDED:
                    return await self._embedded(order, folder, on_report, on_progress)
                return await self._prusaslicer(order, ini, folder, on_report, on_progress)
        except BaseException:
            order.output.unlink(missing_ok=True)
            raise

    # -- inside -----------------------------------------------------------------------------

    async def _embedded(
        self, order: SliceOrder, folder: Path, on_report: OnReport, on_progress: OnProgress
    ) -> Sliced:
        made = folder / "made.gcode"
        work = Order(Task.SLICE, str(order.source), order.area, order.options, str(made))
        await self._work(work, folder, self._limits, on_report, on_progress)
        _keep(made, order.output)
        return Sliced(NAME, "")

    async def _prusaslicer(
        self,
        order: SliceOrder,
        ini: bytes,
        folder: Path,
        on_report: OnReport,
        on_progress: OnProgress,
    ) -> Sliced:
        # PrusaSlicer gets our own plain STL: it never parses what a stranger made.
        model, made = folder / "model.stl", folder / "made.gcode"
        work = Order(Task.PREPARE, str(order.source), order.area, order.options, str(model))
        await self._work(work, folder, self._limits, on_report, on_progress)
        profile = None
        if ini:
            profile = folder / "profile.ini"
            profile.write_bytes(ini)
        program = prusaslicer.find(self._path)
        if program is None:
            raise InvalidParameter(prusaslicer.MISSING)
        words = prusaslicer.arguments(program, model, made, order.options, order.area, profile)
        shown = 0.0

        def heard(line: bytes) -> None:
            nonlocal shown
            found = prusaslicer.progress(line)
            if found is not None and found[0] > shown:
                shown = found[0]
                on_progress(shown, found[1])

        ended = await run(words, folder, self._limits, heard)
        if ended.timed_out or ended.code or not made.exists():
            raise _failed("PrusaSlicer", ended, self._limits)
        _keep(made, order.output)
        return Sliced("PrusaSlicer", await self._version(program))

    async def _version(self, program: str) -> str:
        said: list[bytes] = []
        async with self._private() as folder:
            await run([program, "--help"], folder, _ASK, said.append)
        return prusaslicer.version_of(b"\n".join(said[:20]))

    async def _read(self, order: Order, limits: ChildLimits | None = None) -> Said:
        async with self._checks, self._private() as folder:
            return await self._work(order, folder, limits or self._check)

    async def _work(
        self,
        order: Order,
        folder: Path,
        limits: ChildLimits,
        on_report: OnReport = lambda _: None,
        on_progress: OnProgress = lambda share, words: None,
    ) -> Said:
        """Let the worker do one order; returns its report or analysis."""
        found = Said()

        def heard(line: bytes) -> None:
            nonlocal found
            said = msgspec.json.decode(line, type=Said)
            if said.report is not None:
                on_report(said.report)
                found = said
            elif said.progress is not None:
                on_progress(said.progress, "Slicing")
            elif said.done:
                found = msgspec.structs.replace(found, done=True)
            else:
                found = said

        ended = await run(_WORKER, folder, limits, heard, msgspec.json.encode(order))
        if found.failure is not None:
            raise _error(found.failure)
        if found.report is not None and found.report.errors and order.task is not Task.CHECK:
            raise InvalidParameter(_words(found.report))
        if not found.done:
            raise _failed("Reading the file", ended, limits)
        return found

    @asynccontextmanager
    async def _private(self) -> AsyncIterator[Path]:
        try:
            folder = Path(tempfile.mkdtemp(dir=self._folder))
        except OSError as error:
            raise StorageFull(f"There is no room to work in: {error.strerror}") from error
        try:
            yield folder
        finally:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)


def _keep(made: Path, output: Path) -> None:
    try:
        made.replace(output)
    except OSError as error:
        raise StorageFull(f"The G-code cannot be kept: {error.strerror}") from error


def _cleaned(ini: bytes) -> bytes:
    try:
        return prusaslicer.clean_ini(ini) if ini else b""
    except MeshError as error:
        raise InvalidParameter(f"The {error}") from error


def _words(report: MeshReport) -> str:
    return "It cannot be printed: " + "; ".join(found.message for found in report.errors)


def _error(failure: Failure) -> InvalidParameter | StorageFull:
    if failure.fault == "disk":
        return StorageFull(f"The file could not be worked on: {failure.message}")
    return InvalidParameter(f"The file cannot be used: {failure.message}")


def _failed(what: str, ended: Ended, limits: ChildLimits) -> InvalidParameter | IllegalServerState:
    if ended.timed_out:
        return InvalidParameter(
            f"{what} took longer than {limits.seconds:g} seconds and was ended; simplify the model"
        )
    words = prusaslicer.complaint(ended.said)
    if ended.code < 0:
        return IllegalServerState(f"{what} was ended by signal {-ended.code}: {words}")
    return IllegalServerState(f"{what} failed: {words}")
