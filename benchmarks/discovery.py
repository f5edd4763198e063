"""Ask for the services, or one thing of one of them, beside a bare uvicorn with the same JSON.

    python benchmarks/discovery.py [--ask discovery one-shot] [--plugins 3] [--rounds 7]
                                   [--seconds 2] [--connections 16] [--signed]

The hub has three plug-ins with one service each and does all that it does for any application:
Host and Sec-Fetch checks, token, scope, the question to the plug-ins, HMAC look-up; with --signed
also HMAC v2 over each answer. The bare server is an ASGI application of ten lines that returns byte
for byte the same JSON, on the same event loop and the same HTTP parser. Hub, bare server and client
are processes of their own; rounds alternate, and the medians of all rounds are compared, because
other work on the machine disturbs both alike.

The bars: 3,000 requests a second with 99 of 100 answered within 15 ms, or half of what the bare
server does in the same rounds.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn

from gotapi_auth.grants import Lifetime
from gotapi_core.plugin import Call, Plugin, Result, Service, get
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity
from gotapi_core.testing import live_hub

RATE, P99, RATIO = 3000.0, 15.0, 0.5  # requests/s, ms; or this part of the bare server's rate
ORIGIN = "bench.app"
KEY = "5c" * 32
WARM_UP = 0.5  # seconds


class Name(Result):
    name: str


class Bench(Plugin):
    """One service that is always there."""

    id = "bench"
    name = "Bench"

    def services(self) -> list[Service]:
        return [
            Service(
                id="printer-1",
                name="A printer on the desk",
                type="USB",
                scopes=("bench",),
                manufacturer="Nobody",
                version="2.1",
            )
        ]

    @get("bench", "name")
    async def get_name(self, call: Call) -> Name:
        """Say the name."""
        return Name(name="A printer on the desk")


def plugins(count: int) -> list[type[Plugin]]:
    """Return that many plug-ins with a service each, with ids and profiles of their own."""
    made: list[type[Plugin]] = [Bench]
    for number in range(2, count + 1):

        class Another(Plugin):
            id = f"bench{number}"
            name = f"Bench {number}"

            def services(self) -> list[Service]:
                return [Service(id="one", name=self.name, type="USB", scopes=(self.id,))]

            @get(f"bench{number}", "name")
            async def get_name(self, call: Call) -> Name:
                """Say the name."""
                return Name(name=self.name)

        made.append(Another)
    return made


# -- the servers ------------------------------------------------------------------------------


def announce(**members: Any) -> None:
    """Tell the parent process where the server answers."""
    print(json.dumps(members), flush=True)


@asynccontextmanager
async def until_stdin_ends() -> AsyncIterator[None]:
    """Run the block's server until the parent closes our standard input."""
    yield
    await asyncio.to_thread(sys.stdin.read)


async def hub_server(profile: str | None, count: int) -> None:
    """Run a hub, give an application its token, and answer until the parent has enough."""
    with tempfile.TemporaryDirectory() as home:
        async with live_hub(Path(home), plugins(count)) as live:
            identity = Identity(ORIGIN, Lineage.ENVELOPE, browser=False)
            auth = live.hub.auth
            asked = asyncio.Event()
            auth.subscribe(lambda _: asked.set())
            client = await auth.grant(identity)
            asking = asyncio.create_task(auth.access_token(identity, client, "all"))
            await asked.wait()
            await auth.approve(auth.requests()[0].code, Lifetime.ALWAYS)
            issued = await asking
            await auth.launch_key(ORIGIN, KEY)
            async with until_stdin_ends():
                announce(port=live.port, token=issued.access_token)
                if profile:
                    profiler = _profiler()
            if profile:
                profiler.disable()
                profiler.dump_stats(profile)


def _profiler() -> Any:
    import cProfile

    profiler = cProfile.Profile()
    profiler.enable()
    return profiler


async def bare_server(body: bytes) -> None:
    """Return these bytes to every request."""
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(
        app, port=0, http="httptools", loop="asyncio", lifespan="off", access_log=False,
        log_level="warning", timeout_keep_alive=60,
    )  # fmt: skip
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    async with until_stdin_ends():
        announce(port=server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await running


# -- the client -------------------------------------------------------------------------------


class Connection(asyncio.Protocol):
    """Sends one request after the other and notes how long each answer took."""

    def __init__(self, request: bytes, latencies: list[float]) -> None:
        self._request = request
        self._latencies = latencies
        self._got = bytearray()
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head = self._got.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self._got.index(b"content-length: ") + 16
        length = int(self._got[start : self._got.index(b"\r\n", start)])
        if len(self._got) < head + 4 + length:
            return
        assert self._got.startswith(b"HTTP/1.1 200"), bytes(self._got)
        self._latencies.append(time.perf_counter() - self._sent)
        self._got.clear()
        self._ask()

    def _ask(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)


async def load(port: int, request: bytes, connections: int, seconds: float) -> dict[str, float]:
    """Return requests a second and latencies in milliseconds of one round."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    transports = [
        (await loop.create_connection(lambda: Connection(request, latencies), "127.0.0.1", port))[0]
        for _ in range(connections)
    ]
    await asyncio.sleep(WARM_UP)
    warmed = len(latencies)
    latencies.clear()
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    took, found = time.perf_counter() - begun, sorted(latencies)
    for transport in transports:
        transport.abort()
    return {
        "rate": len(found) / took,
        "asked": warmed + len(found),
        "p50": found[len(found) // 2] * 1000,
        "p99": found[int(len(found) * 0.99)] * 1000,
    }


ASKED = {
    "discovery": "/gotapi/servicediscovery?",
    "one-shot": "/gotapi/bench/name?serviceId=printer-1.bench&",
}


def request_for(port: int, token: str, what: str, signed: bool) -> bytes:
    nonce = f"X-GotAPI-Nonce: {'ab' * 16}\r\n" if signed else ""
    return (
        f"GET {ASKED[what]}accessToken={token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"X-GotAPI-Origin: {ORIGIN}\r\n{nonce}Accept: application/json\r\n\r\n"
    ).encode()


# -- putting it together ----------------------------------------------------------------------


class Part:
    """One process of the benchmark."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def cpu(self) -> float:
        """Return the seconds of CPU that the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self.process.communicate("", timeout=20)


def fetch(port: int, request: bytes) -> bytes:
    """Return the body of one answer."""
    import socket

    got = b""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        while piece := line.recv(65536):
            got += piece
    return got.partition(b"\r\n\r\n")[2]


def compare(what: str, chosen: argparse.Namespace) -> bool:
    """Run the rounds, print the figures, and tell whether they reach the bars."""
    hub = Part("--hub", "--plugins", str(chosen.plugins))
    known = hub.line()
    request = request_for(known["port"], known["token"], what, chosen.signed)
    body = fetch(known["port"], request)
    bare = Part("--bare", body.decode())
    servers = {"hub": hub, "bare": bare}
    ports = {"hub": known["port"], "bare": bare.line()["port"]}
    found: dict[str, list[dict[str, float]]] = {"hub": [], "bare": []}
    for number in range(chosen.rounds):
        order = ("hub", "bare") if number % 2 else ("bare", "hub")
        for who in order:
            assert fetch(ports[who], request) == body
            used = servers[who].cpu()
            client = Part(
                "--load",
                str(ports[who]),
                request.decode(),
                str(chosen.connections),
                str(chosen.seconds),
            )
            figures = client.line()
            client.end()
            used = servers[who].cpu() - used
            found[who].append({**figures, "cpu": used / figures["asked"] * 1e6})
    hub.end()
    bare.end()
    return _report(f"{what}, {chosen.plugins} plug-ins, {len(body)} bytes of JSON", found)


def _report(title: str, found: dict[str, list[dict[str, float]]]) -> bool:
    medians = {
        who: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        for who, rounds in found.items()
    }
    print(f"{title}, medians of {len(found['hub'])} rounds")
    for who, figures in medians.items():
        best = max(one["rate"] for one in found[who])
        print(
            f"  {who:5} {figures['rate']:8.0f} requests/s (best {best:.0f})"
            f"  p50 {figures['p50']:6.2f} ms  p99 {figures['p99']:6.2f} ms"
            f"  CPU {figures['cpu']:5.1f} us each"
        )
    rate = medians["hub"]["rate"] / medians["bare"]["rate"]
    p99 = medians["hub"]["p99"] / medians["bare"]["p99"]
    good = medians["hub"]["rate"] >= RATE and medians["hub"]["p99"] <= P99
    print(
        f"  {RATE:.0f} requests/s within {P99:g} ms: {'reached' if good else 'missed'}; or "
        f"{rate:.2f} of the bare server (bar {RATIO}): {'reached' if rate >= RATIO else 'missed'}"
        f"  (p99 {p99:.2f} x, CPU {medians['hub']['cpu'] / medians['bare']['cpu']:.2f} x)"
    )
    return good or rate >= RATIO


def main() -> int:
    """Run the part that the arguments name; without one, the whole comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--plugins", type=int, default=3)
    parser.add_argument("--ask", nargs="+", choices=list(ASKED), default=list(ASKED))
    parser.add_argument("--signed", action="store_true", help="have each answer signed (HMAC v2)")
    parser.add_argument("--profile", metavar="FILE", help="write a cProfile of a hub's round")
    parser.add_argument("--hub", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    parser.add_argument("--load", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.hub:
        asyncio.run(hub_server(chosen.profile, chosen.plugins))
    elif chosen.bare:
        asyncio.run(bare_server(chosen.bare.encode()))
    elif chosen.load:
        port, request, connections, seconds = chosen.load
        announce(**asyncio.run(load(int(port), request.encode(), int(connections), float(seconds))))
    elif chosen.profile:
        plugins = ("--plugins", str(chosen.plugins))
        hub = Part("--hub", *plugins, "--profile", os.path.abspath(chosen.profile))
        known = hub.line()
        request = request_for(known["port"], known["token"], chosen.ask[0], chosen.signed)
        found = asyncio.run(load(known["port"], request, chosen.connections, chosen.seconds))
        hub.end()
        print({key: round(value, 2) for key, value in found.items()})
    else:
        good = [compare(what, chosen) for what in chosen.ask]  # each of them, whatever comes of one
        return 0 if all(good) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
