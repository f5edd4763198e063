"""PURE: is a model fit to be printed? Lengths are millimetres, +Z is up."""

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.mesh import Floats, Mesh
from gotapi_meshes.report import Area, Finding, MeshReport, Severity
from gotapi_meshes.topology import Topology, degenerate, normals, topology
from gotapi_meshes.walls import Walls, walls

_STEEPEST: Final = np.cos(np.radians(45.0))
_ON_BED: Final = 0.2  # millimetres: one layer
_TINY: Final = 2.0  # millimetres: a model smaller than this is in another unit, or dust
_LITTLE_REST: Final = 20.0  # square millimetres that hold a print of some centimetres
_MUCH_OVERHANG: Final = 0.02  # of the surface


@dataclass(frozen=True, slots=True)
class Demands:
    """What the print asks of the model."""

    area: Area
    line_width: float = 0.45
    layer_height: float = 0.2
    repairs: bool = False
    """Whether the slicer closes holes itself."""


def check(kind: str, mesh: Mesh, demands: Demands) -> MeshReport:
    """Look at a model in every way that matters for printing."""
    directions, areas = normals(mesh)
    edges = topology(mesh)
    sampled = walls(mesh, directions)
    x, y, z = (round(float(side), 3) for side in mesh.size)
    measured = MeshReport(
        kind=kind,
        triangles=len(mesh.triangles),
        vertices=len(mesh.vertices),
        size=(x, y, z),
        volume=round(mesh.volume(), 3),
        surface=round(float(areas.sum()), 3),
        watertight=edges.watertight,
        parts=edges.parts,
        degenerate=degenerate(areas),
        open_edges=edges.open_edges,
        crowded_edges=edges.crowded_edges,
        flipped_edges=edges.flipped_edges,
        thinnest_wall=None if sampled.thinnest is None else round(sampled.thinnest, 3),
        wall_pitch=round(sampled.pitch, 3),
        overhang=round(_overhang(mesh, directions, areas), 4),
        resting_area=round(_resting(mesh, directions, areas), 2),
        findings=(),
    )
    found = (
        *_of_size(measured, demands, mesh.unit_known),
        *_of_surface(measured, edges, demands),
        *_of_shape(measured, sampled, demands),
    )
    return msgspec.structs.replace(measured, findings=found)


def _overhang(mesh: Mesh, directions: Floats, areas: Floats) -> float:
    total = float(areas.sum())
    hanging = (directions[:, 2] < -_STEEPEST - 1e-6) & ~_lying(mesh)
    return float(areas[hanging].sum()) / total if total > 0 else 0.0


def _resting(mesh: Mesh, directions: Floats, areas: Floats) -> float:
    down = np.maximum(-directions[:, 2], 0.0)
    return float((areas * down)[_lying(mesh)].sum())


def _lying(mesh: Mesh) -> NDArray[np.bool_]:
    highest = mesh.corners()[:, :, 2].max(axis=1)
    lying: NDArray[np.bool_] = highest <= mesh.low[2] + _ON_BED
    return lying


def _of_size(report: MeshReport, demands: Demands, unit_known: bool) -> list[Finding]:
    size, area = report.size, demands.area
    shown = _dimensions(size)
    found = []
    names = ("wide", "deep", "high")
    over = [
        f"{value:.1f} mm {name} where {room:.0f} mm fit"
        for value, room, name in zip(size, area.size, names, strict=True)
        if value > room
    ]
    if over:
        unit = "" if unit_known or max(size) < 1000 else _unit_hint(max(size) / 1000, 0.001)
        words = f"the model is too large: {', '.join(over)}; make it smaller with scale{unit}"
        found.append(Finding(Severity.ERROR if area.known else Severity.WARNING, "size", words))
    elif max(size) < _TINY:
        words = f"the model is only {shown}{_unit_hint(max(size) * 1000, 1000)}"
        found.append(Finding(Severity.WARNING, "tiny", words))
    if size[2] < demands.layer_height / 2:
        words = f"the model is {size[2]:g} mm high, less than half a layer; make it larger"
        found.append(Finding(Severity.ERROR, "flat", words))
    if not area.known:
        words = f"the printer does not tell its size; {_dimensions(area.size)} is assumed"
        found.append(Finding(Severity.INFO, "area", words))
    return found


def _unit_hint(largest: float, scale: float) -> str:
    return (
        f"; perhaps it was drawn in another unit: with scale={scale:g} its longest side is "
        f"{largest:.4g} mm"
    )


def _of_surface(report: MeshReport, edges: Topology, demands: Demands) -> list[Finding]:
    found = []
    if not edges.watertight:
        words = (
            f"the surface is not closed: {report.open_edges} open, {report.flipped_edges} "
            f"turned over and {report.crowded_edges} crowded edges; "
        )
        if demands.repairs:
            found.append(
                Finding(Severity.WARNING, "open", words + "the slicer will try to repair it")
            )
        else:
            found.append(Finding(Severity.ERROR, "open", words + "repair it, or export a solid"))
    elif report.crowded_edges:
        words = f"{report.crowded_edges} edges are shared by more than two triangles"
        found.append(Finding(Severity.WARNING, "crowded", words))
    if edges.watertight and report.volume < 0:
        words = "the surface is inside out; it is printed as if it were not"
        found.append(Finding(Severity.WARNING, "inside-out", words))
    elif edges.watertight and report.volume == 0:
        found.append(Finding(Severity.ERROR, "empty", "the model encloses nothing"))
    if report.degenerate:
        words = f"{report.degenerate} triangles have no area; they are passed over"
        found.append(Finding(Severity.INFO, "degenerate", words))
    return found


def _of_shape(report: MeshReport, sampled: Walls, demands: Demands) -> list[Finding]:
    found = []
    least = 2 * demands.line_width
    if sampled.thinnest is not None and sampled.thinnest < least:
        words = (
            f"the thinnest walls are about {sampled.thinnest:.2f} mm; below {least:.1f} mm (two "
            f"lines) they may be left out (sampled every {sampled.pitch:.2f} mm)"
        )
        found.append(Finding(Severity.WARNING, "thin", words))
    if report.overhang > _MUCH_OVERHANG:
        words = (
            f"{report.overhang:.0%} of the surface hangs over by more than 45 degrees; it needs "
            "support, or another side down"
        )
        found.append(Finding(Severity.WARNING, "overhang", words))
    if report.resting_area < _LITTLE_REST:
        words = (
            f"it stands on only {report.resting_area:.1f} mm2; it may come off the bed: give it a "
            "flat foot or a brim"
        )
        found.append(Finding(Severity.WARNING, "rest", words))
    if report.parts > 1:
        words = f"the model has {report.parts} separate surfaces"
        found.append(Finding(Severity.INFO, "parts", words))
    return found


def _dimensions(size: tuple[float, float, float]) -> str:
    return " x ".join(f"{value:.4g}" for value in size) + " mm"
