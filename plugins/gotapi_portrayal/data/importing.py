"""Imports files as one layer: all of it, or nothing."""

import contextlib
from collections.abc import Callable, Generator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol

import numpy as np

from gotapi_meshes.errors import MeshError
from gotapi_meshes.kinds import kind_of
from gotapi_portrayal.data.citygml import CityGml
from gotapi_portrayal.data.citygml_xml import is_citygml
from gotapi_portrayal.data.cityjson import MOST_BYTES, CityJson, is_cityjson
from gotapi_portrayal.data.crs import Frame, frame
from gotapi_portrayal.data.faults import Faults
from gotapi_portrayal.data.grids import is_ascii_grid, is_npz, read_ascii, read_geotiff, read_npz
from gotapi_portrayal.data.load import Loader
from gotapi_portrayal.data.models import Model
from gotapi_portrayal.data.orders import LAYER_NAME, FileFault, Imported, Order
from gotapi_portrayal.data.pictures import Pictures
from gotapi_portrayal.data.sink import Head, Sink
from gotapi_portrayal.data.store import LayerWriter, SceneStore
from gotapi_portrayal.data.terrain import Terrain
from gotapi_portrayal.data.types import Crs, LayerDraft, SceneError

_HEAD: Final = 1 << 16
_TIFFS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_GRID_BYTES: Final = 1 << 30


class Source(Protocol):
    """A file that was recognised."""

    @property
    def head(self) -> Head:
        """What it says of itself."""

    def read(self, sink: Sink) -> None:
        """Tell everything that is in it, once."""


class Opened(NamedTuple):
    """A file that is open, and what is in it."""

    path: Path
    kind: str
    source: Source


def import_layer(
    store: SceneStore, order: Order, progress: Callable[[float], None] = lambda _: None
) -> Imported:
    """Import files as one layer, which replaces one of its name; raises SceneError.

    What is unsound in a file is left out and told; what cannot be read at all leaves the store as
    it was.
    """
    if not LAYER_NAME.fullmatch(order.layer):
        raise SceneError(
            f"'{order.layer[:80]}' cannot be the name of a layer: a letter, then letters, digits, "
            "'.', '-' and '_', 64 at most"
        )
    if order.parent and not order.lent and store.layer(order.parent) is None:
        raise SceneError(f"there is no layer '{order.parent}' that this one could be in")
    opened = _opened(order)
    with contextlib.closing(opened):
        first = next(opened)
        draft = _draft(order, first)
        faults: list[FileFault] = []
        with store.write(draft) as writer:
            for number, one in enumerate(chain((first,), opened)):

                def share(part: float, number: int = number) -> None:
                    progress((number + min(part, 1.0)) / len(order.files))

                faults += _import(one, order, draft.crs, writer, share)
    layer = store.layer(order.layer)
    assert layer is not None
    return Imported(layer, tuple(faults))


def _opened(order: Order) -> Generator[Opened]:
    """Open one file after another and tell what it is; the one before is closed then."""
    for name in order.files:
        path = Path(name)
        with path.open("rb") as file:
            try:
                kind, source = recognised(file, path, order)
                if order.lent and kind != "model":
                    raise SceneError("it is no model (GLB, STL, OBJ, 3MF)")
            except SceneError as error:
                raise SceneError(f"{path.name}: {error}") from error
            yield Opened(path, kind, source)


def _draft(order: Order, first: Opened) -> LayerDraft:
    return LayerDraft(
        name=order.layer,
        title=order.title or first.source.head.title or order.layer,
        crs=_frame(first.source.head, order, None, first.kind).crs,
        kind=first.kind,
        abstract=order.abstract,
        parent=order.parent,
        public=order.public,
        sources=tuple(Path(name).name for name in order.files),
    )


def _import(
    one: Opened, order: Order, crs: Crs, writer: LayerWriter, share: Callable[[float], None]
) -> list[FileFault]:
    faults = Faults()
    try:
        place = _frame(one.source.head, order, crs, one.kind)
        if not place.crs.name and one.kind != "model":
            faults.add("", _NO_CRS)
        loader = Loader(writer, place, faults, Pictures(one.path.parent))
        told = loader.tree, loader.material, loader.texture, share, loader.picture
        one.source.read(Sink(faults, *told))
        loader.flush()
    except SceneError as error:
        raise SceneError(f"{one.path.name}: {error}") from error
    return [FileFault(one.path.name, fault) for fault in faults.told()]


_NO_CRS: Final = (
    "the file names no CRS; its coordinates are taken as metres of a place of its own. Give the "
    "CRS by --crs"
)


def recognised(file: BinaryIO, path: Path, order: Order) -> tuple[str, Source]:
    """Return what an open file is, `city`, `terrain` or `model`, and how to read it."""
    head = file.read(_HEAD)
    size = file.seek(0, 2)
    file.seek(0)
    if is_cityjson(head):
        if size > MOST_BYTES:
            raise SceneError(
                f"the file has {size:,} bytes, and CityJSON is read up to {MOST_BYTES:,}; convert "
                "it to CityJSONSeq and split that, or split it"
            )
        return "city", CityJson(file.read())
    if is_citygml(head):
        return "city", CityGml(file, size)
    if (grid := _grid(file, head, size, path)) is not None:
        return "terrain", grid
    file.seek(0)
    try:
        kind = kind_of(file)
    except MeshError as error:
        raise SceneError(str(error)) from error
    if not kind.model:
        raise SceneError(
            "it is none of CityJSON, CityGML, GeoTIFF, ASCII grid, npz, GLB, STL, OBJ and 3MF"
        )
    return "model", Model(file, path.stem, order.scale, order.at, path.parent)


def _grid(file: BinaryIO, head: bytes, size: int, path: Path) -> Source | None:
    if not (head.startswith(_TIFFS) or is_ascii_grid(head) or is_npz(file)):
        return None
    if size > MOST_GRID_BYTES:
        raise SceneError(f"the grid has {size:,} bytes, and {MOST_GRID_BYTES:,} are read")
    file.seek(0)
    if head.startswith(_TIFFS):
        return Terrain(read_geotiff(file.read()), path.stem)
    if is_ascii_grid(head):
        return Terrain(read_ascii(file.read()), path.stem)
    return Terrain(read_npz(file), path.stem)


def _frame(head: Head, order: Order, target: Crs | None, kind: str) -> Frame:
    name = order.crs or head.crs
    if kind == "model":
        return _model_frame(order, target)
    if not len(head.sample) and name:
        return frame(name, np.empty((0, 3)), as_defined=head.as_defined, target=target)
    return frame(name, head.sample, as_defined=head.as_defined, target=target)


def _model_frame(order: Order, target: Crs | None) -> Frame:
    """Models are in metres around their place; only that is in a CRS."""
    if order.at is None:
        return Frame(target or Crs())
    return frame(order.crs, np.array([order.at]), target=target)
