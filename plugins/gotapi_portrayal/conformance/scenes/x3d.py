"""PURE: X3D in XML: its elements, coordinates and links."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gotapi_core.conformance.model import expect
from gotapi_portrayal.conformance.scenes.shape import Shape, Triple, around
from gotapi_portrayal.conformance.xmlread import (
    Element,
    children,
    everywhere,
    local,
    numbers,
    parse,
)

Matrix = NDArray[np.float64]

_LINKS = ("Inline", "ImageTexture", "GeoLOD")
_SETS = ("IndexedFaceSet", "IndexedTriangleSet", "TriangleSet", "IndexedTriangleStripSet")
_GEO = ("GeoCoordinate", "GeoLocation", "GeoTransform", "GeoOrigin", "GeoElevationGrid", "GeoLOD")


def read_x3d(body: bytes) -> Shape:
    """Return what an X3D document holds; raises Failed where it is none."""
    root = parse(_without_doctype(body), "the X3D document")
    expect(local(root) == "X3D", f"the root is {local(root)!r}, not X3D")
    expect(bool(root.get("version")), "X3D has no version")
    scenes = children(root, "Scene")
    expect(len(scenes) == 1, f"X3D has {len(scenes)} elements Scene")
    faces = sum(_faces(one) for one in everywhere(scenes[0], *_SETS))
    grids = sum(1 for _ in everywhere(scenes[0], "ElevationGrid", "GeoElevationGrid"))
    links = tuple(_links(scenes[0]))
    geo = next(iter(everywhere(scenes[0], *_GEO)), None) is not None
    low, high = (None, None) if geo else around(_points(scenes[0], np.eye(4)))
    return Shape(faces + grids, low, high, links, vertical=1)


def _without_doctype(body: bytes) -> bytes:
    """Leave out the DOCTYPE that X3D itself prints in its examples; it is never read."""
    start = body.find(b"<!DOCTYPE", 0, 1024)
    end = body.find(b">", start)
    return body if start < 0 or b"[" in body[start:end] else body[:start] + body[end + 1 :]


def _links(scene: Element) -> Iterator[str]:
    for one in everywhere(scene, *_LINKS):
        names = ("url", "child1Url", "child2Url", "child3Url", "child4Url", "rootUrl")
        for value in (one.get(name, "") for name in names):
            yield from (word.strip('"') for word in value.split() if word.strip('"'))


def _faces(element: Element) -> int:
    if local(element) == "TriangleSet":
        return sum(
            len(numbers(one.get("point", ""), "points")) // 9 for one in _coordinates(element)
        )
    named = element.get("coordIndex") or element.get("index") or ""
    indices = numbers(named, "indices")
    points = sum(len(numbers(one.get("point", ""), "points")) // 3 for one in _coordinates(element))
    own = any(one.get("USE") for one in children(element))
    expect(own or not indices or max(indices) < points, "an index goes beyond the points")
    if local(element) == "IndexedTriangleSet":
        return len(indices) // 3
    return sum(1 for one in indices if one < 0) + (1 if indices and indices[-1] >= 0 else 0)


def _coordinates(element: Element) -> list[Element]:
    return children(element, "Coordinate", "CoordinateDouble", "GeoCoordinate")


def _points(element: Element, matrix: Matrix) -> Iterator[Triple]:
    name = local(element)
    if name == "Transform":
        matrix = matrix @ _matrix(element)
    if name in ("Coordinate", "CoordinateDouble"):
        flat = np.array(numbers(element.get("point", ""), "points"))
        expect(len(flat) % 3 == 0, "points are no triples")
        if len(flat):
            placed = flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
            for end in (placed.min(axis=0), placed.max(axis=0)):
                yield float(end[0]), float(end[1]), float(end[2])
    for child in children(element):
        yield from _points(child, matrix)


def _matrix(element: Element) -> Matrix:
    def vector(name: str, default: str) -> NDArray[np.float64]:
        return np.array(numbers(element.get(name, default), name))

    x, y, z, angle = vector("rotation", "0 0 1 0")
    axis = np.array((x, y, z)) / (np.linalg.norm((x, y, z)) or 1.0)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turned = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    centre = vector("center", "0 0 0")
    found = np.eye(4)
    found[:3, :3] = turned * vector("scale", "1 1 1")
    found[:3, 3] = vector("translation", "0 0 0") + centre - found[:3, :3] @ centre
    return found
