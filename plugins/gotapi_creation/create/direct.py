"""Makes the model here and now, without a hub: one worker process in a folder of its own."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from gotapi_core.plugin.bounded import ChildLimits, Ended, run
from gotapi_creation.create.report import Report
from gotapi_creation.create.wish import Unfit, Wish, writing
from gotapi_creation.engine.order import Options, Order, Picture, Said
from gotapi_creation.engine.order import Report as Made

WORKER: Final = (sys.executable, "-m", "gotapi_creation.engine.worker")
_LIMITS: Final = ChildLimits(seconds=600.0, cpu=1200, memory=1500 << 20, file=256 << 20)


async def make(wish: Wish, report: Report, worker: Sequence[str] = WORKER) -> str:
    """Make the model and write it; returns what to tell the user. Raises Unfit."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="gotapi-create-"))
    except OSError as error:
        raise Unfit(f"There is no room for the work: {error.strerror}") from error
    try:
        made = await _make(wish, report, folder, worker)
        await asyncio.to_thread(_deliver, wish, folder / "out")
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, True))
    return told(wish, made)


async def _make(wish: Wish, report: Report, folder: Path, worker: Sequence[str]) -> Made:
    order = Order(
        pictures={view: Picture(str(path.absolute()), wish.paper)
                  for view, path in wish.pictures.items()},
        folder=str(folder / "out"),
        template=wish.template,
        options=Options(height=wish.height, foot=wish.foot, preview=False),
    )  # fmt: skip
    await asyncio.to_thread(_write_order, folder, order)
    last = Said()

    def on_line(line: bytes) -> None:
        nonlocal last
        try:
            said = msgspec.json.decode(line, type=Said)
        except msgspec.DecodeError:
            return  # no word of ours
        if said.progress is not None:
            report.progress(said.progress.stage, min(max(said.progress.fraction, 0.0), 1.0))
        if said.warning is not None:
            report.note(f"Note: {said.warning.message}")
        if said.done is not None or said.failure is not None:
            last = said

    report.progress("Beginning", 0.0)
    ended = await run((*worker, str(folder / "order.json")), folder, _LIMITS, on_line)
    if last.failure is not None:
        message = last.failure.message
        raise Unfit(message[:1].upper() + message[1:])
    if last.done is None:
        raise Unfit(_broken(ended))
    return last.done


def _write_order(folder: Path, order: Order) -> None:
    (folder / "out").mkdir()
    (folder / "order.json").write_bytes(msgspec.json.encode(order))


def _broken(ended: Ended) -> str:
    if ended.timed_out:
        return f"It took longer than {_LIMITS.seconds:.0f} s and was ended; try smaller pictures"
    said = next((line for line in reversed(ended.said) if line.strip()), "nothing")
    return f"The program that makes the model broke off (exit code {ended.code}); it said: {said}"


def _deliver(wish: Wish, made: Path) -> None:
    for path in wish.outputs:
        with (made / f"model{path.suffix.lower()}").open("rb") as source, writing(path) as target:
            shutil.copyfileobj(source, target)


def told(wish: Wish, made: Made | None = None) -> str:
    """Return the last line."""
    names = " and ".join(str(path) for path in wish.outputs)
    if made is None:
        return f"Made {names}"
    width, depth, height = made.size
    return (
        f"Made {names}: {width:.0f} x {depth:.0f} x {height:.0f} mm, {made.triangles} triangles, "
        f"in {made.seconds:.1f} s"
    )
