"""A small city of our own making: houses in two levels of detail, a tower, trees, roads, hills.

It is written as files that anybody may look at, and imported as any others are.
"""

import json
import math
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from gotapi_portrayal.data.orders import Order

EAST, NORTH = 458_000.0, 5_438_000.0  # nowhere in particular, but in the UTM zone
CRS: Final = (
    "https://www.opengis.net/def/crs-compound?1=http://www.opengis.net/def/crs/EPSG/0/25832"
    "&2=http://www.opengis.net/def/crs/EPSG/0/7837"
)
_CRS_NAME: Final = "EPSG:25832+7837"
_BLOCKS, _BLOCK, _STREET = 8, 40.0, 12.0  # houses along a side, metres
_SIXTH: Final = math.tau / 6
_ROOFS: Final = ((0.62, 0.24, 0.16), (0.50, 0.30, 0.22), (0.35, 0.35, 0.38))
_NAMES: Final = ("Birch", "Mill", "Harbour", "Station", "Meadow", "Castle", "Bridge", "Lime")

Corner = tuple[float, float, float]


def height(east: float, north: float) -> float:
    """Return the height of the ground, in metres, at a place relative to the corner of the city."""
    return 210.0 + 6.0 * math.sin(east / 90.0) + 4.0 * math.cos(north / 70.0)


def write_demo(folder: Path) -> tuple[Order, ...]:
    """Write the files into a folder; returns how they are to be imported."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _facade().save(folder / "facade.png")
    (folder / "city.json").write_text(json.dumps(_City().document()))
    side = np.linspace(-100.0, _BLOCKS * (_BLOCK + _STREET) + 100.0, 60)
    heights = np.array([[height(east, north) for east in side] for north in side])
    np.savez(
        folder / "terrain.npz", elevation=heights - 0.2, crs=np.array(_CRS_NAME),
        xmin=EAST + side[0], xmax=EAST + side[-1], ymin=NORTH + side[0], ymax=NORTH + side[-1],
    )  # fmt: skip
    about = "Made by gotapi-hub for its demonstration; no real place."
    return (
        Order((str(folder / "city.json"),), "demo-city", "Demo city", abstract=about),
        Order((str(folder / "terrain.npz"),), "demo-terrain", "Demo terrain", abstract=about),
    )


@dataclass(slots=True)
class _City:
    vertices: dict[tuple[int, int, int], int] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        for column in range(_BLOCKS):
            for row in range(_BLOCKS):
                self._plot(column, row)
        self._roads()
        return {
            "type": "CityJSON",
            "version": "2.0",
            "metadata": {"referenceSystem": CRS, "title": "Demo city"},
            "transform": {"scale": [0.001] * 3, "translate": [EAST, NORTH, 0.0]},
            "CityObjects": self.objects,
            "vertices": [list(vertex) for vertex in self.vertices],
            "appearance": {
                "materials": [
                    {"name": f"roof {number}", "diffuseColor": colour}
                    for number, colour in enumerate(_ROOFS)
                ]
                + [{"name": "road", "diffuseColor": (0.3, 0.3, 0.32)},
                   {"name": "leaves", "diffuseColor": (0.2, 0.42, 0.16)}],
                "textures": [{"type": "PNG", "image": "facade.png", "wrapMode": "wrap"}],
                "vertices-texture": [[u, v] for v in range(8) for u in range(13)],
            },
            "geometry-templates": {
                "templates": [_tree()],
                "vertices-templates": [
                    *([math.cos(k * _SIXTH), math.sin(k * _SIXTH), 0.4] for k in range(6)),
                    [0.0, 0.0, 2.0],
                ],
            },
        }  # fmt: skip

    def _vertex(self, corner: Corner) -> int:
        key = (round(corner[0] * 1000), round(corner[1] * 1000), round(corner[2] * 1000))
        return self.vertices.setdefault(key, len(self.vertices))

    def _plot(self, column: int, row: int) -> None:
        """Build a house with a tree, or in the middle of the city a tower on a base."""
        west, south = column * (_BLOCK + _STREET), row * (_BLOCK + _STREET)
        number = column * _BLOCKS + row
        ground = height(west + _BLOCK / 2, south + _BLOCK / 2) - 0.5
        name, storeys = f"house-{number}", 2 + (number * 7) % 4
        tree = (west + 36, south + 36, height(west + 36, south + 36))
        width, depth = 14.0 + number % 5 * 4, 12.0 + number % 3 * 5
        ring = [
            (west + 8, south + 8), (west + 8 + width, south + 8),
            (west + 8 + width, south + 8 + depth), (west + 8, south + 8 + depth),
        ]  # fmt: skip
        eaves = ground + 0.5 + 3 * storeys
        self.objects[name] = {
            "type": "Building",
            "attributes": {
                "name": f"{_NAMES[row]} Street {2 * column + 1}",
                "storeysAboveGround": storeys,
                "measuredHeight": 3.0 * storeys + 4.0,
                "yearOfConstruction": 1890 + (number * 37) % 130,
            },
            "geometry": [
                self._box(ring, ground, eaves + 2),
                self._house(ring, ground, eaves, storeys, number % len(_ROOFS)),
            ],
        }
        if number == _BLOCKS * _BLOCKS // 2:
            self._tower(name, west + 20, south + 20, eaves)
        self.objects[f"tree-{number}"] = {
            "type": "SolitaryVegetationObject",
            "attributes": {"species": ("lime", "oak", "birch")[number % 3]},
            "geometry": [{
                "type": "GeometryInstance", "template": 0,
                "boundaries": [self._vertex(tree)],
                "transformationMatrix": [3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1],
            }],
        }  # fmt: skip

    def _tower(self, parent: str, west: float, south: float, base: float) -> None:
        ring = [(west, south), (west + 6, south), (west + 6, south + 6), (west, south + 6)]
        self.objects[parent]["children"] = ["tower"]
        self.objects["tower"] = {
            "type": "BuildingPart",
            "parents": [parent],
            "attributes": {"name": "Tower", "measuredHeight": 30.0},
            "geometry": [
                self._box(ring, base, base + 22),
                self._house(ring, base, base + 26, 7, 0),
            ],
        }

    def _box(self, ring: list[tuple[float, float]], low: float, high: float) -> dict[str, Any]:
        under = [self._vertex((x, y, low)) for x, y in ring]
        over = [self._vertex((x, y, high)) for x, y in ring]
        walls = [[[under[k], under[(k + 1) % 4], over[(k + 1) % 4], over[k]]] for k in range(4)]
        faces = [[under[::-1]], [over], *walls]
        return {"type": "Solid", "lod": "1", "boundaries": [faces]}

    def _house(
        self, ring: list[tuple[float, float]], low: float, eaves: float, storeys: int, roof: int
    ) -> dict[str, Any]:
        """A house with a ridge from west to east; its walls have the picture of a facade."""
        under = [self._vertex((x, y, low)) for x, y in ring]
        over = [self._vertex((x, y, eaves)) for x, y in ring]
        middle = (ring[0][1] + ring[3][1]) / 2
        ridge = [self._vertex((ring[k][0], middle, eaves + 4)) for k in (0, 1)]
        faces = [
            [under[::-1]],
            [[over[0], over[1], ridge[1], ridge[0]]],
            [[over[2], over[3], ridge[0], ridge[1]]],
            [[under[0], under[1], over[1], over[0]]],
            [[under[1], under[2], over[2], ridge[1], over[1]]],
            [[under[2], under[3], over[3], over[2]]],
            [[under[3], under[0], over[0], ridge[0], over[3]]],
        ]
        kinds = ["GroundSurface", "RoofSurface", "WallSurface"]
        windows = max(1, round(abs(ring[1][0] - ring[0][0]) / 3))
        places = [0, windows, 13 * storeys + windows, 13 * storeys]  # rows of 13 in the document
        plain: list[Any] = [[None]]
        walls = [[[0, *places]], plain, [[0, *places]], plain]
        return {
            "type": "Solid", "lod": "2", "boundaries": [faces],
            "semantics": {"surfaces": [{"type": kind} for kind in kinds],
                          "values": [[0, 1, 1, 2, 2, 2, 2]]},
            "material": {"visual": {"values": [[None, roof, roof, None, None, None, None]]}},
            "texture": {"visual": {"values": [[plain, plain, plain, *walls]]}},
        }  # fmt: skip

    def _roads(self) -> None:
        """Lay a road along each side of the blocks, in pieces that follow the ground."""
        length = _BLOCKS * (_BLOCK + _STREET)
        steps = np.linspace(0.0, length, 33).tolist()
        for number in range(_BLOCKS):
            side = number * (_BLOCK + _STREET) + _BLOCK
            for along, name in ((0, _NAMES[number]), (1, f"{_NAMES[number]} cross")):
                strips = []
                for begin, end in pairwise(steps):
                    ring = [(begin, side + 3), (end, side + 3), (end, side + 9), (begin, side + 9)]
                    ring = [(y, x) for x, y in ring[::-1]] if along else ring
                    corners = [self._vertex((x, y, height(x, y) + 0.1)) for x, y in ring]
                    strips += [[[*corners[:3]]], [[corners[0], *corners[2:]]]]
                self.objects[f"road-{number}-{along}"] = {
                    "type": "Road",
                    "attributes": {"name": f"{name} Street", "lanes": 2},
                    "geometry": [{"type": "MultiSurface", "lod": lod, "boundaries": strips,
                                  "material": {"visual": {"value": 3}}} for lod in ("1", "2")],
                }  # fmt: skip


def _tree() -> dict[str, Any]:
    """A crown of six sides, one metre in radius and two high; instances make it larger."""
    sides = [[[k, (k + 1) % 6, 6]] for k in range(6)]
    return {
        "type": "MultiSurface", "lod": "2", "boundaries": [*sides, [[5, 4, 3, 2, 1, 0]]],
        "material": {"visual": {"value": 4}},
    }  # fmt: skip


def _facade() -> Image.Image:
    """Draw a window in a wall."""
    image = Image.new("RGB", (64, 64), (214, 200, 178))
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 14, 44, 46), fill=(92, 112, 130), outline=(245, 245, 240), width=3)
    draw.line((32, 14, 32, 46), fill=(245, 245, 240), width=2)
    draw.line((0, 63, 63, 63), fill=(180, 166, 146))
    return image
