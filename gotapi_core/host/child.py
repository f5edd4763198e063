"""A plug-in's process: its pipes, its lines, its memory and its end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from gotapi_core.protocol.plugin_wire import MESSAGE_SIZE

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_SOON = 0.2  # seconds for what a process wrote before its end to arrive
_STDERR_LINE = 4096  # bytes of a line that are shown
_KEPT_LINES = 30  # of stderr, for the operator
_PASSED = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "PYTHONPATH")
_MOST_FAMILY = 100  # processes of one plug-in that are looked at
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Listener(Protocol):
    """Who hears what the process says."""

    def on_message(self, line: bytes) -> None:
        """Take one line of stdout."""

    def on_stderr(self, line: str) -> None:
        """Take one line of stderr."""

    def on_end(self, reason: str) -> None:
        """Hear that the process has ended."""


class Child(asyncio.SubprocessProtocol):
    """One running process in a process group of its own."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._out = bytearray()
        self._err = bytearray()
        self._queued: list[bytes] = []
        self._queued_size = 0
        self._pid = 0
        self._told = False
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self.ended = asyncio.Event()

    @classmethod
    async def spawn(
        cls,
        command: Sequence[str],
        listener: Listener,
        *,
        memory: int,
        folder: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> "Child":
        """Start a command; `memory` are the bytes of data it can have at all."""
        loop = asyncio.get_running_loop()
        launcher = [sys.executable, "-I", "-S", _LAUNCH, str(os.getpid()), str(memory)]
        _, protocol = await loop.subprocess_exec(
            lambda: cls(listener),
            *launcher,
            *command,
            cwd=folder,
            env={k: v for k, v in environ.items() if k in _PASSED or k.startswith("LC_")},
            process_group=0,
        )
        return protocol

    @property
    def pid(self) -> int:
        """The process id, which is that of its group too."""
        return self._pid

    @property
    def waiting(self) -> int:
        """Bytes that the process has not read."""
        return self._queued_size + (self._stdin.get_write_buffer_size() if self._stdin else 0)

    def send(self, text: bytes) -> None:
        """Queue one line; what is sent in one turn of the loop is written at once."""
        if not self._queued:
            self._loop.call_soon(self._flush)
        self._queued += (text, b"\n")
        self._queued_size += len(text) + 1

    def memory(self) -> int:
        """Return the bytes of memory it and its children use; 0 where the system does not tell."""
        return _PAGE * sum(_pages(pid) for pid in _family(self._pid))

    def close_input(self) -> None:
        """Let it read the end of its stdin."""
        self._flush()
        if self._stdin is not None:
            self._stdin.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to whatever it started itself."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)

    def cut(self) -> None:
        """Kill it, with all it started."""
        self.signal(signal.SIGKILL)

    async def end(self, terminate_after: float, kill_after: float) -> None:
        """Wait for its end; ask with SIGTERM, then force with SIGKILL, after so many seconds."""
        try:
            for patience, number in (
                (terminate_after, signal.SIGTERM),
                (kill_after, signal.SIGKILL),
            ):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        await self.ended.wait()
                        return
                self.signal(number)
            await self.ended.wait()
        finally:
            if not self.ended.is_set():
                self.cut()

    # -- asyncio calls these ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._pid = self._transport.get_pid()
        self._stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self._from_stdout(data)
        else:
            self._from_stderr(data)

    def process_exited(self) -> None:
        self.signal(signal.SIGKILL)  # what it started must not outlive it
        self._loop.call_later(_SOON, self._tell)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell()

    # -- inside ----------------------------------------------------------------------------

    def _flush(self) -> None:
        if self._queued and self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(b"".join(self._queued))
        self._queued.clear()
        self._queued_size = 0

    def _from_stdout(self, data: bytes) -> None:
        if self._out:
            self._out += data
            data = bytes(self._out)
            self._out.clear()
        *lines, rest = data.split(b"\n")
        for line in lines:
            if line:
                self._listener.on_message(line)
        if len(rest) > MESSAGE_SIZE:
            self._listener.on_message(rest)  # which refuses it for its size
        else:
            self._out += rest

    def _from_stderr(self, data: bytes) -> None:
        self._err += data
        *lines, rest = bytes(self._err).split(b"\n")
        if len(rest) > _STDERR_LINE:
            lines.append(rest)
            rest = b""
        self._err = bytearray(rest)
        for line in lines:
            self._say(line)

    def _say(self, line: bytes) -> None:
        text = line[:_STDERR_LINE].decode("utf-8", "replace").rstrip()
        text = "".join(c if c.isprintable() else " " for c in text)
        if text:
            self.last_lines.append(text)
            self._listener.on_stderr(text)

    def _tell(self) -> None:
        if self._told or self._transport is None:
            return
        self._told = True
        self._say(bytes(self._err))
        code = self._transport.get_returncode()
        self.ended.set()
        self._listener.on_end(_reason(code))
        self._transport.close()


def _family(pid: int) -> list[int]:
    """Return a process and those that it and its children started, the first hundred."""
    found = [pid]
    for one in found:  # grows meanwhile
        try:
            children = Path(f"/proc/{one}/task/{one}/children").read_bytes().split()
        except OSError:
            continue
        found += [int(child) for child in children]
        if len(found) > _MOST_FAMILY:
            break
    return found


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _reason(code: int | None) -> str:
    if code is None:
        return "closed its pipes"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
