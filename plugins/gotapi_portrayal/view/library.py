"""The native rasteriser, where it was built; its functions let other threads run."""

import contextlib
import ctypes
import functools
import logging
import platform
from collections.abc import Callable
from ctypes import POINTER, c_double, c_float, c_int, c_int32, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

log = logging.getLogger(__name__)

NOTHING: Final = 0x7FFFFFFF
"""In a picture of triangle numbers: no triangle is seen there."""
CLUSTER: Final = 256
LANES: Final = 8
_FILE: Final = Path(__file__).with_name("_raster.so")


Function = Callable[..., int]


class Scene(ctypes.Structure):
    """`Scene` of raster.h."""

    _fields_ = (
        ("triangles", c_uint32),
        ("clusters", c_uint32),
        ("corners", c_void_p),
        ("boxes", c_void_p),
    )


class NativeCamera(ctypes.Structure):
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


class Counts(ctypes.Structure):
    """`Counts` of raster.h."""

    _fields_ = (
        ("clusters_drawn", c_uint64),
        ("triangles_set_up", c_uint64),
        ("triangles_clipped", c_uint64),
    )


class Library(NamedTuple):
    """The functions of the rasteriser."""

    draw: Function
    order: Function
    fill: Function
    planes: Function
    words: Function
    rgb: Function
    depth: Function
    texture: Function
    average: Function
    workspace: Function
    free: Function
    wide: bool
    """Whether it uses AVX2."""


@functools.cache
def library() -> Library | None:
    """Return the rasteriser; None where it was not built, or does not fit this machine."""
    try:
        return load(_FILE)
    except OSError as error:
        log.warning("views are drawn without the native rasteriser: %s", error)
        return None


def load(path: Path, widest: bool = True) -> Library:
    """Load a built rasteriser; raises OSError. AVX2 is used where it is there and `widest`."""
    file = ctypes.CDLL(str(path))
    wide = widest and hasattr(file, "raster_draw_avx2") and "avx2" in _features()
    camera, scene, counts = POINTER(NativeCamera), POINTER(Scene), POINTER(Counts)
    picture, table = c_void_p, c_void_p

    def function(name: str, result: Any, *arguments: Any) -> Function:
        found = getattr(file, name)
        found.argtypes, found.restype = arguments, result
        return cast("Function", found)

    numbers = [c_uint32] * 3
    return Library(
        function("raster_draw_avx2" if wide else "raster_draw", c_int, scene, camera, c_void_p,
                 picture, counts),
        function("raster_order", c_int, c_void_p, c_uint32, c_void_p, c_uint32, c_void_p),
        function("raster_fill", None, c_void_p, c_void_p, c_uint32, *[c_void_p] * 3),
        function("raster_planes", None, c_void_p, c_uint32, table),
        function("resolve_words", None, picture, c_uint32, table, c_uint32, c_void_p),
        function("resolve_rgb", None, picture, *numbers, c_uint32, table, c_uint32, c_void_p,
                 c_void_p),
        function("resolve_depth", None, picture, *numbers, table, c_void_p, c_int, c_double,
                 c_double, c_void_p),
        function("resolve_texture", None, picture, *numbers, table, c_void_p, c_int,
                 *[c_void_p] * 7),
        function("resolve_average", None, c_void_p, *numbers, c_uint32, c_void_p),
        function("raster_workspace", c_void_p),
        function("raster_free", None, c_void_p),
        wide,
    )  # fmt: skip


def _features() -> frozenset[str]:
    """Return what the processor can, as Linux tells it."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return frozenset()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return frozenset(line.split())
    return frozenset()
