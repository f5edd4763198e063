"""Runs a program with limits, line by line, and leaves nothing of it behind."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

_LIMITED: Final = str(Path(__file__).with_name("limited.py"))
_BLOCK: Final = 1 << 16
LONGEST_LINE: Final = 4 << 20
"""Bytes of a line: a report with its thumbnails; a longer one is cut off."""
_KEPT: Final = 20  # lines of what it complained
_PASSED: Final = ("PATH", "LANG", "TZ", "PYTHONPATH")


class ChildLimits(msgspec.Struct, frozen=True):
    """What a child may take: seconds and bytes."""

    seconds: float = 600.0
    """By the clock; large models on a small board take minutes."""
    cpu: int = 1200
    memory: int = 3 << 30
    file: int = 1 << 30
    """A G-code file of a gigabyte prints for weeks."""


class Ended(msgspec.Struct, frozen=True):
    """How a child ended."""

    code: int
    """Its exit code; -15 and the like are signals."""
    timed_out: bool
    said: tuple[str, ...]
    """The last lines of both of its outputs."""


async def run(
    command: Sequence[str],
    folder: Path,
    limits: ChildLimits,
    on_line: Callable[[bytes], None] = lambda _: None,
    given: bytes = b"",
) -> Ended:
    """Run a command in a folder until it ends; cancelled or late, its whole group is killed.

    `given` is its standard input and `on_line` hears every line of its standard output.
    """
    numbers = (os.getpid(), limits.memory, limits.cpu, limits.file)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", _LIMITED, *map(str, numbers), *command),
        cwd=folder,
        env=_environment(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        process_group=0,
    )
    said: deque[str] = deque(maxlen=_KEPT)
    late = False
    try:
        async with asyncio.timeout(limits.seconds):
            await _talk(process, on_line, given, said)
    except TimeoutError:
        late = True
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
    return Ended(process.returncode or 0, late, tuple(said))


async def _talk(
    process: asyncio.subprocess.Process,
    on_line: Callable[[bytes], None],
    given: bytes,
    said: deque[str],
) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None

    def heard(line: bytes) -> None:
        said.append(line[:500].decode("utf-8", "replace"))
        on_line(line)

    def complained(line: bytes) -> None:
        said.append(line[:500].decode("utf-8", "replace"))

    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()
    async with asyncio.TaskGroup() as both:
        both.create_task(_lines(process.stdout, heard))
        both.create_task(_lines(process.stderr, complained))
    await process.wait()


async def _lines(stream: asyncio.StreamReader, on_line: Callable[[bytes], None]) -> None:
    rest = b""
    while block := await stream.read(_BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            on_line(line)
        rest = rest[:LONGEST_LINE]
    if rest:
        on_line(rest)


def _environment(folder: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _PASSED}
    # No display, no home, one thread: the other processor is for prints.
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # Python does not notice when the limit on files cuts off the byte code that it keeps.
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    return {**kept, **one, "HOME": str(folder), "TMPDIR": str(folder)}
