"""A real `gotapi run` in a process of its own, with simulated printers on real pseudo-terminals."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.client import HubClient
from gotapi_core.protocol.messages import Service
from gotapi_core.testing.process import HubProcess
from gotapi_printer.simulator.child import SimulatorChild, run_simulator

ROOT = Path(__file__).parents[2]


@pytest.fixture
def make_hub(tmp_path: Path) -> Iterator[Callable[..., HubProcess]]:
    """Start hubs; they are stopped at the end of the test."""
    with ExitStack() as stack:

        def make(*ports: str, name: str = "home") -> HubProcess:
            listed = ", ".join(f'{{path = "{port}"}}' for port in ports)
            hub = HubProcess(tmp_path / name, "--set", f"plugins.printer.ports=[{listed}]")
            return stack.enter_context(hub)

        yield make


@pytest.fixture
def simulate(tmp_path: Path) -> Iterator[Callable[..., SimulatorChild]]:
    """Start simulated printers, linked at `printer` in the test's folder."""
    with ExitStack() as stack:

        def start(*options: str) -> SimulatorChild:
            link = tmp_path / "printer"
            words = ("--only-numbered", "--time-scale", "0", *options)
            return stack.enter_context(run_simulator(*words, link=link))

        yield start


@dataclass
class Application:
    """An approved application and the printer it uses."""

    client: HubClient
    printer: Service

    async def status(self) -> dict[str, Any]:
        members = await self.client.get("3dp", "status", self.printer.id)
        status = members["3dp"]
        assert isinstance(status, dict)
        return status

    async def print(self, file: Path) -> str:
        stored = await self.client.upload(file)
        members = await self.client.put("3dp", "printingcommand", self.printer.id, uri=stored.uri)
        return str(members["jobId"])

    async def wait_until(
        self, wanted: Callable[[dict[str, Any]], bool], patience: float = 60.0
    ) -> dict[str, Any]:
        """Listen to the status until it is as wanted."""
        async with asyncio.timeout(patience):
            async with self.client.events("3dp", "status", self.printer.id) as events:
                async for event in events:
                    status = event.members["3dp"]
                    assert isinstance(status, dict)
                    if wanted(status):
                        return status
        raise AssertionError("the events ended")

    async def wait_for_end(self, job_id: str, patience: float = 60.0) -> dict[str, Any]:
        status = await self.wait_until(
            lambda status: status.get("lastJob", {}).get("jobId") == job_id, patience
        )
        last = status["lastJob"]
        assert isinstance(last, dict)
        return last


@asynccontextmanager
async def consented(hub: HubProcess) -> AsyncIterator[HubClient]:
    """A client that the operator has approved."""
    async with HubClient(hub.url, "test.application", "Test") as client:
        asking = asyncio.create_task(client.authorize(["3dp"]))
        await asyncio.to_thread(hub.approve_next)
        await asking
        yield client


@pytest.fixture(name="consented")
def consented_fixture() -> Any:
    return consented


@asynccontextmanager
async def application(hub: HubProcess) -> AsyncIterator[Application]:
    """An approved application of a hub, once its printer is online."""
    async with consented(hub) as client:
        printer = (await client.services())[0]
        app = Application(client, printer)
        await app.wait_until(lambda status: bool(status["online"]))
        yield app


@pytest.fixture(name="application")
def application_fixture() -> Any:
    return application


HOST_OWN = re.compile(r"M105|M110.*|M115|M155 S\d|M400|M114|M85 S\d+")
"""What the host asks of its own accord: who are you, how warm, have all moves ended. Neither the
box nor the sliced files have such commands."""


def printed(printer: SimulatorChild) -> list[str]:
    """Return the commands the printer accepted but for the host's own questions."""
    return [line for line in printer.transcript() if not HOST_OWN.fullmatch(line)]


@pytest.fixture(name="printed")
def printed_fixture() -> Callable[[SimulatorChild], list[str]]:
    return printed


def commands_of(file: Path) -> list[str]:
    """Return what of a G-code file goes to the printer, read in the plainest way there is."""
    lines = (line.partition(";")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line]


@pytest.fixture(name="commands_of")
def commands_of_fixture() -> Callable[[Path], list[str]]:
    return commands_of


@pytest.fixture
def box() -> Path:
    return ROOT / "examples" / "box.gcode"


@pytest.fixture
def shared_gcode() -> Callable[[str], Path]:
    """Return a sliced file of the shared data; skips where that is missing."""

    def find(name: str) -> Path:
        folder = Path(os.environ.get("GOTAPI_SHARED_DATA", ROOT.parent / "shared" / "data"))
        path = folder / "gcode" / name
        if not path.exists():
            pytest.skip(f"{name} is not in the shared data folder")
        return path

    return find
