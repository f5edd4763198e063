"""What `spatialIndex` is answered with in X3D and VRML97: GeoLOD or LOD, and tiles by their links.

Only tiles without children have something in them. Far away nothing is shown, so what is near
enough to be seen is generous: a browser has to load all tiles for a view of the whole only where
there are few.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.scene.model import SceneModel, Scope, Tile
from gotapi_portrayal.scene.vrml_text import classic, vrml97
from gotapi_portrayal.scene.x3d_nodes import Node, Nodes, Use
from gotapi_portrayal.scene.x3d_placing import Placing
from gotapi_portrayal.scene.x3d_scene import Manner, nodes, placing_of, surroundings, world_info
from gotapi_portrayal.scene.x3d_xml import document

PLACE: Final = "x3d"
XML: Final = "model/x3d+xml"
CLASSIC: Final = "model/x3d+vrml"
VRML: Final = "model/vrml"
_SUFFIXES: Final = {XML: ".x3d", CLASSIC: ".x3dv", VRML: ".wrl"}
_NEAR: Final = 12.0
"""Diagonals of a tile from where what is in it is shown."""
_ALWAYS: Final = 1e8
"""Metres: the root is shown from everywhere on earth."""


def index(scope: Scope) -> bytes:
    """Return the document of links to the tiles of the first level."""
    scene = _empty(scope)
    manner = _manner(scope)
    placing = placing_of(scene, manner)
    around = [world_info(scene, placing), *surroundings(scene, placing, scope.root.box)]
    return written([*around, *_links(scope, placing, scope.root)], scope.title, scope.media)


def resource(scope: Scope, path: str) -> Answer | None:
    """Return a tile: links to those in it, or what it shows."""
    suffix = _SUFFIXES[scope.media]
    tile = scope.tile(path.removesuffix(suffix)) if path.endswith(suffix) else None
    if tile is None:
        return None
    manner = _manner(scope)
    if tile.children:
        placing = placing_of(_empty(scope), manner)
        found: Nodes = _links(scope, placing, tile)
    else:
        # Of one place for all tiles, else those of a CRS that is stretched would not fit.
        found = nodes(replace(scope.scene(tile), frame=scope.frame), manner)
    return Answer(written(found, scope.title, scope.media), scope.media)


def written(children: Nodes, title: str, media: str) -> bytes:
    """Return nodes as a document of one of the encodings."""
    meta = (("title", title), ("generator", "gotapi-hub"))
    if media == XML:
        return document(children, meta)
    return classic(children, meta) if media == CLASSIC else vrml97(children)


def _manner(scope: Scope) -> Manner:
    return Manner(vrml97=scope.media == VRML, tile=True, geo_origin=scope.root.box.centre)


def _empty(scope: Scope) -> SceneModel:
    """Return the scene without what is in it, relative to the origin of the CRS."""
    scene = scope.scene(scope.root)  # which has nothing in it, or is the only tile
    x, y, z = scene.offset or (0.0, 0.0, 0.0)
    return replace(
        scene,
        frame=scope.frame,
        origin=(0.0, 0.0, 0.0),
        place=(-x, -y, -z) if scene.offset_mode == "subtract" else (0.0, 0.0, 0.0),
        viewpoints=scope.viewpoints,
    )


def _links(scope: Scope, placing: Placing, tile: Tile) -> list[Node | Use]:
    shown = tile.children or ((tile,) if tile.triangles else ())
    suffix = _SUFFIXES[scope.media]
    urls = [scope.url(PLACE, f"{one.path}{suffix}", scope.media) for one in shown]
    if not urls:
        return []
    size = (np.array(tile.box.high) - np.array(tile.box.low)) * scope.frame.unit
    near = round(float(np.linalg.norm(size)) * _NEAR, 1)
    return [placing.when_near(tile.box.centre, near if tile.level else _ALWAYS, urls)]
