"""Send files to the hub over loopback, beside a bare uvicorn that writes the body to a file.

    python benchmarks/blobs.py [--rounds 5] [--size 256] [--folder PLACE]

The hub does what it does for any upload: it checks the token, the quota and the room on the disk,
takes the SHA-256, syncs and makes the file visible in a transaction; once with tus (POST, then one
PATCH) and once with a plain POST. The bare server gathers the body into pieces of the same size,
writes them in a thread while the next one comes, and syncs as often as the hub does; it neither
hashes nor remembers. All three write to one disk. Servers and client are processes of their own;
rounds alternate, and medians are compared. SIZE is in MiB; the default PLACE is the system's
temporary folder; on a folder in memory the disk does not count and the work of the hub shows more.
"""

import argparse
import asyncio
import hashlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvicorn

from gotapi_auth.grants import Lifetime
from gotapi_core.plugin import Call, Plugin, Result, Service, get
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity
from gotapi_core.sink import Sink
from gotapi_core.testing import live_hub

TARGET = 0.5  # of the bare server's throughput, with tus
ORIGIN = "bench.app"
MIB = 1 << 20
PIECE = 256 * 1024  # bytes the client sends at a time


class Name(Result):
    name: str


class Bench(Plugin):
    """There must be some scope to ask for."""

    id = "bench"
    name = "Bench"

    def services(self) -> list[Service]:
        return [Service(id="one", name="One", scopes=("bench",))]

    @get("bench", "name")
    async def get_name(self, call: Call) -> Name:
        """Say the name."""
        return Name(name="One")


# -- the servers ------------------------------------------------------------------------------


async def hub_server(folder: Path) -> None:
    """Run a hub, give an application its token, and answer until the parent has enough."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        settings = {"server": {"upload_size": 4 << 30, "upload_quota": 1 << 40}}
        async with live_hub(Path(home), [Bench], settings=settings) as live:
            identity = Identity(ORIGIN, Lineage.ENVELOPE, browser=False)
            auth = live.hub.auth
            asked = asyncio.Event()
            auth.subscribe(lambda _: asked.set())
            client = await auth.grant(identity)
            asking = asyncio.create_task(auth.access_token(identity, client, "bench"))
            await asked.wait()
            await auth.approve(auth.requests()[0].code, Lifetime.ALWAYS)
            token = (await asking).access_token
            print(json.dumps({"port": live.port, "token": token}), flush=True)
            await asyncio.to_thread(sys.stdin.read)


async def bare_server(folder: Path) -> None:
    """Write every body to a file, in the pieces that the hub makes of it."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        target = Path(home) / "body"

        async def app(scope: Any, receive: Any, send: Any) -> None:
            sink = Sink(target, 0, (), lambda _: None)
            more = True
            while more:
                message = await receive()
                await sink.write(message.get("body", b""))
                more = message.get("more_body", False)
            await sink.settle()
            await sink.close()
            target.unlink()
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        config = uvicorn.Config(
            app, port=0, http="httptools", loop="asyncio", lifespan="off", access_log=False,
            log_level="warning",
        )  # fmt: skip
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        print(json.dumps({"port": server.servers[0].sockets[0].getsockname()[1]}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.should_exit = True
        await running


# -- the client -------------------------------------------------------------------------------


def exchange(
    line: socket.socket, first: str, headers: dict[str, str], size: int, piece: bytes
) -> bytes:
    """Send one request with `size` bytes of body; returns the head of the answer."""
    fields = {"Host": "127.0.0.1", "Content-Length": str(size), **headers}
    head = first + "".join(f"\r\n{name}: {value}" for name, value in fields.items())
    line.sendall(f"{head}\r\n\r\n".encode())
    for _ in range(size // len(piece)):
        line.sendall(piece)
    got = b""
    while b"\r\n\r\n" not in got:
        more = line.recv(65536)
        assert more, "the server closed the connection"
        got += more
    assert got.startswith((b"HTTP/1.1 20",)), got
    return got


def send(way: str, port: int, token: str, size: int) -> dict[str, float]:
    """Send one file; returns the seconds until it was stored."""
    piece = os.urandom(PIECE)
    common = {"Authorization": f"Bearer {token}", "X-GotAPI-Origin": ORIGIN}
    with socket.create_connection(("127.0.0.1", port)) as line:
        began = time.perf_counter()
        if way == "tus":
            tus = common | {"Tus-Resumable": "1.0.0"}
            wish = tus | {"Upload-Length": str(size)}
            answer = exchange(line, "POST /blobs/ HTTP/1.1", wish, 0, piece)
            path = "/blobs/" + answer.partition(b"/blobs/")[2].partition(b"\r\n")[0].decode()
            kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
            exchange(line, f"PATCH {path} HTTP/1.1", tus | kind, size, piece)
        else:
            exchange(line, "POST /blobs/ HTTP/1.1", common, size, piece)
        took = time.perf_counter() - began
        if way == "tus":
            exchange(line, f"DELETE {path} HTTP/1.1", common | {"Tus-Resumable": "1.0.0"}, 0, piece)
    return {"took": took}


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

    def end(self) -> None:
        self.process.communicate("", timeout=30)


def hash_rate() -> float:
    """Return MiB/s of SHA-256 alone on this machine."""
    data = os.urandom(64 * MIB)
    began = time.perf_counter()
    hashlib.sha256(data).digest()
    return 64 / (time.perf_counter() - began)


def compare(rounds: int, size: int, folder: str) -> bool:
    """Run the rounds, print the figures, and tell whether they reach the target."""
    hub, bare = Part("--hub", folder), Part("--bare", folder)
    known = hub.line()
    ports = {"tus": known["port"], "post": known["port"], "bare": bare.line()["port"]}
    rates: dict[str, list[float]] = {way: [] for way in ports}
    for number in range(rounds + 1):
        for way in sorted(ports, reverse=bool(number % 2)):
            client = Part("--send", way, str(ports[way]), known["token"], str(size))
            took = client.line()["took"]
            client.end()
            if number:  # the first round warms up
                rates[way].append(size / MIB / took)
    hub.end()
    bare.end()
    middle = {way: statistics.median(found) for way, found in rates.items()}
    for way, text in (
        ("bare", "bare uvicorn, same pieces and syncs"),
        ("tus", "hub, tus"),
        ("post", "hub, plain POST"),
    ):
        ratio = middle[way] / middle["bare"]
        low, high = min(rates[way]), max(rates[way])
        print(f"{text:36} {middle[way]:7.0f} MiB/s  ({low:.0f}-{high:.0f})  {ratio:.2f} of bare")
    print(f"{'SHA-256 alone, one core':36} {hash_rate():7.0f} MiB/s")
    good = middle["tus"] / middle["bare"] >= TARGET
    print(f"target: tus >= {TARGET} of bare: {'reached' if good else 'MISSED'}")
    return good


def main() -> int:
    """Read the command line; the options of the parts are for this program itself."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--hub", help=argparse.SUPPRESS)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    parser.add_argument("--send", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hub:
        asyncio.run(hub_server(Path(options.hub)))
    elif options.bare:
        asyncio.run(bare_server(Path(options.bare)))
    elif options.send:
        way, port, token, size = options.send
        print(json.dumps(send(way, int(port), token, int(size))), flush=True)
    else:
        return 0 if compare(options.rounds, options.size * MIB, options.folder) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
