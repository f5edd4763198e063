"""GetScene as i3s: a 3DObject layer of I3S 1.7 whose nodes come by GetResourceById."""

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import msgspec
import numpy as np

from gotapi_portrayal.answers import Answer
from gotapi_portrayal.scene.i3s_attributes import buffer as attribute_buffer
from gotapi_portrayal.scene.i3s_attributes import fields, values
from gotapi_portrayal.scene.i3s_geometry import Content, buffer, content
from gotapi_portrayal.scene.i3s_layer import layer, shared
from gotapi_portrayal.scene.i3s_space import places
from gotapi_portrayal.scene.i3s_tree import (
    PAGE,
    Made,
    Node,
    document,
    material_of,
    nodes,
    page,
    picture_of,
)
from gotapi_portrayal.scene.kml_elements import Area, area
from gotapi_portrayal.scene.kml_where import check
from gotapi_portrayal.scene.model import SceneModel, Scope

if TYPE_CHECKING:
    from gotapi_portrayal.scene.i3s_atlas import Atlas

I3S: Final = "application/vnd.esri.i3s.json+gzip"
BYTES: Final = "application/octet-stream"
_PLACE: Final = "i3s"
_LAYER: Final = "layers/0"
_NODE: Final = re.compile(
    rf"{_LAYER}/nodes/(?P<node>root|\d{{1,9}})(?:/(?P<kind>geometries|attributes|features|textures|"
    r"shared)(?:/(?P<name>[a-z0-9_]{1,9})(?:/0)?)?)?"
)
_PAGES: Final = re.compile(rf"{_LAYER}/nodepages/(\d{{1,9}})")
_LEVEL: Final = 5  # of gzip: half the time of 9 for a few percent more


def index(scope: Scope) -> bytes:
    """Return the document of the layer, compressed; raises OwsError for what i3s cannot have."""
    check(scope.frame, None, I3S)
    return _packed(_layer(scope))


def resource(scope: Scope, path: str) -> Answer | None:
    """Return what a path within the service stands for: the layer, pages, and parts of nodes."""
    if path == _LAYER:
        return _json(_layer(scope))
    if found := _PAGES.fullmatch(path):
        return _page(scope, int(found[1]))
    if found := _NODE.fullmatch(path):
        number = 0 if found["node"] == "root" else int(found["node"])
        every = nodes(scope.frame, scope.root)
        if number < len(every):
            return _of_node(scope, every, every[number], found["kind"] or "", found["name"] or "")
    return None


def _layer(scope: Scope) -> dict[str, object]:
    box = scope.root.box
    grid = np.stack(
        np.meshgrid(*(np.linspace(a, b, 5) for a, b in zip(box.low, box.high, strict=True))), -1
    )
    extent: Area = area(places(scope.frame, grid.reshape(-1, 3)))
    link = _links(scope)
    return layer(
        scope.title,
        scope.frame,
        extent,
        fields(scope.attributes),
        _by_path(scope.url(_PLACE, _LAYER, I3S)),
        link("nodes/root"),
    )


def _by_path(url: str) -> str:
    """Return an address as a path: i3s clients add `/nodepages/0` to that of the layer."""
    service, _, query = url.partition("?")
    [resource] = parse_qs(query)["resourceId"]
    return f"{service}/resources/{resource}"


def _links(scope: Scope) -> Callable[[str], str]:
    def link(path: str) -> str:
        kind = path.split("/")
        media = I3S
        if "geometries" in kind or "attributes" in kind:
            media = BYTES
        elif "textures" in kind:
            media = "image/png" if kind[-1] == "1" else "image/jpeg"
        return scope.url(_PLACE, f"{_LAYER}/{path}", media)

    return link


def _page(scope: Scope, number: int) -> Answer | None:
    every = nodes(scope.frame, scope.root)
    found = every[number * PAGE : (number + 1) * PAGE]
    if not found:
        return None
    made = {node.number: _made(*_content(scope, node)[1:]) for node in found if _has(node)}
    return _json(page(found, made))


def _of_node(
    scope: Scope, every: tuple[Node, ...], node: Node, kind: str, name: str
) -> Answer | None:
    if not kind:
        made = _made(*_content(scope, node)[1:]) if _has(node) else None
        return _json(document(node, every, made, fields(scope.attributes), _links(scope)))
    if not _has(node):
        return None
    scene, found, whole = _content(scope, node)
    if kind == "shared":
        return _json(shared(found.textured, whole.picture.mime if whole else ""))
    if kind == "textures":
        made_name = str(picture_of(_made(found, whole).material))
        if whole is None or name != made_name:
            return None
        return Answer(whole.picture.data, whole.picture.mime)
    if kind == "attributes":
        return _attribute(scope, found, name)
    if name != "0":
        return None
    if kind == "geometries":
        return _bytes(buffer(scene, found, node.volume.middle))
    return _json(_features(scope, scene, found, node))


def _has(node: Node) -> bool:
    """Tell whether a node has a mesh: one with children may, of what stands for them."""
    return node.tile.shown > 0


def _content(scope: Scope, node: Node) -> "tuple[SceneModel, Content, Atlas | None]":
    scene = scope.scene(replace(node.tile, children=()))
    check(scene.frame, scene.offset, I3S)
    if not scene.pictures:
        return scene, content(scene), None
    from gotapi_portrayal.scene.i3s_atlas import atlas  # late: loads Pillow

    whole = atlas(scene)
    if whole is None:
        return scene, content(scene), None
    return scene, content(scene, whole.spots, whole.blank), whole


def _made(found: Content, whole: "Atlas | None") -> Made:
    if whole is None:
        material = material_of(False, found.opaque)
        return Made(found.count, len(found.features), material)
    # A PNG is one that can be seen through.
    clear = whole.picture.mime == "image/png"
    texels = whole.picture.width * whole.picture.height
    return Made(found.count, len(found.features), material_of(True, not clear), texels)


def _attribute(scope: Scope, found: Content, key: str) -> Answer | None:
    field = next((one for one in fields(scope.attributes) if one.key == key), None)
    if field is None:
        return None
    return _bytes(attribute_buffer(field, values(field, found.features, scope.layers)))


def _features(scope: Scope, scene: SceneModel, found: Content, node: Node) -> dict[str, object]:
    """Return the features of a node for people; clients have the binary attributes."""
    corners = places(scene.frame, found.points + np.array(scene.origin))
    entries = []
    for feature, (first, last) in zip(found.features, found.faces.tolist(), strict=True):
        own = corners[3 * first : 3 * last + 3]
        entries.append(
            {
                "id": feature.number,
                "position": node.volume.middle,
                "pivotOffset": [0, 0, 0],
                "mbb": [*own.min(axis=0).tolist(), *own.max(axis=0).tolist()],
                "layer": scope.title,
                "attributes": {
                    one.name: value[0]
                    for one in fields(scope.attributes)
                    if (value := values(one, [feature], scope.layers))[0] is not None
                },
            }
        )
    return {"featureData": entries, "geometryData": []}


def _json(value: dict[str, object]) -> Answer:
    return Answer(_packed(value), I3S, "gzip")


def _bytes(data: bytes) -> Answer:
    return Answer(gzip.compress(data, _LEVEL, mtime=0), BYTES, "gzip")


def _packed(value: dict[str, object]) -> bytes:
    return gzip.compress(msgspec.json.encode(value), _LEVEL, mtime=0)
