"""The process that reads what strangers made: models in, G-code and findings out.

It is started with limits for one task, reads its order from standard input and answers in lines. A
crash, a bomb or an endless loop in here ends this process and nothing else.
"""

import os
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from gotapi_meshes.errors import MeshError
from gotapi_printer.files.options import profile_for
from gotapi_printer.files.work import Failure, Order, Said, Task
from gotapi_printer.gcode import GcodeError

_TELL_EVERY: Final = 0.2  # seconds between two words about progress
_FLUSH: Final = 2000  # lines of G-code written at once


def main() -> int:
    """Do one order; returns the exit code."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        _do(order)
    except (MeshError, GcodeError) as error:
        return _fail(Failure(str(error)))
    except MemoryError:
        return _fail(Failure("it needs more memory than a model may take; simplify it", "memory"))
    except OSError as error:
        return _fail(Failure(f"the disk: {error.strerror or error}", "disk"))
    tell(Said(done=True))
    return 0


def tell(said: Said) -> None:
    """Write one line to the hub."""
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


def _fail(failure: Failure) -> int:
    tell(Said(failure=failure))
    return 1


def _do(order: Order) -> None:
    with open(order.source, "rb") as file:
        if order.task is Task.ANALYSE:
            _analyse(order, file)
        else:
            _model(order, file)


def _analyse(order: Order, file: BinaryIO) -> None:
    from gotapi_printer.files.analysis import analyse

    tell(Said(analysis=analyse(file, order.area)))


def _model(order: Order, file: BinaryIO) -> None:
    # numpy and its kin are for this process only, and not for G-code.
    from gotapi_meshes.check import Demands, check
    from gotapi_meshes.mesh import moved
    from gotapi_meshes.reading import read_model

    kind, mesh = read_model(file)
    mesh = moved(mesh, order.options.scale, (0.0, 0.0, 0.0))
    profile = profile_for(order.options, order.area)
    repairs = order.task is Task.PREPARE
    demands = Demands(order.area, profile.line_width, profile.layer_height, repairs)
    report = check(kind.words, mesh, demands)
    tell(Said(report=report))
    if order.task is Task.CHECK or report.errors:
        return
    if order.task is Task.PREPARE:
        from gotapi_meshes.stl import write_binary

        _write(order.output, iter([write_binary(mesh)]))
    else:
        from gotapi_printer.files.embedded.slicing import slice_mesh

        _write(order.output, _blocks(slice_mesh(mesh, profile, _Teller())))


def _blocks(lines: Iterator[str]) -> Iterator[bytes]:
    held: list[str] = []
    for line in lines:
        held.append(line)
        if len(held) >= _FLUSH:
            yield ("\n".join(held) + "\n").encode()
            held.clear()
    yield ("\n".join(held) + "\n").encode() if held else b""


def _write(path: str, blocks: Iterator[bytes]) -> None:
    with open(path, "wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


class _Teller:
    """Tells progress, not more often than anybody can see."""

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY:
            self._told = now
            tell(Said(progress=share))


if __name__ == "__main__":
    sys.exit(main())
