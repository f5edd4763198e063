"""The process that imports files which strangers made: an order on standard input, lines out.

It is started with limits. A crash, a bomb or an endless loop in here ends this process and leaves
the scenes as they were.
"""

import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from gotapi_portrayal.data.importing import import_layer
from gotapi_portrayal.data.orders import Said, Task
from gotapi_portrayal.data.sqlite_store import SqliteSceneStore
from gotapi_portrayal.data.types import SceneError

_TELL_EVERY: Final = 0.1  # seconds between two words about progress


def main() -> int:
    """Do one order; returns the exit code."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    try:
        store = SqliteSceneStore(Path(task.store))
        done = import_layer(store, task.order, _Teller())
    except SceneError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("it needs more memory than an import may take; split the file")
    except OSError as error:
        return _fail(f"{error.filename or 'the disk'}: {error.strerror or error}")
    for fault in done.faults:
        tell(Said(fault=fault))
    tell(Said(layer=done.layer))
    return 0


def tell(said: Said) -> None:
    """Write one line."""
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


def _fail(words: str) -> int:
    tell(Said(failure=words))
    return 1


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
