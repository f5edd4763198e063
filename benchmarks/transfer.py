"""Send a file over the WebSocket file protocol on loopback, whole and cut in the middle.

    python benchmarks/transfer.py [--rounds 5] [--size 128] [--folder PLACE]

The server is a process of its own with what the creation service uses: Starlette and uvicorn, a
thread that writes and hashes, an acknowledgement for every MiB. Both ends take the SHA-256. One
round uploads, downloads, and uploads again through a connection that is reset half way, counting
what was sent twice: bytes under way at the reset, which nobody had acknowledged. SIZE is in MiB.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvicorn
from _parts import Part, announce, until_stdin_ends
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from gotapi_creation.transfer.slots import Slot
from gotapi_creation.transfer.words import MESSAGE_BYTES, Opening
from gotapi_creation.transfer.ws_client import download, upload
from gotapi_creation.transfer.ws_server import Desk, Outgoing

TARGET = 100.0  # MB/s
MIB = 1 << 20
LIMIT = 1 << 32


async def server(folder: Path) -> None:
    """Take any file by number and give it back."""

    async def find(opening: Opening) -> Slot | Outgoing:
        path = folder / str(opening.number)
        return Slot(path, LIMIT) if opening.uploads else Outgoing(path, "", "")

    app = Starlette(routes=[WebSocketRoute("/files", Desk(find).serve)])
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
    )
    listening = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(config)
    serving = asyncio.create_task(running.serve(sockets=[listening]))
    async with until_stdin_ends():
        announce(port=listening.getsockname()[1])
    running.should_exit = True
    await serving


class Cutter:
    """Passes bytes on and resets the connection once, after some of them."""

    def __init__(self, port: int, after: int) -> None:
        self.port, self.left, self.sent = port, after, 0

    async def pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up, down = await asyncio.open_connection("127.0.0.1", self.port)

        async def forward(source: asyncio.StreamReader, to: asyncio.StreamWriter, up: bool) -> None:
            while data := await source.read(1 << 18):
                to.write(data)
                await to.drain()
                if up:
                    self.sent += len(data)
                    self.left -= len(data)
                    if -len(data) < self.left <= 0:
                        writer.transport.abort()
                        down.transport.abort()

        both = [forward(reader, down, True), forward(up, writer, False)]
        with contextlib.suppress(asyncio.CancelledError):  # the round is over
            await asyncio.gather(*both, return_exceptions=True)
        writer.close()
        down.close()


async def client(port: int, folder: Path, size: int, rounds: int) -> dict[str, Any]:
    """Return the medians in MB/s, and how much was sent twice."""
    source = folder / "source"
    source.write_bytes(os.urandom(MIB) * size)
    url = f"ws://127.0.0.1:{port}/files"
    ups: list[float] = []
    downs: list[float] = []
    twice: list[float] = []
    for number in range(rounds):
        begun = time.perf_counter()
        await upload(url, Opening(number), source)
        ups.append(size * MIB / 1e6 / (time.perf_counter() - begun))
        back = Slot(folder / f"back{number}", LIMIT)
        begun = time.perf_counter()
        await download(url, Opening(number), back)
        downs.append(size * MIB / 1e6 / (time.perf_counter() - begun))
        back.path.unlink()
        cutter = Cutter(port, size * MIB // 2)
        async with await asyncio.start_server(cutter.pipe, "127.0.0.1", 0) as middle:
            away = f"ws://127.0.0.1:{middle.sockets[0].getsockname()[1]}/files"
            await upload(away, Opening(1000 + number), source)
        twice.append((cutter.sent - size * MIB) / MIB)
    return {
        "upload": statistics.median(ups),
        "download": statistics.median(downs),
        "twice": max(twice),
    }


def main() -> int:
    """Run one of the processes, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--serve", type=Path)
    wanted = parser.parse_args()
    if wanted.serve:
        asyncio.run(server(wanted.serve))
        return 0
    with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
        part = Part(__file__, "--serve", folder)
        port = part.line()["port"]
        found = asyncio.run(client(port, Path(folder), wanted.size, wanted.rounds))
        found["server MB"] = part.memory()
        part.end()
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))
    good = min(found["upload"], found["download"]) >= TARGET
    print(f"slower direction >= {TARGET:.0f} MB/s: {'yes' if good else 'NO'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
