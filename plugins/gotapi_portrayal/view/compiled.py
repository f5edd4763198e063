"""The native rasteriser by ctypes; its functions let other threads run."""

import contextlib
import ctypes
import platform
import threading
from ctypes import POINTER, byref, c_double, c_float, c_int, c_int32, c_int64, c_uint32, c_uint64
from ctypes import c_void_p as pointer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gotapi_portrayal.view.library import (
    CLUSTER,
    LANES,
    Bytes,
    Floats,
    Frame,
    Glass,
    Layout,
    Names,
    Rows,
    Sun,
    Words,
)
from gotapi_portrayal.view.tables import AMBIENT, SKY, SUNLIGHT

if TYPE_CHECKING:
    from gotapi_portrayal.view.camera import Camera
    from gotapi_portrayal.view.geometry import Geometry
    from gotapi_portrayal.view.textures import Textures


class _Scene(ctypes.Structure):
    """`Scene` of raster.h."""

    _fields_ = (
        ("triangles", c_uint32),
        ("clusters", c_uint32),
        ("corners", pointer),
        ("boxes", pointer),
    )


class _Camera(ctypes.Structure):
    """`Camera` of raster.h."""

    _fields_ = (
        ("eye_high", c_float * 3),
        ("eye_low", c_float * 3),
        ("axes", c_float * 9),
        ("sx", c_float),
        ("sy", c_float),
        ("cx", c_float),
        ("cy", c_float),
        ("near", c_float),
        ("far", c_float),
        ("width", c_int32),
        ("height", c_int32),
        ("parallel", c_int32),
        ("threads", c_int32),
    )


class _Glass(ctypes.Structure):
    """`Glass` of raster.h."""

    _fields_ = (("opacity", pointer), ("least", c_int32), ("layers", c_int32))


class _Counts(ctypes.Structure):
    """`Counts` of raster.h."""

    _fields_ = (
        ("clusters_drawn", c_uint64),
        ("triangles_set_up", c_uint64),
        ("triangles_clipped", c_uint64),
    )


class _Sun(ctypes.Structure):
    """`Sun` of blend.c."""

    _fields_ = (
        ("eye", c_double * 3),
        ("right", c_double * 3),
        ("up", c_double * 3),
        ("forward", c_double * 3),
        ("sx", c_double),
        ("sy", c_double),
        ("cx", c_double),
        ("cy", c_double),
        ("names", pointer),
        ("side", c_int64),
    )


_LIGHT: Final = c_double * 3
_SPAN: Final[list[Any]] = [pointer, c_uint32, c_uint32, c_uint32]  # a picture, its width, some rows
_FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "raster_order": (c_int, [pointer, c_uint32, pointer, c_uint32, pointer]),
    "raster_fill": (None, [pointer, pointer, c_uint32, pointer, pointer, pointer]),
    "raster_planes": (None, [pointer, c_uint32, pointer]),
    "raster_workspace": (pointer, []),
    "raster_free": (None, [pointer]),
    "resolve_words": (None, [pointer, c_uint32, pointer, c_uint32, pointer]),
    "resolve_rgb": (None, [*_SPAN, c_uint32, pointer, c_uint32, pointer, pointer]),
    "resolve_depth": (None, [*_SPAN, pointer, pointer, c_int, c_double, c_double, pointer]),
    "resolve_texture": (None, [*_SPAN, pointer, pointer, c_int, *[pointer] * 7]),
    "resolve_over": (None, [pointer, c_uint32, pointer, pointer, pointer]),
    "resolve_backdrop": (None, [*[c_uint32] * 4, pointer, pointer]),
    "resolve_average": (None, [*_SPAN, c_uint32, c_uint32, pointer]),
    "resolve_shadow": (
        None,
        [
            *_SPAN,
            c_uint32,
            pointer,
            pointer,
            c_int,
            POINTER(_Sun),
            c_uint32,
            POINTER(_LIGHT),
            pointer,
        ],
    ),
}
_DRAW: Final[list[Any]] = [POINTER(_Scene), POINTER(_Camera), pointer, POINTER(_Glass), pointer]


class Compiled:
    """The rasteriser of a shared library; AVX2 is used where it is there and `widest`."""

    def __init__(self, path: Path, widest: bool = True) -> None:
        file = ctypes.CDLL(str(path))
        wide = widest and hasattr(file, "raster_draw_avx2") and "avx2" in _features()
        self.name = "native-avx2" if wide else "native"
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(file, name)
            function.argtypes, function.restype = arguments, result
        self._file = file
        self._draw = file.raster_draw_avx2 if wide else file.raster_draw
        self._draw.argtypes, self._draw.restype = [*_DRAW, POINTER(_Counts)], c_int
        self._spare: list[int] = []  # workspaces that nobody draws with
        self._lock = threading.Lock()

    def layout(self, vertices: Floats, triangles: Words) -> Layout:
        """Order triangles by the place of their middles."""
        count = len(triangles)
        made = Layout(
            np.empty(count, np.uint32),
            np.empty((count + LANES - 1) // LANES * LANES * 9, np.float32),
            np.empty(((count + CLUSTER - 1) // CLUSTER, 6), np.float32),
            np.empty((count, 6), np.float32),
        )
        v, t, order = _at(vertices), _at(triangles), _at(made.order)
        if self._file.raster_order(v, len(vertices), t, count, order):
            raise MemoryError("no memory to bring the triangles into order")
        self._file.raster_fill(v, t, count, order, _at(made.corners), _at(made.boxes))
        self._file.raster_planes(_at(made.corners), count, _at(made.planes))
        return made

    def draw(
        self, geometry: "Geometry", camera: "Camera", threads: int, glass: Glass | None
    ) -> Names:
        """Draw with some threads of its own."""
        layers = 1 if glass is None else glass.layers
        names = np.empty((layers, camera.height, camera.width), np.int32)
        corners, boxes = geometry.corners, geometry.boxes
        scene = _Scene(geometry.count, len(boxes), _at(corners), _at(boxes))
        panes = None if glass is None else byref(_Glass(_at(glass.opacity), *glass[1:]))
        workspace = self._take()
        try:
            code = self._draw(
                *(byref(scene), byref(_native(geometry, camera, threads)), workspace, panes),
                *(_at(names), byref(_Counts())),
            )
        finally:
            with self._lock:
                self._spare.append(workspace)
        if code == 1:
            raise MemoryError("no memory to draw the view")
        if code:
            raise ValueError("the rasteriser refuses the camera's size or planes")
        return names

    def words(self, names: Names, table: Words, empty: int, out: Words) -> None:
        """Look up a word for each pixel."""
        self._file.resolve_words(_at(names), names.size, _at(table), empty, _at(out))

    def rgb(
        self, names: Names, rows: Rows, samples: int, table: Words, ground: int | Bytes, out: Bytes
    ) -> None:
        """Look up and average colours."""
        word, behind = (ground, None) if isinstance(ground, int) else (0, _at(ground))
        self._file.resolve_rgb(
            *(_at(names), out.shape[1], *rows, samples, _at(table), word, behind, _at(out))
        )

    def depth(self, names: Names, rows: Rows, planes: Floats, frame: Frame, out: Floats) -> None:
        """Measure distances."""
        rays, parallel, near, far = frame
        span = _at(names), names.shape[1], *rows
        self._file.resolve_depth(*span, _at(planes), _at(rays), parallel, near, far, _at(out))

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
        self._file.resolve_texture(
            *(_at(names), names.shape[1], *rows, _at(planes), _at(frame.rays), frame.parallel),
            *(_at(textures.slots), _at(textures.mappings), _at(textures.of_slot)),
            *(_at(textures.textures), _at(textures.texels), _at(textures.light), _at(words)),
        )

    def over(self, names: Names, words: Words, opacity: Bytes, under: Words) -> None:
        """Lay a layer over what is behind it."""
        self._file.resolve_over(_at(names), names.size, _at(words), _at(opacity), _at(under))

    def backdrop(self, backdrop: Bytes, rows: Rows, samples: int, words: Words) -> None:
        """Fill with a picture."""
        self._file.resolve_backdrop(words.shape[1], *rows, samples, _at(backdrop), _at(words))

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
        """Take the sun's light from where it does not shine."""
        made = (_Sun * len(suns))(*map(_sun, suns))
        light = _LIGHT(AMBIENT, SKY, SUNLIGHT)
        self._file.resolve_shadow(
            *(_at(names), names.shape[1], *rows, samples),
            *(_at(planes), _at(frame.rays), frame.parallel),
            *(made, len(suns), byref(light), _at(words)),
        )

    def average(self, words: Words, rows: Rows, samples: int, out: Bytes) -> None:
        """Average samples."""
        width, channels = out.shape[1:]
        self._file.resolve_average(_at(words), width, *rows, samples, channels, _at(out))

    def trim(self) -> None:
        """Free the workspaces that nobody draws with."""
        with self._lock:
            spare, self._spare = self._spare, []
        for workspace in spare:
            self._file.raster_free(workspace)

    def _take(self) -> int:
        with self._lock:
            if self._spare:
                return self._spare.pop()
        workspace: int | None = self._file.raster_workspace()
        if not workspace:
            raise MemoryError("no memory to draw the view")
        return workspace


def load(path: Path, widest: bool = True) -> Compiled:
    """Load a built rasteriser; raises OSError, or AttributeError for one of another version."""
    return Compiled(path, widest)


def _at(array: "np.ndarray[Any, Any]") -> int:
    """Return where an array is; the other side takes for granted that it has no gaps."""
    assert array.flags.c_contiguous
    return array.ctypes.data


def _native(geometry: "Geometry", camera: "Camera", threads: int) -> _Camera:
    eye = camera.eye - geometry.origin
    high = eye.astype(np.float32)
    native = _Camera(
        sx=camera.sx, sy=camera.sy, cx=camera.cx, cy=camera.cy, near=camera.near, far=camera.far,
        width=camera.width, height=camera.height, parallel=camera.parallel, threads=threads,
    )  # fmt: skip
    native.eye_high[:] = high.tolist()
    native.eye_low[:] = (eye - high).astype(np.float32).tolist()
    native.axes[:] = np.concatenate([camera.right, camera.up, camera.forward]).tolist()
    return native


def _sun(sun: Sun) -> _Sun:
    camera = sun.camera
    return _Sun(
        *((c_double * 3)(*one) for one in (sun.eye, camera.right, camera.up, camera.forward)),
        *(camera.sx, camera.sy, camera.cx, camera.cy, _at(sun.names), camera.width),
    )


def _features() -> frozenset[str]:
    """Return what the processor can, as Linux tells it."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return frozenset()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return frozenset(line.split())
    return frozenset()
