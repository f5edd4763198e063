"""One-shot requests to one plug-in behind each kind of port, over 16 kept-alive connections.

    python benchmarks/ports.py [--rounds 5] [--seconds 2] [--connections 16]

The same plug-in answers in the hub's process, in a child on stdio, and in a process that connected
to the hub's WebSocket. Client, hub and plug-in are processes of their own (on two cores they share
them, so a plug-in of its own costs the hub time); rounds alternate between the ports. `at the port`
is what the port alone does, without HTTP, tokens and scopes.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from discovery import ORIGIN, announce, fetch, until_stdin_ends  # the benchmark beside this one

from gotapi_auth.grants import Lifetime
from gotapi_core.host.loader import Loaded, find_module, load
from gotapi_core.plugin import Call
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.names import Method, Name
from gotapi_core.testing import LiveHub, live_hub

KINDS = ("inprocess", "stdio", "websocket")
BAR = 1500.0  # requests a second that stdio and WebSocket must reach

MANIFEST = """
id = "bench"
name = "Bench"
version = "1"
module = "bench_echo"
profiles = ["bench"]
"""

PLUGIN = """
from gotapi_core.plugin import Call, Params, Plugin, Result, Service, get, hookimpl

class Say(Params):
    text: str
    number: int = 0

class Said(Result):
    text: str
    number: int

class Bench(Plugin):
    id = "bench"
    name = "Bench"

    def services(self):
        return [Service(id="echo", name="Echo", scopes=("bench",))]

    @get("bench", "echo")
    async def echo(self, call: Call, params: Say) -> Said:
        return Said(text=params.text, number=params.number)

@hookimpl
def gotapi_plugins():
    return [Bench]
"""


async def hub_server(kind: str) -> None:
    """Run a hub with the plug-in behind one kind of port until the parent has enough."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        package = home / "bench_echo"
        package.mkdir()
        (package / "gotapi-plugin.toml").write_text(MANIFEST)
        (package / "__init__.py").write_text(PLUGIN)
        sys.path.insert(0, folder)
        found = find_module("bench", "bench_echo")
        plugins = {
            "inprocess": lambda: [load(found)],
            "stdio": lambda: [Loaded(found.manifest, isolated=True, folder=home)],
            "websocket": list,
        }[kind]()
        async with live_hub(home, plugins) as live:
            worker = await _connect(live, home) if kind == "websocket" else None
            while not any(one.ready for one in live.hub.registry):  # noqa: ASYNC110  # a child of the benchmark
                await asyncio.sleep(0.01)
            token = await _token(live)
            alone = await _at_the_port(live)
            async with until_stdin_ends():
                announce(port=live.port, token=token, alone=alone)
            if worker is not None:
                worker.terminate()
                await asyncio.to_thread(worker.wait)


async def _connect(live: LiveHub, home: Path) -> "subprocess.Popen[bytes]":
    token = await live.hub.socket_plugins.make_token("bench")
    await asyncio.to_thread((home / "token").write_text, token)
    url = f"ws://127.0.0.1:{live.port}/gotapi/plugin"
    words = ["bench_echo", "--path", str(home), "--connect", url, "--token-file"]
    return subprocess.Popen(  # noqa: ASYNC220  # nothing runs yet
        [sys.executable, "-m", "gotapi_core.host.worker", *words, str(home / "token")]
    )


async def _token(live: LiveHub) -> str:
    identity = Identity(ORIGIN, Lineage.ENVELOPE, browser=False)
    auth = live.hub.auth
    client = await auth.grant(identity)
    asking = asyncio.create_task(auth.access_token(identity, client, "bench"))
    while not auth.requests():  # noqa: ASYNC110  # a child of the benchmark
        await asyncio.sleep(0.01)
    await auth.approve(auth.requests()[0].code, Lifetime.ALWAYS)
    return str((await asking).access_token)


async def _at_the_port(live: LiveHub, count: int = 4000, at_once: int = 16) -> float:
    (supervisor,) = live.hub.registry
    route = supervisor.description.routes.find(Method.GET, Name("bench", None, "echo"))
    call = Call(service_id="echo", origin=ORIGIN, application="A")

    async def ask() -> None:
        for _ in range(count // at_once):
            await supervisor.call(route, call, {"text": "hello", "number": "3"})

    begun = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(at_once)))
    return count / (time.perf_counter() - begun)


def request_for(port: int, token: str) -> bytes:
    return (
        f"GET /gotapi/bench/echo?accessToken={token}&serviceId=echo.bench&text=hello&number=3 "
        f"HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-GotAPI-Origin: {ORIGIN}\r\n\r\n"
    ).encode()


class Part:
    """One process of the benchmark."""

    def __init__(self, script: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name(script)), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> dict[str, Any]:
        import json

        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def end(self) -> None:
        self.process.communicate("", timeout=20)


def compare(rounds: int, seconds: float, connections: int) -> bool:
    """Run the rounds, print the figures, and tell whether they reach the bar."""
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    alone: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind in KINDS:
            hub = Part("ports.py", "--hub", kind)
            known = hub.line()
            request = request_for(known["port"], known["token"])
            assert b'"text":"hello","number":3' in fetch(known["port"], request)
            client = Part(
                "discovery.py", "--load", str(known["port"]), request.decode(), str(connections),
                str(seconds),
            )  # fmt: skip
            found[kind].append(client.line())
            alone[kind].append(known["alone"])
            client.end()
            hub.end()
    print(f"one-shot echo, {connections} connections, medians of {rounds} rounds")
    good = True
    for kind, figures in found.items():
        rate = statistics.median(one["rate"] for one in figures)
        p50 = statistics.median(one["p50"] for one in figures)
        p99 = statistics.median(one["p99"] for one in figures)
        reached = kind == "inprocess" or rate >= BAR
        good = good and reached
        bar = (
            "" if kind == "inprocess" else f"  bar {BAR:.0f}: {'reached' if reached else 'MISSED'}"
        )
        print(
            f"  {kind:9} {rate:7.0f} requests/s  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms"
            f"  (at the port {statistics.median(alone[kind]):6.0f}/s){bar}"
        )
    return good


def main() -> int:
    """Run the part that the arguments name; without one, the whole comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--hub", choices=KINDS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.hub:
        asyncio.run(hub_server(chosen.hub))
        return 0
    return 0 if compare(chosen.rounds, chosen.seconds, chosen.connections) else 1


if __name__ == "__main__":
    sys.exit(main())
