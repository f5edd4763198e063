"""PURE: a mesh into G-code, from the sections to the last line; always the same for the same."""

from collections.abc import Callable, Iterator
from math import ceil

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gotapi_meshes.errors import MeshError
from gotapi_meshes.mesh import Mesh, moved
from gotapi_printer.files.embedded.paths import paths, skirt
from gotapi_printer.files.embedded.regions import Layer, layers, outline
from gotapi_printer.files.embedded.sections import sections
from gotapi_printer.files.embedded.writer import Writer
from gotapi_printer.files.options import Profile

MOST_LAYERS = 20_000
"""Layers; a metre of 0.05 mm."""

Progress = Callable[[float], None]


def slice_mesh(mesh: Mesh, profile: Profile, progress: Progress = lambda _: None) -> Iterator[str]:
    """Yield the lines of the G-code; `progress` hears shares from 0 to 1. Raises MeshError."""
    centred = _centred(mesh, profile)
    try:
        made = layers(_outlines(centred, profile, progress), profile)
        progress(0.5)
        yield from _written(made, profile, progress)
    except shapely.errors.GEOSException as error:
        raise MeshError("its contours cross in a way that cannot be sliced; repair it") from error


def _centred(mesh: Mesh, profile: Profile) -> Mesh:
    """Return the mesh with its foot on the bed and in its middle."""
    area = profile.area
    over = [side > room for side, room in zip(mesh.size, area.size, strict=True)]
    if any(over):
        size = " x ".join(f"{side:.1f}" for side in mesh.size)
        room = " x ".join(f"{side:.0f}" for side in area.size)
        raise MeshError(f"the model has {size} mm and the printer {room} mm; use a smaller scale")
    if mesh.volume() < 0:  # inside out: every section would be a hole
        mesh = Mesh(mesh.vertices, mesh.triangles[:, ::-1], mesh.unit_known)
    middle = (mesh.low + mesh.high) / 2
    x, y = area.centre
    return moved(mesh, 1.0, (x - middle[0], y - middle[1], -mesh.low[2]))


def _outlines(mesh: Mesh, profile: Profile, progress: Progress) -> list[BaseGeometry]:
    height = profile.layer_height
    # A last layer of less than half its height is left out: its section would be above the top.
    count = max(1, ceil(round(float(mesh.high[2]) / height - 0.5, 6)))
    if count > MOST_LAYERS:
        raise MeshError(f"it makes {count:,} layers, and {MOST_LAYERS:,} are sliced")
    heights = ((np.arange(count) + 0.5) * height).astype(np.float64)
    found = []
    for number, loops in enumerate(sections(mesh, heights)):
        found.append(outline(loops))
        progress(0.4 * number / count)
    if all(area.is_empty for area in found):
        raise MeshError("no layer of it can be printed; its surface encloses nothing")
    return found


def _written(made: list[Layer], profile: Profile, progress: Progress) -> Iterator[str]:
    writer = Writer(profile)
    yield from writer.head(len(made))
    for number, layer in enumerate(made):
        drawn = paths(layer, number, profile, writer.place)
        if number == 0 and _fits_skirt(layer.outline, profile):
            drawn = [*skirt(layer.outline, profile), *drawn]
        yield from writer.layer(number, drawn)
        progress(0.5 + 0.5 * (number + 1) / len(made))
    yield from writer.tail(len(made) * profile.layer_height)


def _fits_skirt(first: BaseGeometry, profile: Profile) -> bool:
    if first.is_empty:
        return False
    reach = profile.skirt_distance + profile.skirt_loops * profile.line_width
    low_x, low_y, high_x, high_y = first.bounds
    low, high = profile.area.low, profile.area.high
    return (
        low_x - reach >= low[0]
        and low_y - reach >= low[1]
        and high_x + reach <= high[0]
        and high_y + reach <= high[1]
    )
