"""A hub and a simulated printer for the demonstration, in processes that end with it."""

import asyncio
import contextlib
import ctypes
import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import click

from gotapi_core.cli.asking import ask
from gotapi_core.cli.running import running
from gotapi_core.paths import paths_under

PRINTER: Final = "Demo printer (simulated)"
PATIENCE: Final = 60.0  # seconds for the hub to answer; an idle computer needs one
_END: Final = 10.0  # seconds a process gets to end by itself
_LOOK: Final = 0.05  # seconds between looks whether a process is ready
_SAID: Final = 2_000  # characters of what a process said that are shown when it failed
_BEGINNING: Final = frozenset({"found", "starting"})
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class NotStarted(Exception):  # noqa: N818  # reads as what happened
    """The hub or its printer did not start; the text says why and what to do."""


class OwnHub:
    """Runs both; a context manager. `url` is where the hub answers."""

    def __init__(self, home: Path, port: int, time_scale: float, transcript: Path) -> None:
        self.url = ""
        self._home = home
        self._port = port
        self._scale = time_scale
        self._transcript = transcript
        self._stack = ExitStack()
        self._log = home / "demo.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    async def start(self) -> None:
        """Start both and wait until the hub listens; raises NotStarted."""
        link = self._home / "demo-printer"
        link.unlink(missing_ok=True)
        scale = f"{self._scale:g}"
        printer = self._spawn(
            "sim-printer", "--link", str(link), "--machine-type", "Demo printer",
            "--time-scale", scale, "--transcript", str(self._transcript), "--only-numbered",
        )  # fmt: skip
        await self._until(link.is_symlink, printer)
        # Strings of TOML and JSON are the same here.
        ports = f"[{{ path = {json.dumps(str(link))}, name = {json.dumps(PRINTER)} }}]"
        hub = self._spawn(
            "run", "--home", str(self._home), "--port", str(self._port),
            "--set", f"plugins.printer.ports={ports}",
        )  # fmt: skip
        lock = paths_under(self._home).lock
        await self._until(lambda: self._is_of(hub, lock), hub)
        note = running(lock)
        if note is None:
            raise NotStarted(self._why())
        self.url = note.url
        await self._until_ready(hub)

    async def operator(self, method: str, what: str, body: dict[str, object] | None = None) -> Any:
        """Ask the hub as its operator, as `gotapi apps` does; raises ClickException."""
        return await asyncio.to_thread(ask, method, what, body, self._home)

    async def add_scene(self, model: Path) -> None:
        """Make a model a layer of the 3D scenes, as the operator; raises NotStarted."""
        adding = self._spawn("scenes", "add", str(model), "--home", str(self._home))
        if await asyncio.to_thread(adding.wait, PATIENCE):
            raise NotStarted(self._why("The model did not become a layer"))

    def _spawn(self, *words: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "gotapi_core", *words],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                # Ctrl-C is the demonstration's: it ends them in order, the hub first.
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        self._stack.callback(_end, process)
        return process

    async def _until(self, there: Any, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not there():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotStarted(self._why())
            await asyncio.sleep(_LOOK)

    async def _until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until every plug-in has started or failed: before, their scopes are unknown."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(click.ClickException):  # it listens before it answers
                plugins = (await self.operator("GET", "state"))["plugins"]
                if all(one["state"] not in _BEGINNING for one in plugins):
                    return self._check(plugins)
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotStarted(self._why())
            await asyncio.sleep(_LOOK)

    def _check(self, plugins: Any) -> None:
        for one in plugins:
            if one["bundled"] and one["state"] != "ready":
                raise NotStarted(f"The plug-in {one['name']} did not start: {one['reason']}")

    def _is_of(self, process: subprocess.Popen[bytes], lock: Path) -> bool:
        """Tell whether the note in the folder is this hub's, not a former one's."""
        note = running(lock)
        return note is not None and note.pid == process.pid

    def _why(self, what: str = "The hub of the demonstration did not start") -> str:
        said = ""
        with contextlib.suppress(OSError):
            said = self._log.read_text(encoding="utf-8", errors="replace")[-_SAID:].strip()
        return f"{what}; it said:\n{said or 'nothing'}"


def _end_with_parent() -> None:
    if sys.platform == "linux":  # elsewhere a killed demonstration leaves its processes behind
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def allow(hub: OwnHub, code: str) -> None:
    """Say yes to a request as the operator; raises ClickException."""
    await hub.operator("POST", "approve", {"code": code, "lifetime": "once"})


def wishes(state: Any, code: str) -> list[str]:
    """Return what the request with a code wants, in the hub's words."""
    for one in state["requests"]:
        if one["code"] == code:
            return [f"{scope['scope']}: {scope['words']}" for scope in one["scopes"]]
    raise click.ClickException(f"The hub has no request {code}")
