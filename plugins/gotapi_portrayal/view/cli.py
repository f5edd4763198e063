"""`gotapi view`: pictures of scenes from the terminal, without a hub."""

import asyncio
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gotapi_portrayal.data.cli import home_option, plugin_folder, words_of
from gotapi_portrayal.data.orders import FileFault, Order
from gotapi_portrayal.data.types import SceneError, Triple
from gotapi_portrayal.request.errors import OwsError

if TYPE_CHECKING:
    from gotapi_portrayal.request.types import Colour, ImageLayer
    from gotapi_portrayal.view.framing import Shot
    from gotapi_portrayal.view.photos import Photographer, Progress

LARGEST: Final = 8192
SHOWN: Final = 5  # faults of files
MOST_PIXELS: Final = 100_000_000
"""Of all pictures of a turn, which are in memory at once, four bytes each."""
_SIZE: Final = re.compile(r"(\d{1,5})[xX](\d{1,5})")
_COLOUR: Final = re.compile(r"(?:#|0x)([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})")


def _point(_: click.Context, parameter: click.Parameter, text: str | None) -> Triple | None:
    if text is None:
        return None
    try:
        x, y, z = map(float, text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is no point; write east, north and height as in 458020,5438040,212"
        ) from None
    return x, y, z


def _size(_: click.Context, parameter: click.Parameter, text: str) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    size = (0, 0) if match is None else (int(match[1]), int(match[2]))
    if not all(1 <= side <= LARGEST for side in size):
        raise click.BadParameter(
            f"'{text}' is no size; write width and height as in 1024x768, {LARGEST} at most"
        )
    return size


def _background(
    _: click.Context, parameter: click.Parameter, text: str | None
) -> "str | Colour | None":
    from gotapi_portrayal.view import offer

    known = [one.id for one in offer.BACKGROUNDS]
    if text is None or text in known:
        return text or ""
    if text == "transparent":
        return None
    if match := _COLOUR.fullmatch(text):
        return int(match[1], 16), int(match[2], 16), int(match[3], 16)
    raise click.BadParameter(
        f"'{text}' is none of {', '.join(known)}, transparent, nor a colour as in #ff8000"
    )


@click.command()
@click.argument("scene", nargs=-1, required=True)
@click.option("--from", "eye", metavar="X,Y,Z", callback=_point, help="Where the camera is.")
@click.option("--to", "target", metavar="X,Y,Z", callback=_point, help="What it looks at.")
@click.option("--up", metavar="X,Y,Z", callback=_point, help="What is up in the picture.")
@click.option("--fov", type=click.FloatRange(1, 170), help="Angle from top to bottom, in degrees.")
@click.option(
    "--parallel",
    type=click.FloatRange(min=0),
    metavar="WIDTH",
    help="No perspective; WIDTH in units of the CRS, 0 for all of it.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=Path("view.png"),
    show_default=True, help="PNG, JPEG or WebP by its ending.",
)  # fmt: skip
@click.option(
    "--layers", default="color", show_default=True,
    help="color, depth, objectid, normal, mask, linear_depth; several become several files.",
)  # fmt: skip
@click.option("--size", default="1024x768", show_default=True, callback=_size, help="Pixels.")
@click.option(
    "--style", "styles", multiple=True,
    help="as-is, thematic, plain; shadow, fog, wireframe, xray, sketch, ... Several times.",
)  # fmt: skip
@click.option(
    "--background", callback=_background, help="sky, gradient, night, transparent or #rrggbb."
)
@click.option("--quality", type=click.IntRange(0, 100), default=90, help="Of JPEG and WebP.")
@click.option("--lod", default="", help="Level of detail, as 2 or 2.2; else the finest.")
@click.option("--crs", default="", help="CRS of the points; else that of the scene.")
@click.option("--orbit", type=click.IntRange(2, 360), help="Turn around it: pictures of a turn.")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=6.0, show_default=True, help="Of a turn."
)
@home_option
def view(
    scene: tuple[str, ...],
    eye: Triple | None,
    target: Triple | None,
    up: Triple | None,
    fov: float | None,
    parallel: float | None,
    output: Path,
    layers: str,
    size: tuple[int, int],
    styles: tuple[str, ...],
    background: "str | Colour | None",
    quality: int,
    lod: str,
    crs: str,
    orbit: int | None,
    seconds: float,
    home: Path | None,
) -> None:
    """Draw SCENE, a file or a layer of this machine's hub, as a picture.

    Files may be CityJSON, CityGML, GeoTIFF, grids, GLB, STL, OBJ and 3MF; several are seen
    together. No hub need run.
    """
    from gotapi_portrayal.view import photos  # late: it loads numpy
    from gotapi_portrayal.view.framing import Shot

    shot = Shot(size, eye, target, up, fov, parallel)
    faults: list[FileFault] = []
    try:
        pictures = None if orbit else _pictures(layers, output, quality)
        style, overall = photos.style_names([one for text in styles for one in text.split(",")])
        if orbit:
            _check_turn(orbit, size, output)
        order = Order((), "", crs=crs)
        with (
            _bar() as progress,
            photos.scenes(scene, plugin_folder(home), order, progress, faults.append) as found,
        ):
            store, seen = found
            usual = "sky" if seen[0].crs.name else "gradient"
            ground = usual if background == "" else background
            looks = photos.Looks(style, overall, ground, quality, lod)
            photographer = photos.Photographer(store, seen, looks, crs)
            try:
                if orbit:
                    asyncio.run(_turn(photographer, shot, orbit, seconds, output, progress))
                elif pictures:
                    asyncio.run(_take(photographer, shot, pictures))
            finally:
                photographer.close()
    except OwsError as error:
        raise click.ClickException(error.text) from error
    except (SceneError, sqlite3.Error, OSError) as error:
        raise click.ClickException(str(error)) from error
    for one in faults[:SHOWN]:
        click.echo(f"  {words_of(one)}", err=True)
    if len(faults) > SHOWN:
        click.echo(f"  and {len(faults) - SHOWN:,} more faults", err=True)


def _check_turn(steps: int, size: tuple[int, int], output: Path) -> None:
    if output.suffix.lower() != ".webp":
        raise SceneError("a turn is an animated WebP; say so as in -o turn.webp")
    if steps * size[0] * size[1] > MOST_PIXELS:
        raise SceneError(
            f"{steps} pictures of {size[0]} x {size[1]} are too much for one file; make them "
            "smaller with --size, or fewer with --orbit"
        )


def _pictures(names: str, output: Path, quality: int) -> "list[tuple[Path, ImageLayer]]":
    """Return which image layer goes into which file; raises SceneError."""
    from gotapi_portrayal.request.types import ImageLayer
    from gotapi_portrayal.view import offer
    from gotapi_portrayal.view.photos import FORMATS

    ending = output.suffix.lower()
    if ending not in FORMATS:
        raise SceneError(
            f"'{output.name}' does not say which format; end it in {', '.join(FORMATS)}"
        )
    known = {one.id: one.formats for one in offer.IMAGE_LAYERS}
    wanted = list(dict.fromkeys(name.strip().upper() for name in names.split(",")))
    for name in wanted:
        if name not in known:
            words = ", ".join(known).lower()
            raise SceneError(f"there is no image layer '{name.lower()}'; there is {words}")
    if len(wanted) == 1 and FORMATS[ending] not in known[wanted[0]]:
        endings = ", ".join(one for one, form in FORMATS.items() if form in known[wanted[0]])
        raise SceneError(f"{wanted[0].lower()} is written as {endings}, not as {ending}")
    found = []
    for name in wanted:
        fits = FORMATS[ending] in known[name]
        path = output if fits else output.with_suffix(".png")
        if len(wanted) > 1:
            path = path.with_name(f"{path.stem}-{name.lower()}{path.suffix}")
        layer = ImageLayer(name, FORMATS[ending] if fits else offer.PNG, quality)
        found.append((path, layer))
    return found


async def _take(
    photographer: "Photographer", shot: "Shot", pictures: "list[tuple[Path, ImageLayer]]"
) -> None:
    for path, layer in pictures:
        begun = time.perf_counter()
        data = await photographer.take(shot, layer)
        passed = round(1000 * (time.perf_counter() - begun))
        await asyncio.to_thread(path.write_bytes, data)
        _tell(f"{path}  {layer.name.lower()}, {_sized(shot)}, {passed} ms")


async def _turn(
    photographer: "Photographer",
    shot: "Shot",
    steps: int,
    seconds: float,
    path: Path,
    progress: "Progress",
) -> None:
    data = await photographer.turn(shot, steps, seconds, progress)
    await asyncio.to_thread(path.write_bytes, data)
    _tell(f"{path}  {steps} pictures, {_sized(shot)}, {len(data):,} bytes")


def _sized(shot: "Shot") -> str:
    return f"{shot.size[0]} x {shot.size[1]}"


def _tell(text: str) -> None:
    click.echo("".join(letter if letter.isprintable() else "?" for letter in text))


@contextmanager
def _bar() -> "Iterator[Progress]":
    from rich.console import Console  # late, as only this needs it
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def show(words: str, share: float) -> None:
            bar.update(task, description=words.replace("[", "("), completed=share)

        yield show
