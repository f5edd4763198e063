"""What draws: the native rasteriser where it was built, else Embree, else NumPy."""

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gotapi_portrayal.view.camera import Camera
    from gotapi_portrayal.view.geometry import Geometry
    from gotapi_portrayal.view.textures import Textures

log = logging.getLogger(__name__)

NOTHING: Final = 0x7FFFFFFF
"""In a picture of triangle numbers: no triangle is seen there."""
CLUSTER: Final = 256
LANES: Final = 8
NATIVE: Final = Path(__file__).with_name("_raster.so")

Names = NDArray[np.int32]
Words = NDArray[np.uint32]
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


class Layout(NamedTuple):
    """Triangles in the order in which they are drawn; `native/raster.h` says how."""

    order: Words
    corners: Floats
    boxes: Floats
    planes: Floats


class Glass(NamedTuple):
    """What is seen through: `opacity` of each triangle, 255 for solid; less than `least` is
    not drawn; `layers` surfaces are seen one behind the other."""

    opacity: Bytes
    least: int
    layers: int


class Rows(NamedTuple):
    """Some rows of a picture: the first, and the one after the last."""

    top: int
    bottom: int


class Frame(NamedTuple):
    """Where the rays of a picture's pixels are: twelve float64 as `native/resolve.c` has them."""

    rays: NDArray[np.float64]
    parallel: bool
    near: float
    far: float


class Sun(NamedTuple):
    """A picture that the sun took: what each of its pixels shows, by a parallel camera."""

    names: Names
    camera: "Camera"
    eye: NDArray[np.float64]
    """Of the camera, in the geometry's frame."""


class Library(Protocol):
    """What draws and colours. Rows can be worked on by several threads at once.

    `names` are pictures as `Picture.names`; results are written into the last argument.
    """

    @property
    def name(self) -> str:
        """What it is: pictures of two with the same name are the same."""

    def layout(self, vertices: Floats, triangles: Words) -> Layout:
        """Bring triangles into order; every corner is there and finite."""

    def draw(
        self, geometry: "Geometry", camera: "Camera", threads: int, glass: Glass | None
    ) -> Names:
        """Return what is seen, (layers, height, width); raises MemoryError, OwsError."""

    def words(self, names: Names, table: Words, empty: int, out: Words) -> None:
        """Look up a word for each pixel."""

    def rgb(
        self,
        names: Names,
        rows: Rows,
        samples: int,
        table: Words,
        ground: int | Bytes,
        out: Bytes,
    ) -> None:
        """Look up and average colours; `ground` is a word, or a picture of the size of `out`."""

    def depth(self, names: Names, rows: Rows, planes: Floats, frame: Frame, out: Floats) -> None:
        """Measure distances."""

    def texture(
        self,
        names: Names,
        rows: Rows,
        planes: Floats,
        frame: Frame,
        textures: "Textures",
        words: Words,
    ) -> None:
        """Replace the words of what has a texture."""

    def over(self, names: Names, words: Words, opacity: Bytes, under: Words) -> None:
        """Lay a layer over what is behind it."""

    def backdrop(self, backdrop: Bytes, rows: Rows, samples: int, words: Words) -> None:
        """Fill with a picture (h, w, 3); words are `samples` times as many a side."""

    def shadow(
        self,
        names: Names,
        rows: Rows,
        samples: int,
        planes: Floats,
        frame: Frame,
        suns: tuple[Sun, ...],
        words: Words,
    ) -> None:
        """Take the sun's light from where it does not shine; the first sun that sees it counts."""

    def average(self, words: Words, rows: Rows, samples: int, out: Bytes) -> None:
        """Average samples to (height, width, 3 or 4)."""

    def trim(self) -> None:
        """Free what is kept for the next picture."""


@functools.cache
def library() -> Library:
    """Return the best that this machine has; says once in the log where it is not the native."""
    from gotapi_portrayal.view.compiled import load

    try:
        return load(NATIVE)
    except (OSError, AttributeError) as error:  # not there, not for this machine, an older one
        from gotapi_portrayal.view.fallback import fallback

        instead = fallback()
        log.warning(
            "views are drawn slowly, by %s: there is no native rasteriser (%s); install a C"
            " compiler and gotapi-hub anew to have it",
            *(instead.name, error),
        )
        return instead
