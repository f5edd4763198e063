"""PURE: what an engine made into files: checked, thinned out, coloured, written and reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from manifold3d import Manifold

from gotapi_creation.engine.base import Bytes, Floats, Model, StructuralObject
from gotapi_creation.engine.colours import coloured
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import Report, View, Warned
from gotapi_creation.engine.raster import shadow
from gotapi_creation.engine.structure import overlap
from gotapi_creation.engine.surface import (
    Surface,
    checked,
    decimated,
    largest,
    on_foot,
    outwards,
    simplified,
    solid_of,
    sound,
    surface_of,
)
from gotapi_meshes.glb_writer import write_glb
from gotapi_meshes.mesh import Mesh
from gotapi_meshes.stl import write_binary
from gotapi_meshes.threemf_writer import write_3mf
from gotapi_meshes.topology import topology

_LOST: Final = 0.01  # of the volume
_TRIED: Final = (1.0, 0.96, 0.92, 0.88)
_LEAST: Final = 200  # triangles
_PLATE: Final = 400
"""Triangles that a foot plate adds at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A finished model in the frame of the figure, and what is to be said about it."""

    surface: Surface
    colours: Bytes
    solid: Manifold
    warnings: tuple[Warned, ...]


def finished(model: Model, job: StructuralObject) -> Made:
    """Make an engine's model good for printing; raises CreationError where it cannot be."""
    surface = checked(Surface(model.vertices, model.triangles))
    warnings = []
    whole, lost = largest(outwards(surface))
    if lost > _LOST:
        words = f"loose parts with {lost:.0%} of the volume were left out; draw them joined"
        warnings.append(Warned("parts", words))
    thin, solid = _thinned(whole, job)
    if not sound(solid):
        words = "the surface is not closed; a slicer must repair it before it can be printed"
        warnings.append(Warned("open", words))
    elif job.detail.foot:
        thin = on_foot(thin)
        solid = solid_of(thin)
    if thin.volume() <= 0:
        raise CreationError("engine", "the model has no inside; try other drawings")
    kept = model.colours is not None and len(thin.vertices) == len(model.vertices)
    colours = model.colours if kept and model.colours is not None else coloured(thin, job)
    return Made(thin, colours, solid, tuple(warnings))


def _thinned(whole: Surface, job: StructuralObject) -> tuple[Surface, Manifold]:
    """Return the surface with few triangles and its solid; good where the whole one is.

    Rarely two strands of a thin surface meet in one edge: another count of triangles helps.
    """
    most = max(_LEAST, job.detail.triangles - (_PLATE if job.detail.foot else 0))
    for share in _TRIED:
        thin, solid = _one_piece(decimated(whole, int(most * share)))
        if _good(thin, solid) or len(whole.triangles) <= most:
            return thin, solid
    if sound(solid_of(whole)):
        return _one_piece(simplified(whole, most))
    return thin, solid


def _one_piece(surface: Surface) -> tuple[Surface, Manifold]:
    """Leave out what hangs on by an edge only; a slicer would see an edge of four triangles."""
    solid = solid_of(surface)
    pieces = solid.decompose() if sound(solid) else []
    if len(pieces) < 2:
        return surface, solid
    kept = max(pieces, key=lambda piece: piece.volume())
    return surface_of(kept), kept


def _good(surface: Surface, solid: Manifold) -> bool:
    edges = topology(printed(surface))
    return sound(solid) and not edges.crowded_edges and edges.parts == 1


def printed(surface: Surface) -> Mesh:
    """Return the mesh as printers have it: +Z up, the front towards -Y, standing on z = 0."""
    x, y, z = surface.vertices.T
    vertices = np.column_stack([x, -z, y])
    # Single precision now, so that all files hold the same numbers.
    return Mesh(_single(vertices), surface.triangles.astype(np.uint32), True)


def _single(values: Floats) -> Floats:
    return values.astype(np.float32).astype(np.float64)


def files(made: Made) -> dict[str, bytes]:
    """Return the model files by name."""
    mesh = printed(made.surface)
    return {
        "model.glb": write_glb(mesh, made.colours),
        "model.stl": write_binary(mesh),
        "model.3mf": write_3mf(mesh, made.colours),
    }


def report(
    made: Made,
    model: Model,
    job: StructuralObject,
    engine: str,
    sizes: Mapping[str, int],
    warnings: tuple[Warned, ...],
    seconds: float,
) -> Report:
    """Look at what was made the way a slicer does."""
    mesh = printed(made.surface)
    edges = topology(mesh)
    good = sound(made.solid)
    x, y, z = (round(float(side), 3) for side in mesh.size)
    return Report(
        engine=engine,
        template=job.template,
        views=tuple(job.masks),
        triangles=len(mesh.triangles),
        vertices=len(mesh.vertices),
        size=(x, y, z),
        volume=round(mesh.volume(), 3),
        surface=round(float(made.solid.surface_area()) if good else 0.0, 3),
        watertight=edges.watertight and not edges.open_edges,
        manifold=good and not edges.crowded_edges,
        parts=edges.parts,
        genus=int(made.solid.genus()) if good else 0,
        coloured=True,
        agreement=agreement(made.surface, job),
        profiles={name: round(value, 2) for name, value in (model.profiles or {}).items()},
        warnings=(*warnings, *made.warnings),
        files=dict(sizes),
        seconds=round(seconds, 3),
    )


def agreement(surface: Surface, job: StructuralObject) -> dict[View, float]:
    """Return how well the outline of a model covers each drawing, 0 to 1.

    A foot plate covers what is around the feet and counts against it.
    """
    found = {}
    x, y, z = surface.vertices.T / job.pixel
    for view, mask in job.masks.items():
        rows, columns = mask.shape
        right = {View.FRONT: x, View.BACK: -x, View.RIGHT: z}[view]
        corners = np.column_stack([right + columns / 2 - 0.5, rows - y - 0.5])[surface.triangles]
        found[view] = round(overlap(mask, shadow(corners, (rows, columns))), 4)
    return found
