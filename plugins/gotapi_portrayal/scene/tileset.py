"""Scenes as 3D Tiles 1.1: an explicit tree of tiles with GLB in them (OGC 22-025r4)."""

import math
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.data.types import Box, Triple
from gotapi_portrayal.scene.frames import geocentric
from gotapi_portrayal.scene.gltf import GENERATOR, document, packed
from gotapi_portrayal.scene.gltf_buffers import Json
from gotapi_portrayal.scene.model import Frame, Mesh, SceneModel, Scope, Tile

PLACE: Final = "tiles"
MEDIA: Final = "application/json+3dtiles"
GLB: Final = "model/gltf-binary"
_SUFFIX: Final = ".glb"
_EDGE: Final = 5  # points of an edge of a box, which bends in another CRS

Points = NDArray[np.float64]


def index(scope: Scope) -> bytes:
    """Return the tileset of a request."""
    root = scope.root
    (west, south, low), (east, north, high) = root.box.low, root.box.high
    size = np.array((east - west, north - south, high - low)) * scope.frame.unit
    tileset: Json = {
        "asset": {"version": "1.1", "generator": GENERATOR, "extras": {"title": scope.title}},
        "geometricError": max(float(np.linalg.norm(size)), 1.0),  # of showing nothing
        "root": _tile(scope, root, np.eye(4)),
    }
    return msgspec.json.encode(tileset)


def resource(scope: Scope, path: str) -> Answer | None:
    """Return the content of a tile, `2-1-3.glb`."""
    tile = scope.tile(path.removesuffix(_SUFFIX)) if path.endswith(_SUFFIX) else None
    if tile is None or not tile.shown:
        return None
    alone = replace(tile, children=())
    return Answer(_content(scope.scene(alone), tile.box.centre), GLB)


def _tile(scope: Scope, tile: Tile, above: Points) -> Json:
    """Return a tile; `above` is what the tiles it is in do to its own transform."""
    axes, place = axes_at(scope.frame, tile.box.centre)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, place
    relative = np.linalg.solve(above, matrix)
    found: Json = {
        "boundingVolume": _volume(scope.frame, tile.box),
        "geometricError": tile.missing,
        # What stands for the children goes when they are there.
        "refine": "REPLACE" if tile.children and tile.shown else "ADD",
        "transform": relative.T.reshape(-1).tolist(),
    }
    if tile.shown:
        found["content"] = {"uri": scope.url(PLACE, f"{tile.path}{_SUFFIX}", GLB)}
    if tile.children:
        found["children"] = [_tile(scope, child, matrix) for child in tile.children]
    return found


def _volume(frame: Frame, box: Box) -> Json:
    """Return the volume of a tile: a region on earth, elsewhere a box around its middle.

    Regions do not move with a tile, boxes do.
    """
    if not frame.on_earth:
        x, y, z = ((high - low) / 2 for low, high in zip(box.low, box.high, strict=True))
        return {"box": [0.0, 0.0, 0.0, x, 0.0, 0.0, 0.0, y, 0.0, 0.0, 0.0, z]}
    (west, south, low), (east, north, high) = box.low, box.high
    grid = np.meshgrid(np.linspace(west, east, _EDGE), np.linspace(south, north, _EDGE))
    flat = [one.ravel() for one in grid]
    edges = frame.degrees(np.column_stack((*flat, np.zeros(_EDGE**2))))
    (w, s), (e, n) = edges[:, :2].min(axis=0).tolist(), edges[:, :2].max(axis=0).tolist()
    return {"region": [*map(math.radians, (w, s, e, n)), low, high]}


def axes_at(frame: Frame, middle: Triple) -> tuple[Points, Points]:
    """Return the axes (columns) and the place of a local frame; geocentric where on earth."""
    point = np.array([middle])
    if not frame.on_earth:
        return np.eye(3), point[0]
    longitude, latitude = np.radians(frame.degrees(point)[0, :2])
    sin_e, cos_e, sin_n, cos_n = (
        float(one)
        for one in (np.sin(longitude), np.cos(longitude), np.sin(latitude), np.cos(latitude))
    )
    east = (-sin_e, cos_e, 0.0)
    north = (-sin_n * cos_e, -sin_n * sin_e, cos_n)
    up = (cos_n * cos_e, cos_n * sin_e, sin_n)
    return np.array((east, north, up)).T, geocentric(frame, point)[0]


def _content(scene: SceneModel, middle: Triple) -> bytes:
    """Return a scene as GLB, relative to a local frame that is true to shape."""
    axes, place = axes_at(scene.frame, middle)

    def moved(mesh: Mesh) -> Mesh:
        points = mesh.vertices.astype(np.float64) + scene.origin
        if scene.frame.on_earth:
            points = geocentric(scene.frame, points)
        local = ((points - place) @ axes).astype(np.float32)
        return replace(mesh, vertices=local, unit=(1.0, 1.0, 1.0))

    nowhere = (0.0, 0.0, 0.0)
    local = replace(
        scene,
        frame=Frame("", ""),  # of the tile: metres, x east
        origin=nowhere,
        place=nowhere,
        offset=None,
        offset_mode="",
        meshes=tuple(map(moved, scene.meshes)),
    )
    return packed(*document(local))
