"""PURE: 3MF files of one mesh (3MF core 1.3), with or without colours (materials extension)."""

import io
import zipfile
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_meshes.errors import MeshError
from gotapi_meshes.mesh import Mesh
from gotapi_meshes.threemf_xml import CORE

_MATERIAL: Final = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
_LEVELS: Final = 32
"""Levels of a colour channel: nobody prints more, and the palette stays small."""
_WHEN: Final = (2020, 1, 1, 0, 0, 0)
"""The same model makes the same bytes."""

_TYPES: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" '
    'ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>'
    "</Types>"
)
_RELATIONS: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Target="/3D/3dmodel.model" Id="model" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def write_3mf(mesh: Mesh, colours: NDArray[np.uint8] | None = None) -> bytes:
    """Return a mesh (millimetres, +Z up) as a 3MF; `colours` is (n, 3) sRGB of its vertices."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, text in (
            ("[Content_Types].xml", _TYPES),
            ("_rels/.rels", _RELATIONS),
            ("3D/3dmodel.model", _model(mesh, colours)),
        ):
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return file.getvalue()


def _model(mesh: Mesh, colours: NDArray[np.uint8] | None) -> str:
    vertices = "".join(
        # Six decimals: readers that compare places must not find two that were one.
        f'<vertex x="{x:.6f}" y="{y:.6f}" z="{z:.6f}"/>'
        for x, y, z in mesh.vertices.tolist()
    )
    corners = mesh.triangles.tolist()
    if colours is None:
        group, own = "", ""
        triangles = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in corners)
    else:
        group, places = _palette(mesh, colours)
        own = ' pid="2" pindex="0"'
        triangles = "".join(
            f'<triangle v1="{a}" v2="{b}" v3="{c}" pid="2" p1="{p}" p2="{q}" p3="{r}"/>'
            for (a, b, c), (p, q, r) in zip(corners, places.tolist(), strict=True)
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><model unit="millimeter" xml:lang="en-US" '
        f'xmlns="{CORE}" xmlns:m="{_MATERIAL}"><resources>{group}'
        f'<object id="1" type="model"{own}><mesh><vertices>{vertices}</vertices>'
        f"<triangles>{triangles}</triangles></mesh></object></resources>"
        '<build><item objectid="1"/></build></model>'
    )


def _palette(mesh: Mesh, colours: NDArray[np.uint8]) -> tuple[str, NDArray[np.int64]]:
    """Return the group of colours and each corner's place in it."""
    if colours.shape != mesh.vertices.shape:
        raise MeshError(f"{len(mesh.vertices)} vertices have {len(colours)} colours")
    step = 256 // _LEVELS
    coarse = np.minimum(255, colours.astype(np.int64) // step * step + step // 2)
    keys, places = np.unique(coarse @ [65536, 256, 1], return_inverse=True)
    words = "".join(f'<m:color color="#{key:06X}"/>' for key in keys.tolist())
    return f'<m:colorgroup id="2">{words}</m:colorgroup>', places[mesh.triangles]
