"""The process that makes one model: `python -m gotapi_creation.engine.worker ORDER.json`.

Its caller bounds and kills it. Progress, warnings and the end are JSON lines (`Said`) on standard
output; engines may print what they like, it goes to standard error. Results are written aside and
moved into place when all are there, the report last.
"""

import contextlib
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import (
    GRIDS,
    HEIGHTS,
    PREVIEW_MODEL,
    REPORT,
    TRIANGLES,
    Failure,
    Order,
    Progress,
    Report,
    Said,
    View,
    Warned,
)

if TYPE_CHECKING:
    from gotapi_creation.engine.base import Bytes, Say, StructuralObject
    from gotapi_creation.engine.finish import Made
    from gotapi_creation.engine.surface import Surface

_ASIDE: Final = ".making"
_MOST_ORDER: Final = 1 << 20
"""Bytes of an order; it holds paths and numbers."""

Tell = Callable[[Said], None]


def main(words: list[str]) -> int:
    """Make the model of an order; returns the exit code."""
    tell = _teller()
    folder: Path | None = None
    try:
        order = read_order(Path(words[0]))
        folder = Path(order.folder)
        done = make(order, tell)
    except CreationError as error:
        failure = error.failure
    except MemoryError:
        failure = Failure(
            "memory", "it needs more memory than a model may take; use a smaller grid"
        )
    except OSError as error:
        failure = Failure("disk", f"the results cannot be written: {error.strerror or error}")
    except Exception as error:  # an engine is somebody else's code: its caller hears of it
        traceback.print_exc()
        failure = Failure("engine", f"the engine broke off: {type(error).__name__}: {error}"[:500])
    else:
        tell(Said(done=done))
        return 0
    _tidy(folder)
    tell(Said(failure=failure))
    return 1


def _teller() -> Tell:
    """Return what writes lines; whatever else is printed goes to standard error from now on."""
    lines: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def tell(said: Said) -> None:
        lines.write(msgspec.json.encode(said) + b"\n")
        lines.flush()

    return tell


def _tidy(folder: Path | None) -> None:
    """Leave no half result."""
    if folder is not None:
        shutil.rmtree(folder / _ASIDE, ignore_errors=True)
        for name in (PREVIEW_MODEL, "preview-front.png"):
            with contextlib.suppress(OSError):
                (folder / name).unlink()


def read_order(path: Path) -> Order:
    """Read an order; raises CreationError for one that cannot be done."""
    try:
        with path.open("rb") as file:
            order = msgspec.json.decode(file.read(_MOST_ORDER), type=Order)
    except OSError as error:
        raise CreationError("order", f"the order cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise CreationError("order", f"the order is wrong: {error}") from None
    _check(order)
    return order


def _check(order: Order) -> None:
    views = set(order.pictures)
    if views not in ({View.FRONT}, {View.FRONT, View.RIGHT}, set(View)):
        shown = ", ".join(sorted(views)) or "none"
        words = "one drawing is the front, two are front and right, three front, right and back; "
        raise CreationError("order", f"{words}given: {shown}")
    for name, value, (low, high) in (
        ("grid", order.options.grid, GRIDS),
        ("triangles", order.options.triangles, TRIANGLES),
        ("height", order.options.height, HEIGHTS),
    ):
        if not low <= value <= high:
            raise CreationError("order", f"{name} is from {low:g} to {high:g}; it is {value:g}")


def make(order: Order, tell: Tell) -> Report:
    """Do an order; the results lie in its folder when this returns."""
    begun = time.monotonic()
    say = _monotone(tell)
    say(Progress(0.02, "reading the drawings"))
    # All that needs numpy is imported late: a wrong order is answered at once.
    from gotapi_creation.engine.finish import files, finished, report
    from gotapi_creation.engine.registry import engine

    maker = engine(order.engine, order.settings)
    job, warnings = analysed(order)
    for warning in warnings:
        tell(Said(warning=warning))
    aside = Path(order.folder) / _ASIDE
    shutil.rmtree(aside, ignore_errors=True)  # of a try that was killed
    aside.mkdir()
    if order.options.preview:
        _preview(job, Path(order.folder), say)
    model = maker.make(job, _within(say, 0.3, 0.7))
    say(Progress(0.7, "thinning out and colouring"))
    made = finished(model, job)
    say(Progress(0.8, "writing files"))
    written = {**files(made), **_pictures(made, say)}
    sizes = {name: len(data) for name, data in written.items()}
    seconds = time.monotonic() - begun
    done = report(made, model, job, order.engine, sizes, tuple(warnings), seconds)
    _keep(Path(order.folder), {**written, REPORT: msgspec.json.encode(done)})
    say(Progress(1.0, "done"))
    return done


def analysed(order: Order) -> "tuple[StructuralObject, list[Warned]]":
    """Return the structural object of an order's drawings."""
    from gotapi_creation.engine.drawings import drawing
    from gotapi_creation.engine.segment import figure
    from gotapi_creation.engine.structure import structure
    from gotapi_creation.engine.templates import find, fitted

    template = fitted(find(order.template), order.attributes)
    read = {view: drawing(view, order.pictures[view]) for view in View if view in order.pictures}
    found = {view: (one, figure(one)) for view, one in read.items()}
    return structure(found, template, order.attributes, order.options)


def _monotone(tell: Tell) -> "Say":
    """Return what says progress and never goes back, whatever an engine says."""
    highest = 0.0

    def say(progress: Progress) -> None:
        nonlocal highest
        given = progress.fraction if 0.0 <= progress.fraction <= 1.0 else highest
        highest = max(highest, given)
        tell(Said(progress=msgspec.structs.replace(progress, fraction=round(highest, 4))))

    return say


def _within(say: "Say", low: float, high: float) -> "Say":
    def inner(progress: Progress) -> None:
        share = min(1.0, max(0.0, progress.fraction))
        say(msgspec.structs.replace(progress, fraction=low + share * (high - low)))

    return inner


def _preview(job: "StructuralObject", folder: Path, say: "Say") -> None:
    """Make the model on the small grid, whatever the engine: it takes a quarter of a second."""
    from gotapi_creation.engine.colours import coloured
    from gotapi_creation.engine.finish import printed
    from gotapi_creation.engine.shape import draft
    from gotapi_creation.engine.surface import Surface
    from gotapi_meshes.glb_writer import write_glb

    model = draft(job)
    surface = Surface(model.vertices, model.triangles)
    colours = coloured(surface, job)
    _put(folder, PREVIEW_MODEL, write_glb(printed(surface), colours))
    say(Progress(0.25, "preview", PREVIEW_MODEL))
    _put(folder, "preview-front.png", _png(surface, colours, "front"))
    say(Progress(0.3, "preview", "preview-front.png"))


def _pictures(made: "Made", say: "Say") -> Mapping[str, bytes]:
    from gotapi_creation.engine.order import SIDES

    say(Progress(0.85, "drawing previews"))
    return {f"preview-{side}.png": _png(made.surface, made.colours, side) for side in SIDES}


def _png(surface: "Surface", colours: "Bytes", side: str) -> bytes:
    from gotapi_creation.engine.drawings import png
    from gotapi_creation.engine.previews import preview

    return png(preview(surface, colours, side))


def _put(folder: Path, name: str, data: bytes) -> None:
    aside = folder / _ASIDE / name
    aside.write_bytes(data)
    aside.replace(folder / name)


def _keep(folder: Path, written: Mapping[str, bytes]) -> None:
    """Write everything aside, then move it into place; the report says that all is there."""
    aside = folder / _ASIDE
    for name, data in written.items():
        with (aside / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    for name in written:
        (aside / name).replace(folder / name)
    aside.rmdir()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
