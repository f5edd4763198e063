"""Pausing a print and going on where it was: position, scripts, and a nozzle that cools down."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from gotapi_printer.driver import PrinterDriver
from gotapi_printer.gcode import commands
from gotapi_printer.link import LinkError
from gotapi_printer.marlin import Position, Temperature
from gotapi_printer.marlin.replies import classify
from gotapi_printer.motion_modes import Modes, modes_after, moved, way_back

SCRIPT_LINES = 50  # of one script; parking a head takes five

log = logging.getLogger(__name__)


class PauseScripts(msgspec.Struct, frozen=True):
    """G-code that goes with a pause, and minutes after which the nozzle cools down (0: never)."""

    pause: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    cancel: tuple[str, ...] = ()
    cool_after: float = 0.0


class Pausing:
    """What surrounds the pause of the job on one printer; every line goes by its driver.

    A printer that paused itself keeps its own order: then nothing here happens.
    """

    def __init__(self, driver: PrinterDriver, scripts: PauseScripts) -> None:
        self._driver = driver
        self._scripts = scripts
        self._parking: asyncio.Task[None] | None = None
        self._cooling: asyncio.Task[None] | None = None
        self._place: Mapping[str, float] = {}
        self._cooled: tuple[tuple[str, float], ...] = ()

    def pause(self) -> None:
        """Hold the file back; the head is parked once it stands still."""
        self._driver.pause()
        if self._parking is None:
            self._parking = asyncio.create_task(self._park())
            if self._scripts.cool_after > 0:
                self._cooling = asyncio.create_task(self._cool_later())

    async def resume(self, file: Path, line: int) -> None:
        """Bring the head back to where it was after `line` commands of the file, and go on.

        Raises LinkError and ValueError where a command was not taken; the job stays paused then.
        """
        parking, self._parking = self._parking, None
        if parking is not None:
            try:
                await parking
                await self._warm()
                await self.run(self._scripts.resume)
                await self._return(file, line)
            except BaseException:
                self._parking = parking  # it is still to be brought back
                raise
            self.forget()
        self._driver.resume()

    def forget(self) -> None:
        """Let go of a pause: its job ended, or goes on."""
        for task in (self._parking, self._cooling):
            if task is not None:
                task.cancel()
        self._parking = self._cooling = None
        self._place, self._cooled = {}, ()

    async def cancelled(self) -> None:
        """Run the script of a job that was stopped; what goes wrong is only logged."""
        with contextlib.suppress(LinkError, ValueError):
            await self.run(self._scripts.cancel)

    @property
    def has_cancel_script(self) -> bool:
        """Whether there is something to do after a job was stopped."""
        return bool(self._scripts.cancel)

    async def run(self, lines: Iterable[str]) -> None:
        """Send some commands, each when the one before was taken; raises LinkError, ValueError."""
        for line in lines:
            try:
                await self._send(line)
            except (LinkError, ValueError) as error:
                log.warning("the script's %r was not taken: %s", line, error)
                raise

    async def _send(self, line: str) -> tuple[str, ...]:
        return await asyncio.wrap_future(self._driver.send(line))

    async def _park(self) -> None:
        try:
            await self._send("M400")  # what the printer has is still printed
            self._place = await self._where()
            await self.run(self._scripts.pause)
        except (LinkError, ValueError) as error:
            log.warning("the head could not be parked: %s", error)

    async def _where(self) -> Mapping[str, float]:
        return position_in(await self._send("M114"))

    async def _return(self, file: Path, line: int) -> None:
        if not self._place or not moved(self._place, await self._where()):
            return
        modes = await asyncio.to_thread(_modes, file, line)
        await self.run(way_back(self._place, modes))

    async def _cool_later(self) -> None:
        await asyncio.sleep(self._scripts.cool_after * 60.0)
        # Not the bed: the print would come loose.
        self._cooled = nozzles(self._driver.update.temperatures)
        with contextlib.suppress(LinkError, ValueError):
            await self.run(f"M104{tool} S0" for tool, _ in self._cooled)

    async def _warm(self) -> None:
        """Bring the nozzle to what it had, and wait for it."""
        if self._cooling is not None:
            self._cooling.cancel()
        await self.run(f"M109{tool} S{target:g}" for tool, target in self._cooled)


def position_in(lines: Iterable[str]) -> Mapping[str, float]:
    """Return the position that the answer to M114 tells; empty where it tells none."""
    for line in lines:
        reply = classify(line.encode())
        if isinstance(reply, Position):
            return reply.axes
    return {}


def nozzles(temperatures: Sequence[Temperature]) -> tuple[tuple[str, float], ...]:
    """Return the nozzles that are on: how M104 names each, and its target."""
    on = {one.name: one.target for one in temperatures if one.target}
    numbered = {name: target for name, target in on.items() if name[:1] == "T" and name[1:]}
    if numbered:
        return tuple((f" {name}", target) for name, target in numbered.items())
    return (("", on["T"]),) if "T" in on else ()


def _modes(file: Path, line: int) -> Modes:
    with file.open("rb") as opened:
        return modes_after(command for _, command in islice(commands(opened), line))
