"""`gotapi scenes`: the layers of this machine's hub, at its terminal."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gotapi_portrayal.data.desk import import_files
from gotapi_portrayal.data.orders import FileFault, Imported, Order, layer_name
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.data.types import Layer, SceneError, Triple

if TYPE_CHECKING:
    from gotapi_portrayal.data.sqlite_store import SqliteSceneStore

Home = Path | None
SHOWN: Final = 20  # faults shown without --faults

home_option = click.option(
    "--home",
    envvar="GOTAPI_HOME",
    type=click.Path(path_type=Path, file_okay=False),
    help="The hub's folder.",
)


def plugin_folder(home: Home) -> Path:
    """Where a hub keeps what belongs to this plug-in: under its home, else by the XDG folders."""
    below = Path("plugins") / "portrayal"
    if home is not None:
        return home.expanduser().absolute() / "data" / below
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():
        data = Path.home() / ".local" / "share"
    return data / "gotapi" / below


@click.group()
def scenes() -> None:
    """Import city models, terrain and models, and look after them."""


@scenes.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False, resolve_path=True),
)
@click.option("--layer", help="All files become this layer; else each becomes one of its own.")
@click.option("--title", default="", help="What people read.")
@click.option("--abstract", default="", help="What people read if they want to know more.")
@click.option("--crs", default="", help="Instead of what the files say: EPSG:25832, EPSG:7415.")
@click.option("--parent", default="", help="The layer it is in.")
@click.option("--private", is_flag=True, help="Only for applications that were approved.")
@click.option("--at", nargs=3, type=float, help="Where a model stands: EAST NORTH HEIGHT.")
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), help="Metres of its unit.")
@click.option("--faults", is_flag=True, help="Show every fault.")
@home_option
def add(
    files: tuple[Path, ...],
    layer: str | None,
    title: str,
    abstract: str,
    crs: str,
    parent: str,
    private: bool,
    at: Triple | None,
    scale: float | None,
    faults: bool,
    home: Home,
) -> None:
    """Import FILES: CityJSON, CityGML, GeoTIFF, ASCII grid, npz, GLB, STL, OBJ, 3MF.

    A layer of the same name is replaced. A running hub shows it at once.
    """
    groups = [files] if layer else [(file,) for file in files]
    folder = plugin_folder(home)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for group in groups:
            order = Order(
                tuple(map(str, group)), layer or layer_name(group[0]), title, crs, abstract,
                parent, not private, at, scale,
            )  # fmt: skip
            with _bar(", ".join(file.name for file in group)) as progress:
                done = asyncio.run(import_files(_file(folder), order, progress))
            _report(done, None if faults else SHOWN)
    except (SceneError, OSError) as error:
        raise click.ClickException(str(error)) from error


@scenes.command("list")
@home_option
def list_layers(home: Home) -> None:
    """List the layers."""
    store = _store(home)
    found = () if store is None else store.layers()
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("There is no layer; `gotapi scenes add FILE` makes one.")


@scenes.command()
@click.argument("layers", nargs=-1, required=True)
@home_option
def remove(layers: tuple[str, ...], home: Home) -> None:
    """Remove LAYERS; the files they were imported from stay."""
    store = _store(home)
    for name in layers:
        try:
            removed = store is not None and store.remove(name)
        except SceneError as error:
            raise click.ClickException(str(error)) from error
        if not removed:
            raise click.ClickException(f"there is no layer '{name}'; `gotapi scenes list` says")
        click.echo(f"Removed {name}.")


@scenes.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, resolve_path=True))
def demo(folder: Path) -> None:
    """Make a small city in FOLDER: files to look at, and the scenes of them."""
    # Late, as it loads numpy; in this process, as the files are our own.
    from gotapi_portrayal.data.demo import write_demo
    from gotapi_portrayal.data.importing import import_layer
    from gotapi_portrayal.data.sqlite_store import SqliteSceneStore

    try:
        orders = write_demo(folder)
        store = SqliteSceneStore(_file(folder))
        for order in orders:
            _report(import_layer(store, order), None)
        store.close()
    except (SceneError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _file(folder: Path) -> Path:
    return folder / FILE_NAME


def _store(home: Home) -> "SqliteSceneStore | None":
    from gotapi_portrayal.data.sqlite_store import SqliteSceneStore  # late: it loads numpy

    file = _file(plugin_folder(home))
    try:
        return SqliteSceneStore(file) if file.exists() else None
    except (SceneError, sqlite3.Error) as error:
        raise click.ClickException(f"{file}: {error}") from error


def _line(layer: Layer) -> str:
    lods = f", LOD {' '.join(layer.lods)}" if layer.lods else ""
    where = layer.crs.name or "a place of its own"
    private = "" if layer.public else ", private"
    return (
        f"{layer.name}  {layer.title}  ({layer.features:,} objects, {layer.triangles:,} triangles"
        f"{lods}, {where}{private})"
    )


def _report(done: Imported, most: int | None) -> None:
    click.echo(_line(done.layer))
    for one in done.faults[:most]:
        click.echo(f"  {words_of(one)}", err=True)
    rest = len(done.faults) - len(done.faults[:most])
    if rest:
        click.echo(f"  and {rest:,} more; --faults shows all", err=True)


def words_of(one: FileFault) -> str:
    """Return a fault as a line that is safe at a terminal."""
    name = f"{one.fault.object_id}: " if one.fault.object_id else ""
    text = f"{one.file}: {name}{one.fault.message}"
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@contextmanager
def _bar(words: str) -> Iterator[Callable[[float], None]]:
    from rich.console import Console  # late, as only this needs it
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(words.replace("[", "("), total=1.0)
        yield lambda share: bar.update(task, completed=share)
