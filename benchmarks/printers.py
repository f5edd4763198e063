"""Eight printers of one hub at once, with peers that answer ok at the wire speed of 250,000 baud.

    python benchmarks/printers.py [--seconds 15] [--rounds 3] [--printers 8]

Hub, peers and the client that measures are processes of their own and share the machine's cores.
First one printer prints alone, then all of them; lines are those that the hub says were
acknowledged. Meanwhile the client asks for a status about fifty times a second. Bars: every printer
within 5 % of one alone, 99 of 100 answers within 30 ms. The cores used are told besides: where hub,
peers and client together want more than the machine has left, the bar cannot be reached there.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

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


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has had."""
    # After the name in parentheses, utime and stime are the 12th and 13th fields (proc(5)).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Cores(NamedTuple):
    """How many cores each part used on average while all printed; `others` had the rest."""

    hub: float
    peers: float
    client: float
    others: float


def machine_busy() -> float:
    """Return the processor time that all processes had."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    idle = int(fields[3]) + int(fields[4])
    return (sum(map(int, fields[:8])) - idle) / os.sysconf("SC_CLK_TCK")


class Account:
    """Takes the processor time of the parts from now until `cores`."""

    def __init__(self, hub: int, peers: list[int]) -> None:
        self._hub, self._peers = hub, peers
        self._begun = time.perf_counter()
        self._before = self._times()

    def cores(self) -> Cores:
        """Return the averages since the beginning."""
        seconds = time.perf_counter() - self._begun
        pairs = zip(self._before, self._times(), strict=True)
        hub, peers, client, all_of_them = ((end - begin) / seconds for begin, end in pairs)
        return Cores(hub, peers, client, max(0.0, all_of_them - hub - peers - client))

    def _times(self) -> tuple[float, float, float, float]:
        peers = sum(map(cpu_seconds, self._peers))
        return cpu_seconds(self._hub), peers, cpu_seconds(os.getpid()), machine_busy()


class Found(NamedTuple):
    """Lines a second of one alone and of each of all, milliseconds of answers, cores used."""

    alone: float
    each: list[float]
    took: list[float]
    cores: Cores


async def measure(count: int, seconds: float) -> Found:
    """Print on one, then on all."""
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
            account = Account(hub.pid, [one.process.pid for one in peers])
            each = await rates(client, printers, seconds)
            cores = account.cores()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            return Found(alone, each, took, cores)


def main() -> int:
    """Run the rounds and print the figures; returns 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--printers", type=int, default=8)
    chosen = parser.parse_args()
    shares, tails = [], []
    for _ in range(chosen.rounds):
        alone, each, took, cores = asyncio.run(measure(chosen.printers, chosen.seconds))
        took.sort()
        shares.append(min(each) / alone)
        tails.append(took[round(0.99 * len(took)) - 1])
        print(
            f"  alone {alone:5.0f} lines/s; {chosen.printers} at once {min(each):.0f} to"
            f" {max(each):.0f}; API p50 {statistics.median(took):.1f} ms, p99 {tails[-1]:.1f} ms"
        )
        print(
            f"    cores of {os.cpu_count()}: hub {cores.hub:.2f}, peers {cores.peers:.2f}, client"
            f" {cores.client:.2f}, others {cores.others:.2f}; hub"
            f" {10_000 * cores.hub / sum(each):.2f} CPU s/10,000 lines"
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
