"""PURE: COLLADA 1.4.1 documents of triangles in metres, z up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.scene.kml_text import floats, integers, quoted

Points = NDArray[np.float64]
Indices = NDArray[np.int64]

_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">\n'
    # The schema wants two times; those of a scene made on request would only spoil caches.
    "<asset><created>2000-01-01T00:00:00Z</created><modified>2000-01-01T00:00:00Z</modified>"
    '<unit name="meter" meter="1"/><up_axis>Z_UP</up_axis></asset>\n'
)
_WRAPS: Final = {"mirror": "MIRROR", "clamp": "CLAMP", "border": "BORDER"}


@dataclass(frozen=True, slots=True)
class Paint:
    """How triangles look; colours from 0 to 1."""

    colour: Triple
    emissive: Triple
    opacity: float
    image: str = ""  # the file of its texture, beside the document
    wrap: str = "repeat"


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Triangles of one paint, as rows of the points of a document."""

    paint: Paint
    triangles: Indices  # (n, 3)


def write(
    points: Points, uvs: NDArray[np.floating] | None, surfaces: Sequence[Surface], fine: bool = True
) -> str:
    """Return a document of points, (v, 3), and surfaces.

    `uvs` is (v, 2) with v growing upwards, as COLLADA has it. Where it is not `fine`, coordinates
    are to the centimetre and there are no normals: readers make them of the triangles.
    """
    paints = list(dict.fromkeys(surface.paint for surface in surfaces))
    images = list(dict.fromkeys(paint.image for paint in paints if paint.image))
    textured = uvs is not None and bool(images)
    parts = [
        _HEAD,
        _images(images),
        _effects(paints, images),
        _materials(paints),
        '<library_geometries><geometry id="shape"><mesh>\n',
        _source("points", floats(points, 3 if fine else 2), len(points), "XYZ"),
    ]
    if fine:
        normals = np.concatenate([_normals(points[one.triangles]) for one in surfaces])
        parts.append(_source("normals", floats(normals, 3), len(normals), "XYZ"))
    if textured and uvs is not None:
        parts.append(_source("uvs", floats(uvs, 5), len(uvs), "ST"))
    parts.append('<vertices id="corners"><input semantic="POSITION" source="#points"/></vertices>')
    parts.extend(_triangles(surfaces, paints, fine, textured))
    parts += ["</mesh></geometry></library_geometries>\n", _scene(paints)]
    return "".join(parts)


def _images(images: Sequence[str]) -> str:
    if not images:
        return ""
    each = "".join(
        f'<image id="image-{number}"><init_from>{quoted(name)}</init_from></image>'
        for number, name in enumerate(images)
    )
    return f"<library_images>{each}</library_images>\n"


def _effects(paints: Sequence[Paint], images: Sequence[str]) -> str:
    each = "".join(_effect(number, paint, images) for number, paint in enumerate(paints))
    return f"<library_effects>{each}</library_effects>\n"


def _effect(number: int, paint: Paint, images: Sequence[str]) -> str:
    params, diffuse = "", _colour(paint.colour, 1.0)
    if paint.image:
        wrap = _WRAPS.get(paint.wrap, "WRAP")
        params = (
            '<newparam sid="surface"><surface type="2D">'
            f"<init_from>image-{images.index(paint.image)}</init_from></surface></newparam>"
            '<newparam sid="sampler"><sampler2D><source>surface</source>'
            f"<wrap_s>{wrap}</wrap_s><wrap_t>{wrap}</wrap_t></sampler2D></newparam>"
        )
        diffuse = '<texture texture="sampler" texcoord="UV"/>'
    clear = ""
    if paint.opacity < 1.0:
        clear = (
            '<transparent opaque="A_ONE"><color>1 1 1 1</color></transparent>'
            f"<transparency><float>{paint.opacity:.4g}</float></transparency>"
        )
    return (
        f'<effect id="effect-{number}"><profile_COMMON>{params}<technique sid="common"><lambert>'
        f"<emission>{_colour(paint.emissive, 1.0)}</emission><diffuse>{diffuse}</diffuse>{clear}"
        "</lambert></technique>"
        # City models have sheets as well as bodies: both sides are to be seen.
        '<extra><technique profile="GOOGLEEARTH"><double_sided>1</double_sided></technique></extra>'
        "</profile_COMMON></effect>"
    )


def _colour(colour: Triple, alpha: float) -> str:
    red, green, blue = colour
    return f"<color>{red:.4g} {green:.4g} {blue:.4g} {alpha:.4g}</color>"


def _materials(paints: Sequence[Paint]) -> str:
    each = "".join(
        f'<material id="material-{number}"><instance_effect url="#effect-{number}"/></material>'
        for number in range(len(paints))
    )
    return f"<library_materials>{each}</library_materials>\n"


def _source(name: str, values: str, count: int, letters: str) -> str:
    params = "".join(f'<param name="{letter}" type="float"/>' for letter in letters)
    stride = len(letters)
    return (
        f'<source id="{name}"><float_array id="{name}-array" count="{count * stride}">{values}'
        f'</float_array><technique_common><accessor source="#{name}-array" count="{count}" '
        f'stride="{stride}">{params}</accessor></technique_common></source>\n'
    )


def _normals(corners: Points) -> Points:
    """Return the unit normal of each triangle, (n, 3); up where it has no area."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(lengths > 0, normals / lengths, np.array((0.0, 0.0, 1.0)))


def _triangles(
    surfaces: Sequence[Surface], paints: Sequence[Paint], fine: bool, textured: bool
) -> list[str]:
    written: list[str] = []
    first = 0
    for surface in surfaces:
        rows = surface.triangles.ravel()
        columns = [rows]
        inputs = '<input semantic="VERTEX" source="#corners" offset="0"/>'
        if fine:
            inputs += f'<input semantic="NORMAL" source="#normals" offset="{len(columns)}"/>'
            columns.append(np.repeat(np.arange(first, first + len(surface.triangles)), 3))
        if textured and surface.paint.image:
            inputs += f'<input semantic="TEXCOORD" source="#uvs" offset="{len(columns)}" set="0"/>'
            columns.append(rows)
        first += len(surface.triangles)
        written.append(
            f'<triangles material="paint-{paints.index(surface.paint)}" '
            f'count="{len(surface.triangles)}">'
            f"{inputs}<p>{integers(np.stack(columns, axis=1))}</p></triangles>\n"
        )
    return written


def _scene(paints: Sequence[Paint]) -> str:
    bindings = "".join(
        f'<instance_material symbol="paint-{number}" target="#material-{number}">'
        + (
            '<bind_vertex_input semantic="UV" input_semantic="TEXCOORD" input_set="0"/>'
            if paint.image
            else ""
        )
        + "</instance_material>"
        for number, paint in enumerate(paints)
    )
    return (
        '<library_visual_scenes><visual_scene id="scene"><node id="node">'
        '<instance_geometry url="#shape"><bind_material><technique_common>'
        f"{bindings}</technique_common></bind_material></instance_geometry>"
        "</node></visual_scene></library_visual_scenes>\n"
        '<scene><instance_visual_scene url="#scene"/></scene>\n</COLLADA>\n'
    )
