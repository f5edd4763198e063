"""`python -m gotapi_core.host.worker MODULE`: runs a Python plug-in in a process of its own.

The plug-in's class is the one that would run in the hub; it cannot tell the difference. On stdio it
is the hub's child. With `--connect URL --token-file FILE` it connects to a hub's WebSocket itself,
and again after it was cut off.
"""

import argparse
import asyncio
import importlib
import logging
import os
import sys
from pathlib import Path

from gotapi_core.host.loader import Loaded, find_module, load
from gotapi_core.host.worker_end import until_end
from gotapi_core.host.worker_session import WorkerSession

log = logging.getLogger(__name__)

EX_UNAVAILABLE = 69  # sysexits.h


def main(arguments: list[str] | None = None) -> int:
    """Run one plug-in until the hub says bye."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    stdin, stdout = _take_stdio()
    if chosen.cache is not None:
        sys.pycache_prefix = str(chosen.cache)
    if chosen.path is not None:
        sys.path.insert(0, str(chosen.path))
        importlib.invalidate_caches()
    loaded = load(find_module(chosen.module, chosen.module))
    if loaded.plugin_type is None:
        log.error("%s", loaded.reason)
        return EX_UNAVAILABLE
    if chosen.connect:
        token = chosen.token_file.read_text(encoding="ascii").strip()
        from gotapi_core.host.worker_socket import over_websocket  # late: stdio needs none of it

        asyncio.run(over_websocket(loaded, chosen.connect, token))
    else:
        asyncio.run(_over_stdio(loaded, stdin, stdout))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gotapi_core.host.worker", description=__doc__)
    parser.add_argument("module", help="the plug-in's package")
    parser.add_argument("--path", type=Path, help="a folder to find it in, if it is not installed")
    parser.add_argument("--cache", type=Path, help="where its compiled code is kept")
    parser.add_argument("--connect", metavar="URL", help="ws://127.0.0.1:4035/gotapi/plugin")
    parser.add_argument("--token-file", type=Path, help="what `gotapi plugins token` printed")
    return parser


def _take_stdio() -> tuple[int, int]:
    """Keep stdin and stdout for messages: what the plug-in prints goes to stderr."""
    stdin, stdout = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr  # the same place, without a buffer that is shown at the end only
    return stdin, stdout


class _Lines(asyncio.Protocol):
    """Reads the hub's lines from stdin and writes the plug-in's to stdout."""

    def __init__(self, loaded: Loaded) -> None:
        self.session = WorkerSession(loaded, self)
        self._pending = bytearray()
        self._queued: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._out: asyncio.WriteTransport | None = None
        self.closed = asyncio.Event()

    def begin(self, out: asyncio.WriteTransport) -> None:
        self._out = out
        self.session.begin()

    def send(self, text: bytes) -> None:
        if not self._queued:
            self._loop.call_soon(self.flush)
        self._queued += (text, b"\n")

    def flush(self) -> None:
        if self._queued and self._out is not None and not self._out.is_closing():
            self._out.write(b"".join(self._queued))
        self._queued.clear()

    def data_received(self, data: bytes) -> None:
        if self._pending:
            data = bytes(self._pending) + data
            self._pending.clear()
        *lines, rest = data.split(b"\n")
        self._pending += rest
        for line in lines:
            self.session.received(line)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


async def _over_stdio(loaded: Loaded, stdin: int, stdout: int) -> None:
    loop = asyncio.get_running_loop()
    reading, lines = await loop.connect_read_pipe(lambda: _Lines(loaded), os.fdopen(stdin, "rb"))
    writing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(stdout, "wb"))
    lines.begin(writing)
    await until_end(lines.session, lines.closed)
    lines.flush()
    reading.close()
    writing.close()


if __name__ == "__main__":
    sys.exit(main())
