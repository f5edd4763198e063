"""The queue survives kill -9 at any moment: nothing that was acknowledged is lost or doubled.

A sample runs always; GOTAPI_SOAK=1000 makes it so many kills.
"""

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.client import HubClient, HubError, HubRefused
from gotapi_core.testing.process import HubProcess
from gotapi_printer.simulator.child import run_simulator

KILLS = int(os.environ.get("GOTAPI_SOAK", "3"))
SEED = int(os.environ.get("GOTAPI_SEED", "4"))
LONGEST = 2.0  # seconds from the first request to the kill; a job takes about 0.2
DEADLINE = 30.0


@dataclass
class Ledger:
    """What an application was told, and what it does not know."""

    taken: dict[str, str] = field(default_factory=dict)
    """Job id -> name, of those that were acknowledged."""
    copies: dict[str, int] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)
    """Names that were asked for, acknowledged or not."""
    removed: set[str] = field(default_factory=set)
    order: list[str] | None = None
    """The waiting jobs as the last acknowledged answer had them, if nothing followed it."""


class Application:
    """Uses the queue at random until its hub is killed."""

    def __init__(self, client: HubClient, printer: str, chance: random.Random, ledger: Ledger):
        self.client = client
        self.printer = printer
        self.chance = chance
        self.ledger = ledger

    async def ask(self, method: str, attribute: str, **params: Any) -> Any:
        return await getattr(self.client, method)("3dp", attribute, self.printer, **params)

    async def act(self, folder: Path) -> None:
        """Do one thing after the other; ends with the hub."""
        while True:
            acts = [self.add, self.add, self.add, self.clear, self.move, self.remove]
            self.ledger.order = None
            answer = await self.chance.choice(acts)(folder)
            if answer is not None:
                waits = [job["jobId"] for job in answer if job["state"] == "queued"]
                self.ledger.order = waits

    async def add(self, folder: Path) -> Any:
        name = f"part{len(self.ledger.tried)}"
        copies = self.chance.choice((1, 1, 2))
        file = folder / f"{name}.gcode"
        file.write_text(f"G28\nM117 {name}\n" + "G4 P10\n" * 20)
        stored = await self.client.upload(file)
        self.ledger.tried.add(name)
        self.ledger.copies[name] = copies
        answer = await self.ask("put", "printingcommand", uri=stored.uri, name=name, copies=copies)
        self.ledger.taken[answer["jobId"]] = name
        return answer["printqueue"]

    async def clear(self, _: Path) -> Any:
        try:
            return (await self.ask("put", "bed"))["printqueue"]
        except HubError as error:
            if "is printing" not in str(error):
                raise
            return None

    async def move(self, _: Path) -> Any:
        waiting = await self.waiting()
        if not waiting:
            return None
        try:
            job = self.chance.choice(waiting)
            return (await self.ask("put", "queue", jobId=job, order=0))["printqueue"]
        except HubError as error:
            if "does not wait" not in str(error):
                raise
            return None

    async def remove(self, _: Path) -> Any:
        waiting = await self.waiting()
        if len(waiting) < 3:
            return None
        job = waiting[-1]
        answer = await self.ask("delete", "queue", jobId=job)
        assert answer["jobId"] == job
        self.ledger.removed.add(job)
        return None

    async def waiting(self) -> list[str]:
        queue = (await self.ask("get", "queue"))["printqueue"]
        return [job["jobId"] for job in queue if job["state"] == "queued"]


def compare(ledger: Ledger, jobs: list[dict[str, Any]], transcript: list[str]) -> None:
    """Fail where a job was lost or doubled, came back, or was printed too often."""
    states = {job["jobId"]: job["state"] for job in jobs}
    assert len(states) == len(jobs)
    lost = set(ledger.taken) - set(states)
    assert not lost, f"acknowledged and gone: {lost}"
    for name, count in Counter(job["name"] for job in jobs).items():
        assert count == 1, f"{name} is there {count} times"
        assert name in ledger.tried
    for job_id in ledger.removed:
        assert states[job_id] == "stopped", "a removed job is back"
    for name in ledger.tried:
        printed = transcript.count(f"M117 {name}")
        assert printed <= ledger.copies[name], f"{name} was printed {printed} times"


def compare_order(order: list[str], queue: list[dict[str, Any]]) -> None:
    """Those that still wait do so in the order that was acknowledged last."""
    waits = [job["jobId"] for job in queue if job["state"] == "queued"]
    before = [job_id for job_id in order if job_id in waits]
    assert before == [job_id for job_id in waits if job_id in order]


async def client_of(hub: HubProcess, before: HubClient | None) -> HubClient:
    if before is not None:
        return HubClient(
            hub.url, "kill.test", "Kills", before.token, client_id=before.client_id, patience=0.1
        )
    client = HubClient(hub.url, "kill.test", "Kills", patience=0.1)
    asking = asyncio.create_task(client.authorize(["3dp"]))
    await asyncio.to_thread(hub.approve_next)
    await asking
    return client


async def online(app: Application) -> None:
    async with asyncio.timeout(DEADLINE):
        while not (await app.ask("get", "status"))["3dp"]["online"]:  # noqa: ASYNC110  # one asks
            await asyncio.sleep(0.02)


async def something_taken(ledger: Ledger, acting: asyncio.Task[None]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not ledger.taken and not acting.done():  # noqa: ASYNC110  # the ledger tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.timeout(60 + KILLS * 10)
async def test_a_killed_hub_loses_and_doubles_no_job(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    ledger = Ledger()
    client: HubClient | None = None
    link = tmp_path / "printer"
    words = ("--time-scale", "20", "--only-numbered", "--boot-delay", "0.01")
    with run_simulator(*words, link=link) as simulator:
        hub = HubProcess(tmp_path / "home", "--set", f'plugins.printer.ports=[{{path="{link}"}}]')
        for kill in range(KILLS):
            await asyncio.to_thread(hub.start)
            client = await client_of(hub, client)
            app = Application(client, "printer.printer", chance, ledger)
            compare(ledger, (await app.ask("get", "jobs"))["jobs"], simulator.transcript())
            if ledger.order is not None:
                compare_order(ledger.order, (await app.ask("get", "queue"))["printqueue"])
            await online(app)
            acting = asyncio.create_task(app.act(tmp_path))
            if kill:  # the first may come before anything was acknowledged, however slow it is here
                await something_taken(ledger, acting)
            await asyncio.wait([acting], timeout=chance.uniform(0.0, LONGEST))
            await asyncio.to_thread(hub.kill)
            with pytest.raises(HubError) as ended:
                await acting
            assert not isinstance(ended.value, HubRefused), ended.value
            await client.close()
        await asyncio.to_thread(hub.start)
        assert client is not None
        client = await client_of(hub, client)
        app = Application(client, "printer.printer", chance, ledger)
        compare(ledger, (await app.ask("get", "jobs"))["jobs"], simulator.transcript())
        await client.close()
        hub.stop()
    assert ledger.taken, "the kills came before anything was acknowledged"
