"""PURE: the nodes of an i3s layer: a number for each tile, pages of them, and their documents."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import pi
from typing import Final

from gotapi_portrayal.scene.i3s_attributes import Field
from gotapi_portrayal.scene.i3s_space import Volume, volume
from gotapi_portrayal.scene.model import Frame, Tile

PAGE: Final = 64
"""Nodes of a page: what I3S recommends."""
_SEEN: Final = 64.0  # pixels of a node's sphere on the screen from which what is in it is fetched
_MISSED: Final = 16.0  # pixels of the largest feature that what stands for a node leaves out
_CLOSE: Final = 4096.0  # of a node with nothing finer in it: never exceeded

Link = Callable[[str], str]
"""From a path within the layer, `nodes/3/geometries/0`, to its address."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A tile as a node of the layer."""

    number: int
    parent: int  # -1 for none
    level: int
    tile: Tile
    volume: Volume
    children: tuple[int, ...]

    @property
    def threshold(self) -> float:
        """Pixels of its sphere above which its children are to be shown instead."""
        if not self.children:
            return _CLOSE
        if not self.tile.shown or self.tile.missing <= 0:
            return _SEEN
        sphere = 2 * self.volume.radius * self.volume.unit
        return min(_CLOSE, max(_SEEN, _MISSED * sphere / self.tile.missing))


@dataclass(frozen=True, slots=True)
class Made:
    """What a page says of the content of a node."""

    vertices: int
    features: int
    material: int
    texels: int = 0


def nodes(frame: Frame, root: Tile) -> tuple[Node, ...]:
    """Return all nodes by their numbers, level by level from the root, 0."""
    order: list[tuple[Tile, int, int]] = [(root, -1, 0)]
    children: list[tuple[int, ...]] = []
    for number, (tile, _, level) in enumerate(order):  # grows while it is walked
        first = len(order)
        order.extend((child, number, level + 1) for child in tile.children)
        children.append(tuple(range(first, len(order))))
    return tuple(
        Node(number, parent, level, tile, volume(frame, tile.box), children[number])
        for number, (tile, parent, level) in enumerate(order)
    )


def page(found: Sequence[Node], made: Mapping[int, Made]) -> dict[str, object]:
    """Return a page of nodes (nodePage)."""
    return {"nodes": [_entry(node, made.get(node.number)) for node in found]}


def _entry(node: Node, made: Made | None) -> dict[str, object]:
    entry: dict[str, object] = {
        "index": node.number,
        "lodThreshold": pi / 4 * node.threshold**2,  # maxScreenThresholdSQ: an area
        "obb": node.volume.obb,
    }
    if node.parent >= 0:
        entry["parentIndex"] = node.parent
    if node.children:
        entry["children"] = node.children
    if made is not None and made.vertices:
        geometry = {
            "definition": 0,
            "resource": node.number,
            "vertexCount": made.vertices,
            "featureCount": made.features,
        }
        material = {"definition": made.material, "resource": node.number}
        if made.texels:
            material["texelCountHint"] = made.texels
        entry["mesh"] = {
            "geometry": geometry,
            "material": material,
            "attribute": {"resource": node.number},
        }
    return entry


def document(
    node: Node, found: Sequence[Node], made: Made | None, fields: Sequence[Field], link: Link
) -> dict[str, object]:
    """Return the index document of a node, as readers of I3S 1.6 want it."""
    here = f"nodes/{node.number}"
    entry: dict[str, object] = {
        "id": _name(node),
        "level": node.level,
        "mbs": node.volume.mbs,
        "obb": node.volume.obb,
        "lodSelection": [
            {"metricType": "maxScreenThresholdSQ", "maxError": pi / 4 * node.threshold**2},
            {"metricType": "maxScreenThreshold", "maxError": node.threshold},
        ],
    }
    if node.parent >= 0:
        entry["parentNode"] = _reference(found[node.parent], link)
    if node.children:
        entry["children"] = [_reference(found[number], link) for number in node.children]
    if made is not None and made.vertices:
        entry["sharedResource"] = {"href": link(f"{here}/shared")}
        entry["featureData"] = [{"href": link(f"{here}/features/0")}]
        entry["geometryData"] = [{"href": link(f"{here}/geometries/0")}]
        entry["attributeData"] = [
            {"href": link(f"{here}/attributes/{one.key}/0")} for one in fields
        ]
        if made.texels:
            picture = picture_of(made.material)
            entry["textureData"] = [{"href": link(f"{here}/textures/{picture}")}]
    return entry


def _reference(node: Node, link: Link) -> dict[str, object]:
    return {
        "id": _name(node),
        "href": link(f"nodes/{_name(node)}"),
        "mbs": node.volume.mbs,
        "obb": node.volume.obb,
    }


def _name(node: Node) -> str:
    return str(node.number) if node.number else "root"


def material_of(textured: bool, opaque: bool) -> int:
    """Return the number of the material of a node, an index into `materialDefinitions`."""
    return 2 * textured + (not opaque)


def picture_of(material: int) -> int:
    """Return the name of the texture that nodes of a material have: 0 for JPEG, 1 for PNG."""
    return material - 2
