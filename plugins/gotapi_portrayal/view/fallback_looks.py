"""What the compiled code does pixel by pixel, by NumPy: distances, textures, shadows."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.view.library import NOTHING, Floats, Frame, Names, Rows, Sun, Words
from gotapi_portrayal.view.tables import AMBIENT, SKY, SUNLIGHT
from gotapi_portrayal.view.textures import Textures

Doubles = NDArray[np.float64]

_MOST_REPEATS: Final = 1048576.0  # beyond it one place of a texture is as good as another
_REPEAT, _MIRROR = 0, 1


class _Met(NamedTuple):
    """Where rays meet planes: the starts and directions of the rays, and how far along them."""

    starts: Doubles
    rays: Doubles
    far: Doubles
    """Not a number where the ray is along the plane."""

    def points(self) -> Doubles:
        return self.starts + self.rays * self.far[:, None]


def _meet(x: NDArray[np.integer], y: NDArray[np.integer], planes: Floats, frame: Frame) -> _Met:
    eye, base, across, down = frame.rays.reshape(4, 3)
    offsets = x[:, None] * across + y[:, None] * down
    ahead = np.broadcast_to(base, offsets.shape)
    starts = eye + offsets if frame.parallel else np.broadcast_to(eye, offsets.shape)
    rays = ahead if frame.parallel else base + offsets
    normals, corners = planes[:, :3].astype(np.float64), planes[:, 3:].astype(np.float64)
    along = np.einsum("ij,ij->i", normals, rays)
    height = np.einsum("ij,ij->i", normals, corners - starts)
    none = np.full(len(along), np.nan)
    return _Met(starts, rays, np.divide(height, along, out=none, where=along != 0))


def depth(names: Names, rows: Rows, planes: Floats, frame: Frame, out: Floats) -> None:
    """Measure distances as `Picture.depth` says."""
    part, to = names[slice(*rows)], out[slice(*rows)]
    y, x = np.nonzero(part != NOTHING)
    met = _meet(x, y + rows.top, planes[part[y, x] >> 1], frame)
    far = np.where(met.far > frame.near, met.far, frame.near)
    to[:] = 0.0
    to[y, x] = np.minimum(far, frame.far) * np.linalg.norm(met.rays, axis=1)


def texture(
    names: Names, rows: Rows, planes: Floats, frame: Frame, textures: Textures, words: Words
) -> None:
    """Replace the words of pixels that show a textured triangle."""
    part = names[slice(*rows)]
    y, x = np.nonzero(part != NOTHING)
    slots = textures.slots[part[y, x] >> 1]
    y, x, slots = y[slots >= 0], x[slots >= 0], slots[slots >= 0]
    if not len(slots):
        return
    seen = part[y, x]
    table, maps = textures.textures[textures.of_slot[slots]], textures.mappings[slots]
    flat = planes[seen >> 1]
    places = [_place(x + dx, y + rows.top + dy, flat, frame, maps) for dx, dy in _AROUND]
    uv, right, under = places
    size = np.stack([table["width"], table["height"]], axis=1).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        covered = np.maximum(*(np.hypot(*((one - uv) * size).T) for one in (right, under)))
    covered = np.where(np.isfinite(covered), covered, 0.0)
    level = np.log2(np.maximum(covered, 1.0))
    level = np.minimum(level, table["levels"] - 1.0)
    whole = level.astype(np.int64)
    share = (level - whole)[:, None]
    uv = np.where(np.abs(uv) < _MOST_REPEATS, uv, 0.0)  # false for what is not a number, too
    fine = _mixed(textures.texels, table, whole, uv)
    coarser = np.minimum(whole + 1, table["levels"].astype(np.int64) - 1)
    mixed = fine + share * (_mixed(textures.texels, table, coarser, uv) - fine)
    lit = mixed * (textures.light.reshape(-1)[seen] / 256.0)[:, None] + 0.5
    colours = np.full((len(lit), 4), 255, np.uint8)
    colours[:, :3] = np.minimum(lit, 255)
    words[y + rows.top, x] = colours.view("<u4")[:, 0]


_AROUND: Final = ((0, 0), (1, 0), (0, 1))


def _place(
    x: NDArray[np.integer],
    y: NDArray[np.integer],
    planes: Floats,
    frame: Frame,
    maps: NDArray[np.void],
) -> Doubles:
    with np.errstate(invalid="ignore", over="ignore"):
        points = _meet(x, y, planes, frame).points() - planes[:, 3:]
        across = np.einsum("ij,ij->i", maps["across"].astype(np.float64), points)
        along = np.einsum("ij,ij->i", maps["along"].astype(np.float64), points)
        place: Doubles = maps["uv"].astype(np.float64) + np.stack([across, along], axis=1)
    return place


def _mixed(
    texels: Words, table: NDArray[np.void], level: NDArray[np.int64], uv: Doubles
) -> Doubles:
    """Return red, green, blue between the four nearest texels of a level."""
    width, height = table["width"].astype(np.int64), table["height"].astype(np.int64)
    offset = table["offset"].astype(np.int64)
    for step in range(int(level.max(initial=0))):
        coarser = level > step
        offset += np.where(coarser, width * height, 0)
        width = np.where(coarser, np.maximum(width // 2, 1), width)
        height = np.where(coarser, np.maximum(height // 2, 1), height)
    x, y = uv[:, 0] * width - 0.5, (1.0 - uv[:, 1]) * height - 0.5
    left, above = np.floor(x), np.floor(y)
    fx, fy = x - left, y - above
    total = np.zeros((len(x), 3))
    for k in range(4):
        column = _wrapped(left.astype(np.int64) + (k & 1), width, table["wrap"])
        row = _wrapped(above.astype(np.int64) + (k >> 1), height, table["wrap"])
        words = texels[offset + row * width + column]
        weight = (fx if k & 1 else 1 - fx) * (fy if k >> 1 else 1 - fy)
        parts = np.ascontiguousarray(words).view(np.uint8).reshape(-1, 4)[:, :3]
        total += weight[:, None] * parts
    return total


def _wrapped(
    at: NDArray[np.int64], size: NDArray[np.int64], how: NDArray[np.uint16]
) -> NDArray[np.int64]:
    period = size * np.where(how == _MIRROR, 2, 1)
    rest = at % period
    rest = np.where(rest < size, rest, period - 1 - rest)
    return np.where(how > _MIRROR, np.clip(at, 0, size - 1), rest)


def shadow(
    names: Names,
    rows: Rows,
    planes: Floats,
    frame: Frame,
    suns: tuple[Sun, ...],
    words: Words,
) -> None:
    """Take the sun's light from where it does not shine, as `native/blend.c` does."""
    part = names[slice(*rows)]
    y, x = np.nonzero(part != NOTHING)
    seen = part[y, x]
    side = np.where(seen & 1, 1.0, -1.0)
    sunny = side * (planes[seen >> 1, :3] @ suns[0].camera.forward)
    lit = np.flatnonzero(sunny > 0.01)
    y, x, seen, side, sunny = y[lit], x[lit], seen[lit], side[lit], sunny[lit]
    met = _meet(x, y + rows.top, planes[seen >> 1], frame)
    dark = np.full(len(seen), -1.0)
    points = met.points()
    for sun in suns:
        open_still = (dark < 0) & np.isfinite(met.far)
        dark[open_still] = _shade(sun, planes, seen[open_still] >> 1, points[open_still])
    others = AMBIENT + SKY * (0.5 - 0.5 * side * planes[seen >> 1, 2])
    factor = 1 - np.maximum(dark, 0) * (1 - others / (others + SUNLIGHT * sunny))
    parts = np.ascontiguousarray(words[y + rows.top, x]).view(np.uint8).reshape(-1, 4).copy()
    parts[:, :3] = parts[:, :3] * factor[:, None] + 0.5
    words[y + rows.top, x] = parts.view("<u4")[:, 0]


def _shade(sun: Sun, planes: Floats, own: NDArray[np.int32], points: Doubles) -> Doubles:
    """Return the share of the light that does not arrive, -1 outside of the sun's picture."""
    camera, limit = sun.camera, sun.names.shape[0] - 1
    away = points - sun.eye
    x = camera.cx + camera.sx * (away @ camera.right) - 0.5
    y = camera.cy - camera.sy * (away @ camera.up) - 0.5
    inside = (x >= 0) & (y >= 0) & (x < limit) & (y < limit)
    x, y = np.where(inside, x, 0), np.where(inside, y, 0)
    left, above = x.astype(np.int64), y.astype(np.int64)
    fx, fy = x - left, y - above
    total = np.zeros(len(x))
    for k in range(4):
        column, row = left + (k & 1), above + (k >> 1)
        name = sun.names[row, column]
        across = (column + 0.5 - camera.cx) / camera.sx
        up = (camera.cy - row - 0.5) / camera.sy
        starts = sun.eye + across[:, None] * camera.right + up[:, None] * camera.up
        other = np.where(name == NOTHING, own, name >> 1)
        gap = _reach(sun, planes[own], starts, 1e-3) - _reach(sun, planes[other], starts, 1e-6)
        hidden = (other != own) & (gap > 0.3 / camera.sx + 0.01)  # nan: along a ray, so not
        total += np.where(hidden, (fx if k & 1 else 1 - fx) * (fy if k >> 1 else 1 - fy), 0)
    return np.where(inside, total, -1.0)


def _reach(sun: Sun, planes: Floats, starts: Doubles, least: float) -> Doubles:
    normals = planes[:, :3].astype(np.float64)
    along = normals @ sun.camera.forward
    height = np.einsum("ij,ij->i", normals, planes[:, 3:] - starts)
    none = np.full(len(along), np.nan)
    reach: Doubles = np.divide(height, along, out=none, where=np.abs(along) >= least)
    return reach
