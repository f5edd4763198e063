"""Imports in a process of their own: bounded, and nothing of numpy in this one."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.plugin.bounded import ChildLimits, Ended, run
from gotapi_portrayal.data.orders import Imported, Order, Said, Task
from gotapi_portrayal.data.types import Layer, SceneError

_WORKER: Final = (sys.executable, "-m", "gotapi_portrayal.data.worker")

LIMITS: Final = ChildLimits(seconds=7200.0, cpu=7200, memory=3 << 30, file=32 << 30)
"""A country takes an hour; a city some seconds and 300 MB. The store itself is the large file."""


async def import_files(
    store: Path,
    order: Order,
    progress: Callable[[float], None] = lambda _: None,
    limits: ChildLimits = LIMITS,
) -> Imported:
    """Import files as a layer of the store; raises SceneError, and then nothing has changed."""
    layer: Layer | None = None
    failure = ""
    faults = []

    def heard(line: bytes) -> None:
        nonlocal layer, failure
        said = msgspec.json.decode(line, type=Said)
        if said.progress is not None:
            progress(said.progress)
        if said.fault is not None:
            faults.append(said.fault)
        failure = said.failure or failure
        layer = said.layer or layer

    task = msgspec.json.encode(Task(str(store), order))
    ended = await run(_WORKER, store.parent, limits, heard, task)
    if failure:
        raise SceneError(failure)
    if layer is None:
        raise SceneError(_why(ended, limits))
    return Imported(layer, tuple(faults))


def _why(ended: Ended, limits: ChildLimits) -> str:
    if ended.timed_out:
        return f"the import took longer than {limits.seconds:g} seconds and was ended"
    said = ended.said[-1] if ended.said else "it said nothing"
    if ended.code < 0:
        return f"the import was ended by signal {-ended.code}: {said}"
    return f"the import failed: {said}"
