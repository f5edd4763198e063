"""What several benchmarks are made of: processes, applications with a token, bare WebSockets."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gotapi_auth.grants import Lifetime
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity

MASK = b"\0\0\0\0"


def announce(**members: Any) -> None:
    """Tell the parent process something."""
    print(json.dumps(members), flush=True)


@asynccontextmanager
async def until_stdin_ends() -> AsyncIterator[None]:
    """Run the block's server until the parent closes our standard input."""
    yield
    await asyncio.to_thread(sys.stdin.read)


async def application(hub: Hub, origin: str) -> str:
    """Return the token of a new application that may do everything."""
    identity = Identity(origin, Lineage.ENVELOPE, browser=False)
    client = await hub.auth.grant(identity)
    asking = asyncio.create_task(hub.auth.access_token(identity, client, "all"))
    while not hub.auth.requests():  # noqa: ASYNC110  # it is there after one or two steps
        await asyncio.sleep(0)
    await hub.auth.approve(hub.auth.requests()[0].code, Lifetime.ALWAYS)
    return (await asking).access_token


class Part:
    """One process of a benchmark: the same file with other arguments."""

    def __init__(self, file: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, file, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> dict[str, Any]:
        """Return what it announces next."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def memory(self) -> float:
        """Return its resident memory in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def end(self) -> None:
        """Close its standard input and wait."""
        self.process.communicate("", timeout=30)


def open_socket(port: int, origin: str, token: str, *, buffer: int = 0) -> socket.socket:
    """Return a WebSocket, without a library, whose token was taken; blocks."""
    line = socket.socket()
    if buffer:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    line.connect(("127.0.0.1", port))
    line.sendall(
        f"GET /gotapi/websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n"
        f"X-GotAPI-Origin: {origin}\r\n\r\n".encode()
    )
    got = b""
    while b"\r\n\r\n" not in got:
        got += line.recv(4096)
    assert got.startswith(b"HTTP/1.1 101"), got
    frame = json.dumps({"accessToken": token}).encode()
    assert len(frame) < 126
    line.sendall(bytes([0x81, 0x80 | len(frame)]) + MASK + frame)
    rest = got.partition(b"\r\n\r\n")[2]
    while b'"result":0' not in rest:
        piece = line.recv(4096)
        assert piece, rest
        rest += piece
    return line


class FrameReader:
    """Takes the bytes of a WebSocket's server side and calls `take` with each text."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._got = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes as they come."""
        self._got += data
        while len(self._got) >= 2:
            size, begin = self._got[1], 2
            if size == 126:
                size, begin = int.from_bytes(self._got[2:4], "big"), 4
            elif size == 127:
                size, begin = int.from_bytes(self._got[2:10], "big"), 10
            if len(self._got) < begin + size:
                return
            if self._got[0] & 0x0F == 1:
                self._take(bytes(self._got[begin : begin + size]))
            del self._got[: begin + size]


def part_of(values: list[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
