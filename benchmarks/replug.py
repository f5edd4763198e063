"""How soon a pulled cable is seen, and how soon a printer that is plugged in again is online.

    python benchmarks/replug.py [--rounds 20]

The hub is a process of its own, its printer another one behind a pseudo terminal with a link of a
fixed name. Pulling the cable is the end of that process and of the link; every second time a print
runs. Seen is when `GET 3dp/status` says that the printer is offline (asked every few milliseconds).
Plugged in again is when the port is there; the peer listens at once, so that what is measured is
the hub alone: a real board that boots when its port is opened takes its own time besides. Between
the two the port is away for up to 5 s, as the hub tries again less often the longer it is away.
Bars: seen within 1 s, online within 3 s, the worst of all rounds.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from emergency import Peer, approved, status, until_online, until_printing

from gotapi_core.client import HubClient
from gotapi_core.testing.process import HubProcess

LINES = 200_000
SEEN, ONLINE = 1.0, 3.0  # seconds
AWAY = 5.0  # seconds, at most
ASK = 0.005  # seconds between two questions


async def until(client: HubClient, printer: str, *, online: bool) -> float:
    """Return the moment at which the hub says so."""
    async with asyncio.timeout(60):
        while (await status(client, printer))["online"] is not online:  # noqa: ASYNC110  # one asks
            await asyncio.sleep(ASK)
    return time.monotonic()


async def measure(rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds until it was seen and until it was online, for each round."""
    seen, online = [], []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        link = folder / "printer"
        peer = Peer(link)
        stack.callback(lambda: peer.end())
        port = f'[{{path="{link}", baud=250000, bed_clear="assume"}}]'
        hub = stack.enter_context(
            HubProcess(folder / "home", "--set", f"plugins.printer.ports={port}")
        )
        async with await approved(hub, "bench") as client:
            [printer] = [service.id for service in await client.services()]
            await until_online(client, printer)
            file = folder / "long.gcode"
            moves = (f"G1 X{100 + n % 90}.{n % 1000:03d} Y{100 + n % 70}" for n in range(LINES))
            await asyncio.to_thread(file.write_text, "G28\n" + "\n".join(moves) + "\n")
            uri = (await client.upload(file)).uri
            for number in range(rounds):
                if number % 2:
                    await client.put("3dp", "printingcommand", printer, uri=uri, bedClear="assume")
                    await until_printing(client, printer)
                began = time.monotonic()
                peer.end()
                link.unlink()
                seen.append(await until(client, printer, online=False) - began)
                await asyncio.sleep(random.uniform(0.0, AWAY))
                peer = await asyncio.to_thread(Peer, link)
                began = time.monotonic()
                online.append(await until(client, printer, online=True) - began)
    return seen, online


def report(name: str, values: list[float], bar: float) -> bool:
    """Print one line of figures; returns whether the bar was reached."""
    good = max(values) <= bar
    print(
        f"  {name}: median {statistics.median(values):.3f} s, worst {max(values):.3f} s"
        f"  bar {bar:g} s: {'reached' if good else 'MISSED'}"
    )
    return good


def main() -> int:
    """Run the rounds and print the figures; returns 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    seen, online = asyncio.run(measure(chosen.rounds))
    print(f"unplug and re-plug, {chosen.rounds} rounds")
    good = report("seen offline", seen, SEEN)
    return 0 if report("online again", online, ONLINE) and good else 1


if __name__ == "__main__":
    sys.exit(main())
