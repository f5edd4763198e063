"""Events over 50 WebSockets: how many, how late, and what one listener that stalls does to others.

    python benchmarks/events.py [--rounds 5] [--sockets 50] [--idle 5000] [--seconds 3]

Four measurements, with hub and listeners in processes of their own that share the machine's clock:
as many events as the hub can send; 10 events a second to each of 50 sockets, from 50 generators;
the same with large events and one socket that reads nothing; the memory of idle sockets.
The bars: 5,000 events/s; p99 within 15 ms; p99 of the others changed by less than a tenth;
5,000 idle sockets within 180 MB.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from _parts import FrameReader, Part, announce, application, open_socket, part_of, until_stdin_ends

from gotapi_core.plugin import Call, Durable, Params, Plugin, Result, Service, event
from gotapi_core.testing import live_hub

RATE, P99, STALL, MEMORY = 5000.0, 15.0, 1.1, 180.0  # events/s, ms, ratio, MB


class TickParams(Params):
    every: float = 0.1  # seconds; 0: as fast as it goes
    count: int = 1000
    padding: int = 0
    number: int = 0  # makes streams of their own
    begin: float = 0.0  # by the machine's clock, when every listener is there


class Tick(Result):
    sent: float
    padding: str


class Ticker(Plugin):
    """Ticks as it is told."""

    id = "ticker"
    name = "Ticker"

    def services(self) -> list[Service]:
        return [Service(id="one", name="Ticker", scopes=("tick",))]

    @event("tick", "tick")
    async def tick(self, call: Call, params: TickParams) -> AsyncIterator[Durable[Tick]]:
        """Tell the time."""
        padding = "x" * params.padding
        await asyncio.sleep(params.begin - time.monotonic())
        begun = time.monotonic() + (params.number % 50) * params.every / 50
        for number in range(params.count):
            if params.every:
                await asyncio.sleep(begun + number * params.every - time.monotonic())
            yield Durable(Tick(sent=time.monotonic(), padding=padding))
        await asyncio.Event().wait()


async def hub_server(sockets: int) -> None:
    """Run a hub with an application for each socket."""
    server = {"sockets": 20_000, "sockets_per_application": 20_000, "event_queue": 1024 * 1024}
    with tempfile.TemporaryDirectory() as home:
        async with live_hub(Path(home), [Ticker], settings={"server": server}) as live:
            tokens = [await application(live.hub, f"bench{n}.app") for n in range(sockets)]
            async with until_stdin_ends():
                announce(port=live.port, tokens=tokens)


async def bare_server(sockets: int) -> None:
    """Send the same paced events with nothing around them: what this machine can do at all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = time.monotonic()
        number = 0
        with contextlib.suppress(asyncio.CancelledError):
            while not writer.is_closing():
                await asyncio.sleep(begun + number * 0.1 - time.monotonic())
                writer.write(b'{"sent":%f}\n' % time.monotonic())
                number += 1

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with until_stdin_ends():
        announce(port=server.sockets[0].getsockname()[1], sockets=sockets)
    server.close()


async def bare_measure(known: dict[str, Any], seconds: float) -> dict[str, float]:
    """Return the delays of the bare server's events."""
    delays: list[float] = []

    async def hear() -> None:
        reader, _ = await asyncio.open_connection("127.0.0.1", known["port"])
        while True:
            line = await reader.readline()
            delays.append(time.monotonic() - float(line[8:-2]))

    hearing = []
    for _ in range(known["sockets"]):
        hearing.append(asyncio.create_task(hear()))
        await asyncio.sleep(0.002)  # so that they do not all tick at once
    await asyncio.sleep(seconds)
    for one in hearing:
        one.cancel()
    return {"p50": part_of(delays, 0.5) * 1000, "p99": part_of(delays, 0.99) * 1000}


# -- the listeners ----------------------------------------------------------------------------


class Listener(asyncio.Protocol):
    """Notes for each event when it was sent and when it came."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.last = 0.0
        self._reader = FrameReader(self._take)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)

    def _take(self, text: bytes) -> None:
        self.last = time.monotonic()
        begin = text.find(b'"sent":')
        if begin >= 0:
            self.delays.append(self.last - float(text[begin + 7 :].split(b",", 1)[0].rstrip(b"}")))


async def listen(port: int, number: int, token: str, params: dict[str, Any], method: str) -> None:
    """PUT or DELETE one subscription."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"serviceId": "one.ticker", **params}).encode()
    writer.write(
        f"{method} /gotapi/tick/tick?accessToken={token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"X-GotAPI-Origin: bench{number}.app\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        + body
    )
    answer = await reader.read()
    writer.close()
    assert b'"result":0' in answer, answer


async def measure(known: dict[str, Any], wish: dict[str, Any]) -> dict[str, float]:
    """Open the sockets, listen as it is wished, and return the figures."""
    loop = asyncio.get_running_loop()
    port, tokens = known["port"], known["tokens"]
    opened = []
    for number, token in enumerate(tokens):
        stalls = wish["stalled"] and number == 0
        line = open_socket(port, f"bench{number}.app", token, buffer=4096 if stalls else 0)
        line.setblocking(False)
        if stalls:
            opened.append((None, line))
            continue
        opened.append((await loop.create_connection(Listener, sock=line), line))
    begun = time.monotonic() + 1.5  # to listen 50 times takes less
    given = {**wish["params"], "begin": begun}
    for number, token in enumerate(tokens):
        own = {"number": number} if given.get("every") else {}
        await listen(port, number, token, {**given, **own}, "PUT")
    listeners = [one[0][1] for one in opened if one[0] is not None]
    deadline = begun + wish["seconds"] + 60
    whole = given["count"]
    while any(len(one.delays) < whole for one in listeners) and time.monotonic() < deadline:
        if given.get("every") and time.monotonic() > begun + wish["seconds"]:
            break
        await asyncio.sleep(0.01)
    delays = [delay for one in listeners for delay in one.delays]
    took = max(one.last for one in listeners) - begun
    for number, token in enumerate(tokens):
        await listen(port, number, token, {}, "DELETE")
    for _, line in opened:
        line.close()
    return {
        "events": len(delays),
        "rate": len(delays) / max(took, 0.001),
        "p50": part_of(delays, 0.5) * 1000,
        "p90": part_of(delays, 0.9) * 1000,
        "p99": part_of(delays, 0.99) * 1000,
    }


def run(file: str, known: dict[str, Any], wish: dict[str, Any]) -> dict[str, float]:
    part = Part(file, "--measure", json.dumps(known), json.dumps(wish))
    figures = part.line()
    part.end()
    return figures


def median(found: list[dict[str, float]], name: str) -> float:
    return statistics.median(one[name] for one in found)


# -- putting it together ----------------------------------------------------------------------


def flood(file: str, known: dict[str, Any], rounds: int) -> bool:
    """As many as it can: one stream, every socket, all at once."""
    wish = {"params": {"every": 0, "count": 400, "padding": 0}, "stalled": False, "seconds": 0}
    found = [run(file, known, wish) for _ in range(rounds)]
    rate = median(found, "rate")
    good = rate >= RATE
    best = max(one["rate"] for one in found)
    print(
        f"flood: {rate:.0f} events/s over {len(known['tokens'])} sockets (best {best:.0f}; bar "
        f"{RATE:.0f}: {'reached' if good else 'MISSED'})"
    )
    return good


def paced(file: str, known: dict[str, Any], rounds: int, seconds: float) -> bool:
    """10 a second to each socket, each from a generator of its own; beside a bare server."""
    wish = {"params": {"every": 0.1, "count": 100_000}, "stalled": False, "seconds": seconds}
    bare = Part(file, "--bare", str(len(known["tokens"])))
    floor_at = json.dumps(bare.line())
    found, floor = [], []
    for _ in range(rounds):
        found.append(run(file, known, wish))
        part = Part(file, "--measure-bare", floor_at, str(seconds))
        floor.append(part.line())
        part.end()
    bare.end()
    p99, least = median(found, "p99"), median(floor, "p99")
    good = p99 <= P99
    print(
        f"paced: {median(found, 'rate'):.0f} events/s, p50 {median(found, 'p50'):.2f} ms, p99 "
        f"{p99:.2f} ms (best {min(one['p99'] for one in found):.2f}; bar {P99:g}: "
        f"{'reached' if good else 'MISSED'}); a bare server here: p50 "
        f"{median(floor, 'p50'):.2f} ms, p99 {least:.2f} ms, ratio {p99 / least:.2f}"
    )
    return good


def stalled(file: str, known: dict[str, Any], rounds: int, seconds: float) -> bool:
    """The same with 8 KiB events; in every other round one socket reads nothing."""
    params = {"every": 0.1, "count": 100_000, "padding": 8192}
    found: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    for number in range(rounds):
        for stalls in (False, True) if number % 2 else (True, False):
            wish = {"params": params, "stalled": stalls, "seconds": seconds}
            found[stalls].append(run(file, known, wish))
    ratios = [
        with_one["p99"] / without["p99"]
        for with_one, without in zip(found[True], found[False], strict=True)
    ]
    ratio = statistics.median(ratios)
    good = ratio < STALL
    print(
        f"one of {len(known['tokens'])} stalled: p99 of the others "
        f"{median(found[True], 'p99'):.2f} ms, without "
        f"{median(found[False], 'p99'):.2f} ms; median ratio {ratio:.2f} (of "
        f"{min(ratios):.2f} to {max(ratios):.2f}; bar {STALL}: {'reached' if good else 'MISSED'}); "
        f"p90 {median(found[True], 'p90'):.2f} and {median(found[False], 'p90'):.2f} ms"
    )
    return good


def idle(file: str, count: int) -> bool:
    """The memory of sockets that only stand, in a hub that has done nothing else."""
    hub = Part(file, "--hub", "1")
    known = hub.line()
    before = hub.memory()
    token, lines = known["tokens"][0], []
    try:
        for _ in range(count):
            lines.append(open_socket(known["port"], "bench0.app", token))
    except OSError as error:
        print(f"only {len(lines)} of {count} sockets could be opened: {error}")
    more = hub.memory() - before
    bar = MEMORY * len(lines) / 5000
    good = more <= bar
    print(
        f"idle: {len(lines)} sockets take {more:.0f} MB, {more / len(lines) * 1000:.1f} KB each "
        f"(bar {bar:.0f} MB: {'reached' if good else 'MISSED'})"
    )
    for line in lines:
        line.close()
    hub.end()
    return good


def main() -> int:
    """Run the part that the arguments name; without one, everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sockets", type=int, default=50)
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--hub", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--measure-bare", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.hub:
        asyncio.run(hub_server(chosen.hub))
        return 0
    if chosen.bare:
        asyncio.run(bare_server(chosen.bare))
        return 0
    if chosen.measure_bare:
        known, seconds = (json.loads(text) for text in chosen.measure_bare)
        announce(**asyncio.run(bare_measure(known, seconds)))
        return 0
    if chosen.measure:
        known, wish = (json.loads(text) for text in chosen.measure)
        announce(**asyncio.run(measure(known, wish)))
        return 0
    hub = Part(__file__, "--hub", str(chosen.sockets))
    known = hub.line()
    good = [
        flood(__file__, known, chosen.rounds),
        paced(__file__, known, chosen.rounds, chosen.seconds),
        stalled(__file__, known, chosen.rounds, max(chosen.seconds, 4.0)),
        idle(__file__, chosen.idle),
    ]
    hub.end()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
