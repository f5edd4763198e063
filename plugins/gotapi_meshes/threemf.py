"""PURE: 3MF files: build items, components and units put together into one mesh.

lib3mf would read more extensions, but unpacks and parses in native code without the limits an
unknown file needs; the core of the format is small.
"""

from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from gotapi_meshes.archive import Archive
from gotapi_meshes.errors import MeshError
from gotapi_meshes.mesh import Floats, Indices, Mesh, check_count, checked
from gotapi_meshes.paint import Paint, paint
from gotapi_meshes.threemf_xml import Part, Shape, Use, read_part

_MODEL_RELATION: Final = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_RELATIONS: Final = "_rels/.rels"
_USUAL: Final = "3D/3dmodel.model"

MOST_INSTANCES: Final = 20_000
"""Objects placed in all; components of components multiply."""
DEEPEST: Final = 32
"""Components within components."""
MOST_PARTS: Final = 256
"""Model parts read; slicers write one for each object."""
MOST_XML: Final = 512 << 20
"""Bytes of all model parts together."""


def read_3mf(file: BinaryIO, painted: bool = False) -> Mesh:
    """Read a 3MF: everything its build lists, where the build puts it; `painted` with colours."""
    builder = _Builder(Archive(file), painted)
    return builder.build()


@dataclass(slots=True)
class _Builder:
    archive: Archive
    painted: bool
    parts: dict[str, Part] = field(default_factory=dict)
    read: int = 0
    vertices: list[Floats] = field(default_factory=list)
    triangles: list[Indices] = field(default_factory=list)
    colours: list[NDArray[np.float32]] = field(default_factory=list)
    instances: int = 0
    vertex_count: int = 0
    triangle_count: int = 0

    def build(self) -> Mesh:
        root = _root(self.archive)
        part = self._part(root)
        if not part.items:
            raise MeshError("its build is empty; put the model on the plate and export it again")
        # 3MF core 4: an item's own transform is in the unit of the root part.
        scale = np.vstack([np.eye(3) * part.unit, np.zeros(3)])
        for item in part.items:
            self._place(item, root, scale, 0)
        if not self.triangles:
            raise MeshError("nothing on its plate has triangles")
        triangles = np.concatenate(self.triangles)
        return checked(np.concatenate(self.vertices), triangles, True, self._paint(len(triangles)))

    def _paint(self, count: int) -> Paint | None:
        if not self.painted:
            return None
        tints = np.concatenate(self.colours)
        if not np.isfinite(tints).any():
            return None
        return paint((), np.full(count, -1, np.int32), tints)

    def _place(self, use: Use, home: str, outer: Floats, depth: int) -> None:
        self.instances += 1
        if self.instances > MOST_INSTANCES or depth > DEEPEST:
            raise MeshError(
                f"its components make more than {MOST_INSTANCES} objects or lie more than "
                f"{DEEPEST} deep"
            )
        where = use.part or home
        shape = self._part(where).shapes.get(use.object_id)
        if shape is None:
            raise MeshError(f"there is no object '{use.object_id[:40]}'", where[:100])
        if not shape.printed:
            return
        transform = _after(use.transform, outer)
        if len(shape.corners):
            self._add(shape, transform)
        for inner in shape.uses:
            self._place(inner, where, transform, depth + 1)

    def _add(self, shape: Shape, transform: Floats) -> None:
        corners = np.array(shape.corners).reshape(-1, 3)
        self.triangle_count += len(corners)
        check_count(self.triangle_count)
        if np.linalg.det(transform[:3]) < 0:
            corners = corners[:, ::-1]  # a mirror turns the surface inside out
        places = np.array(shape.numbers).reshape(-1, 3)
        with np.errstate(over="ignore", invalid="ignore"):
            self.vertices.append(places @ transform[:3] + transform[3])
        self.triangles.append((corners + self.vertex_count).astype(np.uint32))
        self.vertex_count += len(places)
        if self.painted:
            self.colours.append(np.array(shape.colours, np.float32).reshape(-1, 3))

    def _part(self, name: str) -> Part:
        key = name.lstrip("/").lower()
        if key not in self.parts:
            if len(self.parts) >= MOST_PARTS:
                raise MeshError(f"it has more than {MOST_PARTS} model parts")
            data = self.archive.read(name)
            self.read += len(data)
            if self.read > MOST_XML:
                raise MeshError(f"its model parts have more than {MOST_XML:,} bytes")
            self.parts[key] = read_part(data, name.lstrip("/")[:100], self.painted)
        return self.parts[key]


def _after(inner: Floats, outer: Floats) -> Floats:
    """Return the transform that does `inner`, then `outer`."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved: Floats = inner[3] @ outer[:3] + outer[3]
        return np.vstack([inner[:3] @ outer[:3], moved])


def _root(archive: Archive) -> str:
    """Return the name of the part the archive starts with (3MF core 2.1)."""
    if _RELATIONS in archive and (target := _related(archive.read(_RELATIONS))):
        return target
    if _USUAL in archive:
        return _USUAL
    raise MeshError("the archive names no model; export it again as 3MF")


def _related(data: bytes) -> str:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise MeshError(f"is no sound XML: {error.msg}", _RELATIONS) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise MeshError("has a document type", _RELATIONS)
    return next(
        (str(one.get("Target", "")) for one in root.iter("{*}Relationship")
         if one.get("Type") == _MODEL_RELATION),
        "",
    )  # fmt: skip
