"""Start a simulator for a test, a benchmark or a demonstration: as a child process or a thread."""

import contextlib
import os
import queue
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gotapi_printer.simulator.pty_host import Options, PtyHost

__all__ = ["SimulatorChild", "SimulatorError", "run_in_thread", "run_simulator"]

# A Python start on a busy small computer, with room to spare.
_START_LIMIT = 20.0
_STOP_LIMIT = 5.0


class SimulatorError(RuntimeError):
    """The simulator did not start."""


@dataclass(frozen=True, slots=True)
class SimulatorChild:
    """A running simulator; `path` is the serial port to open (the link, where there is one)."""

    path: str
    process: subprocess.Popen[bytes]
    transcript_file: Path

    def transcript(self) -> list[str]:
        """The commands accepted so far, in order, without line numbers and checksums."""
        return _read_transcript(self.transcript_file)


@contextlib.contextmanager
def run_simulator(
    *options: str, transcript: Path | None = None, link: Path | None = None
) -> Iterator[SimulatorChild]:
    """Run `sim-printer` with these options as a child process, ended with the block.

    Without `transcript` the transcript goes to a temporary file. Raises SimulatorError when the
    child names no port.
    """
    with tempfile.TemporaryDirectory(prefix="sim-printer-") as folder:
        file = transcript or Path(folder, "transcript.gcode")
        command = [sys.executable, "-m", "gotapi_printer.simulator", *options]
        command += ["--transcript", str(file)]
        if link is not None:
            command += ["--link", str(link)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            path = _wait_for_path(process)
            yield SimulatorChild(str(link) if link else path, process, file)
        finally:
            _end(process)


@contextlib.contextmanager
def run_in_thread(options: Options) -> Iterator[tuple[str, PtyHost]]:
    """Run a simulator in a thread of this process; yields its port and the host object.

    It shares this process's interpreter lock: measure with `run_simulator`, not with this.
    """
    paths: queue.SimpleQueue[str] = queue.SimpleQueue()
    host = PtyHost(replace(options), paths.put)
    thread = threading.Thread(target=host.run, name="sim-printer", daemon=True)
    thread.start()
    try:
        try:
            path = paths.get(timeout=_START_LIMIT)
        except queue.Empty:
            raise SimulatorError("the simulator thread made no port; see its traceback") from None
        yield str(options.link or path), host
    finally:
        host.stop()
        thread.join(_STOP_LIMIT)


def _read_transcript(file: Path) -> list[str]:
    try:
        # Not splitlines(): a message may hold characters that only Python takes for line ends.
        return file.read_bytes().decode("latin-1").split("\n")[:-1]
    except FileNotFoundError:
        return []


def _wait_for_path(process: subprocess.Popen[bytes]) -> str:
    """Read the child's output up to its `printer:` line."""
    if process.stdout is None:
        raise SimulatorError("the child has no output to read")
    text, until = b"", time.monotonic() + _START_LIMIT
    while (left := until - time.monotonic()) > 0:
        for line in text.split(b"\n")[:-1]:
            if line.startswith(b"printer: "):
                return line.removeprefix(b"printer: ").decode()
        if select.select([process.stdout], [], [], left)[0]:
            more = os.read(process.stdout.fileno(), 4096)
            if not more:
                break
            text += more
    raise SimulatorError(
        f"sim-printer named no port within {_START_LIMIT:.0f} s (exit status {process.poll()}); "
        f"it printed {text!r}. Run the same command by hand to see why."
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
