"""A selection of layers, ready to be drawn from any side: built once, kept while there is room."""

import contextlib
import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.check import Selection
from gotapi_portrayal.data.store import SceneStore
from gotapi_portrayal.gather import gather
from gotapi_portrayal.view import looks, tables
from gotapi_portrayal.view.geometry import Geometry, Piece, geometry
from gotapi_portrayal.view.library import Glass, Library
from gotapi_portrayal.view.shadows import Shadows
from gotapi_portrayal.view.tables import Words
from gotapi_portrayal.view.textures import Textures


@dataclass(frozen=True, eq=False)
class Stage:
    """Everything that is to be seen. `unit` is the metres of a unit of its CRS."""

    geometry: Geometry
    colours: Words
    features: Words
    textures: Textures | None
    unit: float = 1.0
    opacity: NDArray[np.uint8] | None = None
    """Of each triangle, 255 for what is solid; None where everything is."""

    def glass(self, layers: int) -> Glass | None:
        """Return what is seen through, for pictures of some surfaces one behind the other.

        What is nothing but clear is in no picture.
        """
        return None if self.opacity is None else Glass(self.opacity, 1, layers)

    @cached_property
    def shadows(self) -> Shadows:
        """What the sun sees; few ask for it."""
        return Shadows(self.geometry, self.glass(1))

    @cached_property
    def normals(self) -> Words:
        """Normals as words; few ask for them."""
        return tables.normal_words(self.geometry)

    @property
    def nbytes(self) -> int:
        """The memory it takes, with the normals and the sun's pictures that it may have to make."""
        texels = 0 if self.textures is None else self.textures.texels.nbytes
        suns = self.shadows.nbytes if "shadows" in self.__dict__ else 0
        return self.geometry.nbytes + 3 * self.colours.nbytes + texels + suns


def build(
    library: Library, store: SceneStore, selection: Selection, spatial: str, lods: str
) -> Stage:
    """Build the stage of a selection in its own CRS; takes a while and memory."""
    parts = list(gather(store, selection, spatial, lods))
    shape = geometry(
        library, [Piece(one.part.origin, one.part.vertices, one.part.triangles) for one in parts]
    )
    numbers = [np.repeat(one.part.features, np.diff(one.part.triangle_starts)) for one in parts]
    colours = looks.colours(store, parts)[shape.order]
    layers = [store.layer(chosen.layer.id) for chosen in selection.layers]
    units = {layer.crs.unit for layer in layers if layer is not None}
    return Stage(
        shape,
        tables.shaded(shape, colours),
        tables.feature_words(shape, np.concatenate([*numbers, np.empty(0, np.int64)])),
        looks.painted(store, shape, parts),
        units.pop() if len(units) == 1 else 1.0,
        looks.opacities(store, shape, parts),
    )


def _give_back() -> None:
    """Give the memory that building took back to the system, where its allocator can (glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class Stages:
    """Keeps the stages that were last drawn, up to some bytes; each is built by one thread."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: OrderedDict[Hashable, Stage] = OrderedDict()
        self._coming: dict[Hashable, Future[Stage]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Stage]) -> Stage:
        """Return the stage of a key; blocks while it is built, here or by somebody else."""
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
            coming = self._coming.get(key)
            mine = coming is None
            if coming is None:
                coming = self._coming[key] = Future()
        if mine:
            self._make(key, coming, make)
        return coming.result()

    def _make(self, key: Hashable, coming: "Future[Stage]", make: Callable[[], Stage]) -> None:
        try:
            stage = make()
        except BaseException as error:
            with self._lock:
                del self._coming[key]
            coming.set_exception(error)
            return
        _give_back()
        with self._lock:
            del self._coming[key]
            self._kept[key] = stage
            while (
                len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > self._room
            ):
                self._kept.popitem(last=False)
        coming.set_result(stage)
