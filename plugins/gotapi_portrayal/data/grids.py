"""PURE: terrain grids: GeoTIFF, ASCII grid (Esri), npz; heights with where they are."""

import io
import warnings
import zipfile
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gotapi_portrayal.data.types import SceneError

Heights = NDArray[np.float64]

MOST_HEIGHTS: Final = 100_000_000
"""Heights of a file; a tile of 10 km in metres."""
MOST_BYTES: Final = 1 << 30
_NO_DATA: Final = -9999.0
# The tags of GeoTIFF 1.1 (OGC 19-008r4) and GDAL's own.
_SCALE, _TIE, _KEYS, _NODATA = 33550, 33922, 34735, 42113
_RASTER, _GEOGRAPHIC, _PROJECTED, _VERTICAL = 1025, 2048, 3072, 4096
_POINT: Final = 2
_USER: Final = 32767
_MODES: Final = ("F", "I", "I;16", "I;16L", "I;16B", "L")
# What Pillow raises beside the usual; a picture that is none is an OSError.
_BROKEN: Final = (OSError, Image.DecompressionBombError)
_NAMES: Final = ("elevation", "height", "heights", "z", "dem")


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Heights (rows, columns), NaN where there is none, at `east` (columns,), `north` (rows,)."""

    heights: Heights
    east: Heights
    north: Heights
    crs: str = ""


def is_ascii_grid(head: bytes) -> bool:
    """Tell whether a file seems to be an ASCII grid."""
    return head.lstrip().lower().startswith(b"ncols")


def is_npz(file: BinaryIO) -> bool:
    """Tell whether a file is an archive of arrays."""
    try:
        with zipfile.ZipFile(file) as archive:
            return any(one.filename.endswith(".npy") for one in archive.infolist()[:1000])
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def read_ascii(data: bytes) -> Grid:
    """Read an ASCII grid; raises SceneError."""
    members: dict[str, float] = {}
    rest = data.lstrip()
    while rest[:1].isalpha() and not rest[:4].lower().startswith(b"nan"):
        line, _, rest = rest.partition(b"\n")
        words = line.split()
        if len(words) != 2 or len(members) > 10:
            raise SceneError(f"'{line[:40].decode('latin-1')}' is no line of an ASCII grid's head")
        members[words[0].decode("latin-1").lower()] = _number(words[1])
        rest = rest.lstrip()
    columns, rows = _size(members.get("ncols"), members.get("nrows"))
    try:
        flat = np.array(rest.split(), np.float64)
    except ValueError:
        raise SceneError("the grid has a height that is no number") from None
    if len(flat) != columns * rows:
        raise SceneError(
            f"the grid has {len(flat):,} heights, and its head promises {columns} times {rows}; it "
            "was cut off, export or send it again"
        )
    flat[flat == members.get("nodata_value", _NO_DATA)] = np.nan
    width = members.get("cellsize", members.get("dx", 0.0))
    height = members.get("cellsize", members.get("dy", 0.0))
    east = _origin(members, "x", width) + width * np.arange(columns, dtype=np.float64)
    north = _origin(members, "y", height) + height * np.arange(rows, dtype=np.float64)[::-1]
    return checked(Grid(flat.reshape(rows, columns), east, north))


def read_npz(file: BinaryIO) -> Grid:
    """Read an array `elevation` with numbers xmin, xmax, ymin and ymax; ymin is that of row 0."""
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(one.file_size for one in archive.infolist())
        if size > MOST_BYTES:
            raise SceneError(f"its arrays have {size:,} bytes, and {MOST_BYTES:,} are read")
        file.seek(0)
        with np.load(file, allow_pickle=False) as found:
            every = {name: found[name] for name in found.files[:50]}
            arrays = {name: one for name, one in every.items() if isinstance(one, np.ndarray)}
    except SceneError:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, EOFError) as error:
        raise SceneError(f"it is no archive of arrays that can be read: {error}") from None
    name = next((name for name in _NAMES if name in arrays), "")
    if not name or arrays[name].ndim != 2 or arrays[name].dtype.kind not in "fiu":
        raise SceneError(f"it has no array of heights with two axes, named one of {_NAMES}")
    heights = arrays[name].astype(np.float64)
    rows, columns = heights.shape
    _size(columns, rows)
    west, right, first, last = (_side(arrays, one) for one in ("xmin", "xmax", "ymin", "ymax"))
    east, north = np.linspace(west, right, columns), np.linspace(first, last, rows)
    return checked(Grid(heights, east, north, str(arrays["crs"]) if "crs" in arrays else ""))


def read_geotiff(data: bytes) -> Grid:
    """Read a GeoTIFF of one band; raises SceneError."""
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # of what is damaged; it is looked at below
            Image.open(io.BytesIO(data), formats=("TIFF",)) as image,
        ):
            tags: Any = image.tag_v2  # type: ignore[attr-defined]  # a TIFF has them
            _size(image.width, image.height)
            if image.mode not in _MODES:
                raise SceneError(f"its picture is of kind '{image.mode}', not one band of heights")
            keys = _geo_keys(tags.get(_KEYS, ()))
            scale, tie = tags.get(_SCALE), tags.get(_TIE)
            nodata = str(tags.get(_NODATA, "")).strip("\0 ")
            heights = np.asarray(image).astype(np.float64)
    except SceneError:
        raise
    except (*_BROKEN, ValueError, SyntaxError, TypeError) as error:
        raise SceneError(f"the GeoTIFF cannot be read: {error}") from None
    if scale is None or tie is None or len(tie) < 6 or len(scale) < 2:
        raise SceneError("the TIFF does not say where it is (ModelPixelScale and ModelTiepoint)")
    if nodata:
        heights[heights == _number(nodata.encode())] = np.nan
    middle = 0.0 if keys.get(_RASTER) == _POINT else 0.5
    rows, columns = heights.shape
    east = tie[3] + scale[0] * (np.arange(columns) + middle - tie[0])
    north = tie[4] - scale[1] * (np.arange(rows) + middle - tie[1])
    return checked(Grid(heights, east, north, _crs(keys)))


def checked(grid: Grid) -> Grid:
    """Return the grid if it is one; raises SceneError."""
    if not all(np.isfinite(one).all() and len(set(one)) > 1 for one in (grid.east, grid.north)):
        raise SceneError("the columns or rows of the grid have no places, or all the same")
    if not np.isfinite(grid.heights).any():
        raise SceneError("the grid has no heights, only gaps")
    grid.heights[np.abs(grid.heights) > 1e5] = np.nan  # no place on the earth; a forgotten no-data
    return grid


def _geo_keys(words: tuple[int, ...]) -> dict[int, int]:
    """Return the keys with a value in their place (GeoTIFF 7.1.2)."""
    rows = [words[place : place + 4] for place in range(4, len(words) - 3, 4)]
    return {key: value for key, where, _, value in rows if where == 0}


def _crs(keys: dict[int, int]) -> str:
    plane = keys.get(_PROJECTED) or keys.get(_GEOGRAPHIC) or 0
    vertical = keys.get(_VERTICAL, 0)
    if not plane or plane == _USER:
        return ""
    return f"EPSG:{plane}" + (f"+{vertical}" if 0 < vertical < _USER else "")


def _size(columns: float | None, rows: float | None) -> tuple[int, int]:
    if not columns or not rows or min(columns, rows) < 2 or columns != int(columns):
        raise SceneError("the grid needs two columns and two rows or more")
    if columns * rows > MOST_HEIGHTS:
        raise SceneError(f"the grid has more than {MOST_HEIGHTS:,} heights; cut it into tiles")
    return int(columns), int(rows)


def _origin(members: dict[str, float], axis: str, width: float) -> float:
    if f"{axis}llcenter" in members:
        return members[f"{axis}llcenter"]
    if f"{axis}llcorner" in members:
        return members[f"{axis}llcorner"] + width / 2
    raise SceneError(f"the head of the grid has no {axis}llcorner and no {axis}llcenter")


def _number(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        raise SceneError(f"'{word[:40].decode('latin-1')}' is no number") from None


def _side(arrays: dict[str, NDArray[Any]], name: str) -> float:
    if name not in arrays or arrays[name].size != 1 or arrays[name].dtype.kind not in "fiu":
        raise SceneError(f"it has no number '{name}'; xmin, xmax, ymin and ymax say where it is")
    return float(arrays[name].ravel()[0])
