"""A hub in the test's own loop, with the printer plug-in and simulated printers as its children."""

import asyncio
import os
import pty
import select
import threading
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.client import HubClient, HubRefused
from gotapi_core.testing import LiveHub, live_hub
from gotapi_printer.simulator.child import SimulatorChild, run_simulator

PATIENCE = 30.0


@dataclass
class Desk:
    """An approved application, the hub, and the simulated printers in the order of the settings."""

    hub: LiveHub
    client: HubClient
    simulators: list[SimulatorChild]
    ids: list[str]
    folder: Path

    async def call(self, method: str, attribute: str, *, printer: int = 0, **params: Any) -> Any:
        ask = getattr(self.client, method)
        return await ask("3dp", attribute, self.ids[printer], **params)

    async def status(self, printer: int = 0) -> dict[str, Any]:
        status = (await self.call("get", "status", printer=printer))["3dp"]
        assert isinstance(status, dict)
        return status

    async def print(self, gcode: str, *, name: str = "part.gcode", **params: Any) -> str:
        path = self.folder / name
        path.write_text(gcode)
        stored = await self.client.upload(path)
        printer = params.pop("printer", 0)
        answer = await self.call(
            "put", "printingcommand", printer=printer, uri=stored.uri, **params
        )
        return str(answer["jobId"])

    async def until(self, wanted: Callable[[dict[str, Any]], bool], printer: int = 0) -> Any:
        """Ask for the status until it is as wanted; the deadline is far."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(status := await self.status(printer)):  # noqa: ASYNC110  # one asks
                await asyncio.sleep(0.02)
        return status

    async def job(self, job_id: str, *states: str, printer: int = 0) -> dict[str, Any]:
        """Wait until a job is in one of these states."""
        async with asyncio.timeout(PATIENCE):
            while True:
                jobs = (await self.call("get", "jobs", printer=printer))["jobs"]
                found = next(job for job in jobs if job["jobId"] == job_id)
                if found["state"] in states:
                    assert isinstance(found, dict)
                    return found
                await asyncio.sleep(0.02)

    async def refused(self, code: int, method: str, attribute: str, /, **params: Any) -> str:
        """Expect an error of this code; returns its words."""
        with pytest.raises(HubRefused) as refused:
            await self.call(method, attribute, **params)
        assert refused.value.code == code, refused.value
        return str(refused.value)

    async def printed(self, command: str) -> list[str]:
        """Wait until the printer has accepted a command; returns its transcript."""
        async with asyncio.timeout(PATIENCE):
            while command not in self.transcript():  # noqa: ASYNC110  # it is a file
                await asyncio.sleep(0.02)
        return self.transcript()

    def transcript(self, printer: int = 0) -> list[str]:
        return self.simulators[printer].transcript()


class ScriptedPrinter:
    """A firmware behind a pseudo-terminal that answers each command as told, with an ok."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.heard: list[str] = []
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._end_read, self._end_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        waiting = b""
        while True:
            ready = select.select([self._master, self._end_read], [], [])[0]
            if self._end_read in ready:
                return
            waiting += os.read(self._master, 4096)
            *lines, waiting = waiting.split(b"\n")
            for line in lines:
                words = line.partition(b"*")[0].decode().split()
                command = " ".join(words[1:] if words[0][:1] == "N" else words)
                self.heard.append(command)
                told = self.answers.get(command, self.answers.get(command.split()[0], "ok"))
                os.write(self._master, told.encode() + b"\n")

    def close(self) -> None:
        os.write(self._end_write, b"x")
        self._thread.join(5)
        for file in (self._master, self._slave, self._end_read, self._end_write):
            os.close(file)


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedPrinter]]:
    """Make a printer that answers as told: `scripted({"M115": "FIRMWARE_NAME:Own\\nok"}).path`."""
    made: list[ScriptedPrinter] = []

    def make(answers: dict[str, str] | None = None) -> ScriptedPrinter:
        made.append(ScriptedPrinter({"M105": "ok T:20.0 /0.0 B:20.0 /0.0", **(answers or {})}))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def desk(tmp_path: Path, loaded: Any) -> Any:
    """Open a desk: `async with desk("--time-scale", "20", settings={...}) as one`.

    The options are those of `sim-printer`, `settings` those of each port, `plugin` those of the
    plug-in; `count` printers are alike.
    """

    @asynccontextmanager
    async def open_desk(
        *options: str,
        settings: dict[str, Any] | None = None,
        plugin: dict[str, Any] | None = None,
        count: int = 1,
        online: bool = True,
    ) -> AsyncIterator[Desk]:
        async with AsyncExitStack() as stack:
            words = ("--only-numbered", *(options or ("--time-scale", "0")))
            own = (settings or {}).get("path")  # a port that is not of a simulator
            paths = [Path(own)] if own else [tmp_path / f"printer{n}" for n in range(count)]
            simulators = [
                await asyncio.to_thread(stack.enter_context, run_simulator(*words, link=path))
                for path in ([] if own else paths)
            ]
            # Without the printer's own timer, whose M85 comes when something gets hot.
            ports = [{"path": str(path), "idle_off": 0, **(settings or {})} for path in paths]
            chosen = {"plugins": {"printer": {"ports": ports, **(plugin or {})}}}
            hub = await stack.enter_async_context(
                live_hub(tmp_path / "home", [loaded("gotapi_printer")], settings=chosen)
            )
            client = await stack.enter_async_context(HubClient(hub.url, "desk.test", "Desk"))
            asking = asyncio.create_task(client.authorize(["3dp"]))
            await hub.allow()
            await asking
            ids = sorted(service.id for service in await client.services())
            desk = Desk(hub, client, simulators, ids, tmp_path)
            for number in range(count if online else 0):
                await desk.until(lambda status: bool(status["online"]), number)
            yield desk

    return open_desk
