"""PURE: `spatialIndex` as KML: a NetworkLink for each tile, followed when its region is in view."""

from typing import Final

import numpy as np

from gotapi_portrayal.data.types import Box
from gotapi_portrayal.scene.kml_elements import HEAD, TAIL, Area, area, network_link, region
from gotapi_portrayal.scene.kml_text import plain
from gotapi_portrayal.scene.kml_views import viewpoints
from gotapi_portrayal.scene.model import Frame, Scope, Tile

_LINKS: Final = 64  # of one document; a tile with more in it links to documents of its own
_SEEN: Final = 64  # pixels a tile takes on the screen before it is fetched
_POINTS: Final = 5  # of an edge of a box that is brought to degrees, where its edges bend


def links(scope: Scope, tile: Tile, place: str, suffix: str, media: str) -> bytes:
    """Return the document of links to what is in a tile."""
    view, views = "", ""
    if tile is scope.root:
        view, views = viewpoints(scope.frame, (0.0, 0.0, 0.0), scope.viewpoints)
    found = "".join(
        network_link(
            f"{scope.title} {one.path}",
            scope.url(place, f"{one.path}{suffix}", media),
            region(around(scope.frame, one.box), _SEEN if one.level else 0),
        )
        for one in spread(tile)
        if one.children or one.triangles
    )
    return "".join(
        (HEAD, f"<name>{plain(scope.title)}</name>\n", view, views, found, TAIL)
    ).encode()


def spread(tile: Tile) -> list[Tile]:
    """Return what one document links to: tiles that together hold all of a tile's content."""
    found = [tile]
    while True:
        opened = next((one for one in found if one.children), None)
        if opened is None or len(found) - 1 + len(opened.children) > _LINKS:
            break
        found.remove(opened)
        found.extend(opened.children)
    # A document that links to itself would never end.
    return list(tile.children) if found == [tile] and tile.children else found


def branch(scope: Scope, path: str, suffix: str) -> Tile | None:
    """Return the tile that a path of ours stands for."""
    return scope.tile(path.removesuffix(suffix)) if path.endswith(suffix) else None


def around(frame: Frame, box: Box) -> Area:
    """Return the box in degrees around a box of a CRS."""
    (west, south, low), (east, north, high) = box.low, box.high
    x, y = np.meshgrid(np.linspace(west, east, _POINTS), np.linspace(south, north, _POINTS))
    heights = np.resize((low, high), x.size)
    return area(frame.degrees(np.column_stack((x.ravel(), y.ravel(), heights))))
