"""The creation service as a process of the hub: begun with it, restarted, and gone with it."""

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

SERVICE_ID: Final = "embedded"
_COMMAND: Final = (sys.executable, "-m", "gotapi_creation.service", "--with-parent")
_START: Final = 60.0  # seconds; two on a quiet computer
_STOP: Final = 10.0
_PAUSES: Final = (1.0, 2.0, 5.0, 15.0, 60.0)  # seconds before it is started again
_LONG: Final = 60.0  # seconds after which it counts as sound


class EmbeddedError(RuntimeError):
    """The service did not start; the message says what it said."""


class Embedded:
    """One service. It keeps its port and token over restarts, so that addresses stay good."""

    def __init__(self, home: Path, *, port: int = 0, options: tuple[str, ...] = ()) -> None:
        """Keep its files in a folder; `options` are those of `gotapi creation-service`."""
        self._home = home
        self._port = port
        self._options = options
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self.url = ""
        """Where it answers; empty until it was started."""
        self.secret = ""
        """Its access token."""

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start it and wait until it answers; raises EmbeddedError."""
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            *("--home", str(self._home), "--port", str(self._port), "--id", SERVICE_ID),
            *self._options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._process = process
        try:
            async with asyncio.timeout(_START):
                await self._greet(process)
        except TimeoutError:
            await self.stop()
            raise EmbeddedError(f"It did not answer within {_START:.0f} s") from None

    async def _greet(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        said = b""
        while line := await process.stdout.readline():
            said += line
            if line.startswith(b"{"):
                found = json.loads(line)
                self.url = found["url"]
                self.secret = await asyncio.to_thread(_read, Path(found["tokenFile"]))
                self._port = int(self.url.rpartition(":")[2])
                self._listening = asyncio.create_task(_pass_on(process))
                return
        await process.wait()
        raise EmbeddedError(said.decode("utf-8", "replace").strip()[-500:] or "It said nothing")

    async def stop(self) -> None:
        """Stop it: what it was making is made at the next start."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _STOP)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if self._listening is not None:
            await asyncio.wait([self._listening])

    async def keep_running(self, changed: Callable[[], None] = lambda: None) -> None:
        """Start it, and again whenever it ends, until cancelled; `changed` hears of both."""
        loop = asyncio.get_running_loop()
        failures = 0
        try:
            while True:
                begun = loop.time()
                try:
                    await self.start()
                except (EmbeddedError, OSError) as error:
                    log.warning("the embedded creation service did not start: %s", error)
                else:
                    changed()
                    assert self._process is not None
                    await self._process.wait()
                    log.warning("the embedded creation service ended with %s; it starts again",
                                self._process.returncode)  # fmt: skip
                    changed()
                failures = 0 if loop.time() - begun > _LONG else failures + 1
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES)) - 1])
        finally:
            await asyncio.shield(self.stop())


async def _pass_on(process: asyncio.subprocess.Process) -> None:
    """Log what it complains about, for as long as it runs."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        log.warning("embedded creation service: %s", line.decode("utf-8", "replace").rstrip())


def _read(path: Path) -> str:
    return path.read_text().strip()
