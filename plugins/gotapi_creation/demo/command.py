"""The command `gotapi demo`."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gotapi_core.cli.terminal import INTERRUPTED, Terminal
from gotapi_core.client import HubClient, HubError
from gotapi_creation.create.wish import Unfit, Wish, check
from gotapi_creation.demo.own_hub import NotStarted, OwnHub
from gotapi_creation.demo.story import BarStory, Story
from gotapi_creation.engine.order import View
from gotapi_creation.wire import CreationError

if TYPE_CHECKING:
    from gotapi_core.client import PrintJob

FOLDER = "gotapi-demo"
HEIGHTS = (10.0, 120.0)  # millimetres; more takes longer than anybody wants to watch
_picture = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for; an empty `pictures` stands for those of the demonstration."""

    pictures: dict[View, Path]
    output: Path
    height: float
    time_scale: float
    home: Path | None
    port: int


@click.command()
@click.option("--yes", is_flag=True, help="Allow the access that the demonstration asks for.")
@click.option("-o", "--output", type=_picture, default=None, metavar="FOLDER",
              help=f"Where the files go; {FOLDER} here, or the next free name.")  # fmt: skip
@click.option("--front", type=_picture, help="Your own drawing of the front.")
@click.option("--right", type=_picture, help="Your own drawing of the right side.")
@click.option("--back", type=_picture, help="Your own drawing of the back.")
@click.option("--height", default=40.0, show_default=True, type=click.FloatRange(*HEIGHTS),
              help="Height of the model in millimetres.")  # fmt: skip
@click.option("--time-scale", default=60.0, show_default=True,
              type=click.FloatRange(0, 10_000),
              help="How fast the simulated printer is; 0: at once.")  # fmt: skip
@click.option("--home", type=click.Path(path_type=Path, file_okay=False),
              help="Keep the hub's files in here; otherwise they go with it.")  # fmt: skip
@click.option("--port", default=0, type=click.IntRange(0, 65535),
              help="The hub's port; otherwise a free one.")  # fmt: skip
@click.pass_context
def demo(
    context: click.Context,
    yes: bool,
    output: Path | None,
    front: Path | None,
    right: Path | None,
    back: Path | None,
    height: float,
    time_scale: float,
    home: Path | None,
    port: int,
) -> None:
    """From three pictures to a print, on a hub and a simulated printer of its own.

    The pictures become a 3D model, the hub draws a view of it, slices it and prints it. Each step
    asks the hub as any application would, and begins with your yes. Nothing of it reaches a hub
    that runs already, nor a real printer.

    Exit codes: 0 printed, 1 failed, 2 wrong use, 130 left with Ctrl-C.
    """
    terminal = Terminal(yes=yes)
    if not yes and not terminal.interactive:
        raise click.UsageError("Nobody is here to allow the access; --yes allows it")
    given = {View.FRONT: front, View.RIGHT: right, View.BACK: back}
    pictures = {view: path for view, path in given.items() if path is not None}
    if pictures and front is None:
        raise click.UsageError("Give --front too; it is the drawing that is needed")
    plan = Plan(pictures, _folder(output), height, time_scale, home, port)
    context.exit(_perform(plan, terminal))


def _perform(plan: Plan, terminal: Terminal) -> int:
    story = BarStory() if sys.stdout.isatty() else Story()
    with story:
        try:
            check(Wish(plan.pictures, ()), replace=False)
            job = asyncio.run(_walk(plan, terminal, story))
            story.ended(_summary(plan.output, job), 0)
        except Unfit as error:
            return _failed(story, str(error), error.code)
        except (HubError, CreationError, NotStarted) as error:
            return _failed(story, str(error), 1)
        except click.ClickException as error:
            return _failed(story, error.message, 1)
        except OSError as error:
            return _failed(story, f"{error.filename or plan.output}: {error.strerror}", 1)
        except KeyboardInterrupt:
            return _failed(story, "Given up; the hub and the printer are gone", INTERRUPTED)
    return 0


def _failed(story: Story, message: str, code: int) -> int:
    story.ended(message, code)
    return code


async def _walk(plan: Plan, terminal: Terminal, story: Story) -> "PrintJob":
    from gotapi_creation.demo.steps import NAME, ORIGIN, Walk  # late: --help needs none of it

    with _home(plan.home) as home, OwnHub(
        home, plan.port, plan.time_scale, plan.output / "printed.gcode"
    ) as hub:  # fmt: skip
        story.note("Starting a hub and a simulated printer ...")
        await hub.start()
        story.note(f"The hub answers at {hub.url}")
        async with HubClient(hub.url, ORIGIN, NAME) as client:
            walk = Walk(hub, client, story, plan.output)
            await walk.consent(terminal)
            pictures = await _draw(plan, story)
            known = await walk.layers()
            await walk.create(pictures, plan.height)
            await walk.look(known)
            return await walk.print(terminal)


async def _draw(plan: Plan, story: Story) -> dict[View, Path]:
    story.begin("Draw pictures")
    if plan.pictures:
        story.finish("yours: " + ", ".join(path.name for path in plan.pictures.values()))
        return plan.pictures
    from gotapi_creation.demo.figure import draw_all  # late: loads Pillow

    drawn = await asyncio.to_thread(draw_all, plan.output)
    story.finish(", ".join(path.name for path in drawn.values()))
    return drawn


def _folder(wanted: Path | None) -> Path:
    """Return an empty folder to write into; raises ClickException."""
    try:
        if wanted is not None:
            wanted.mkdir(parents=True, exist_ok=True)
            if any(wanted.iterdir()):
                raise click.BadParameter(
                    f"{wanted} is not empty; name another folder", param_hint="--output"
                )
            return wanted
        for name in _names():
            if not Path(name).exists():
                Path(name).mkdir()
                return Path(name)
    except OSError as error:
        raise click.ClickException(
            f"No folder can be made for the files: {error.filename}: {error.strerror}; name one "
            "that can be written to with --output"
        ) from error
    raise AssertionError("there is always another name")


def _names() -> Iterator[str]:
    yield FOLDER
    number = 2
    while True:
        yield f"{FOLDER}-{number}"
        number += 1


@contextmanager
def _home(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="gotapi-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _summary(folder: Path, job: "PrintJob") -> str:
    lines = [f"Printed: {job.lines or 0} commands. The files are in {folder}:"]
    there = [folder / name for name in _MEANING if (folder / name).is_file()]
    lines += [f"    {_line(path)}" for path in there]
    return "\n".join(lines)


_MEANING = {
    "front.png": "the drawing of the front",
    "right.png": "of the right side",
    "back.png": "of the back",
    "model.glb": "the model, with colours",
    "model.3mf": "the same for slicers, with colours",
    "model.stl": "the same, its shape alone; this was printed",
    "view.png": "the model as the hub draws it",
    "printed.gcode": "every line that the printer took",
}


def _line(path: Path) -> str:
    size = path.stat().st_size / 1024
    return f"{path.name:<14}{size:>8,.0f} KiB  {_MEANING[path.name]}"
