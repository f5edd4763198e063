"""A synthetic city of any size at UTM coordinates: blocks and L-shaped houses on hilly ground."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ORIGIN = np.array([456_000.0, 5_428_000.0, 110.0])  # EPSG:25832
STEP = 32.0  # metres between houses
SQUARE = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
ELL = np.array([(0, 0), (1, 0), (1, 0.5), (0.5, 0.5), (0.5, 1), (0, 1)], float)


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """Vertices (n, 3) in metres from ORIGIN, triangles (m, 3), the house of each (0: ground)."""

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]
    owners: NDArray[np.int64]
    width: float

    def camera(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return eye and target, in the CRS: over a corner, at the middle of the city."""
        eye = np.array([-0.02, -0.06, 0.2]) * self.width
        return eye + ORIGIN, np.array([0.33, 0.37, 0.0]) * self.width + ORIGIN

    def orbit(self, number: int, of: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return one of several cameras around the middle."""
        angle, middle = 2 * np.pi * number / of, np.array([self.width / 2, self.width / 2, 0.0])
        aside = np.array([np.cos(angle), np.sin(angle), 0.36]) * 0.72 * self.width
        return middle + aside + ORIGIN, middle + ORIGIN


def city(side: int, cells: int, seed: int = 1) -> City:
    """Make a city of side x side houses, six of ten L-shaped, on cells x cells of ground."""
    random = np.random.default_rng(seed)
    width = side * STEP
    parts = [_ground(width, cells)]
    owners = [np.zeros(2 * cells * cells, np.int64)]
    places = np.stack(np.divmod(np.arange(side * side), side), 1)[:, ::-1] * STEP + 4
    bent = random.random(side * side) < 0.6
    for outline, chosen in ((ELL, bent), (SQUARE, ~bent)):
        numbers = np.flatnonzero(chosen)
        points, faces = _houses(outline, places[chosen], random)
        parts.append((points.reshape(-1, 3), faces.reshape(-1, 3)))
        owners.append(np.repeat(numbers + 1, faces.shape[1]))
    starts = np.cumsum([0, *(len(points) for points, _ in parts)])
    triangles = np.concatenate([f + s for (_, f), s in zip(parts, starts, strict=False)])
    return City(np.concatenate([p for p, _ in parts]), triangles, np.concatenate(owners), width)


def _ground(width: float, cells: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    line = np.linspace(0, width, cells + 1)
    x, y = np.meshgrid(line, line)
    z = 4 * np.sin(x / 97) + 3 * np.cos(y / 71)
    index = np.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    faces = np.concatenate(
        [np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)]
    )
    return np.stack([x, y, z], -1).reshape(-1, 3), faces


def _houses(
    outline: NDArray[np.float64], places: NDArray[np.float64], random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Walls and roofs, (houses, 2 n, 3) corners and (houses, faces, 3) triangles."""
    n, count = len(outline), len(places)
    plan = outline * random.uniform(8, 22, (count, 1, 2)) + places[:, None]
    low = np.full((count, n, 1), -9.0)
    high = np.broadcast_to(random.uniform(8, 45, (count, 1, 1)), (count, n, 1))
    points = np.concatenate([np.dstack([plan, low]), np.dstack([plan, high])], axis=1)
    ring = np.arange(n)
    other = (ring + 1) % n
    walls = [np.stack([ring, other, n + other], 1), np.stack([ring, n + other, n + ring], 1)]
    roof = np.array([(n, n + k, n + k + 1) for k in range(1, n - 1)])
    faces = np.concatenate([*walls, roof])
    return points, faces + (np.arange(count) * 2 * n)[:, None, None]
