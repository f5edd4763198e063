"""PURE: the document of an i3s layer, 3DObject of I3S 1.7 (OGC 17-014r8)."""

from collections.abc import Sequence
from typing import Final

from gotapi_portrayal.scene.i3s_attributes import Field
from gotapi_portrayal.scene.i3s_geometry import HEADER, LAYOUT
from gotapi_portrayal.scene.i3s_space import reference
from gotapi_portrayal.scene.i3s_tree import PAGE
from gotapi_portrayal.scene.kml_elements import Area
from gotapi_portrayal.scene.model import Frame

VERSION: Final = "1.7"
_JSON: Final = "application/vnd.esri.i3s.json+gzip; version=1.7"
_BYTES: Final = "application/octet-stream; version=1.7"
_COUNT: Final = {"type": "UInt32"}
_DEFINED: Final = {"color": "color", "region": "uvRegion"}  # names that differ between 1.6 and 1.7


def layer(
    title: str, frame: Frame, extent: Area, fields: Sequence[Field], href: str, root: str
) -> dict[str, object]:
    """Return the document; `href` is its own address, `root` that of the root node."""
    known = reference(frame)
    crs = f"http://www.opengis.net/def/crs/EPSG/0/{known['wkid']}"
    normals = "east-north-up" if frame.geographic else "vertex-reference-frame"
    return {
        "id": 0,
        "version": VERSION,
        "href": href,
        "name": title,
        "alias": title,
        "layerType": "3DObject",
        "spatialReference": known,
        "capabilities": ["View", "Query"],
        "cachedDrawingInfo": {"color": True},
        "elevationInfo": {"mode": "absoluteHeight", "offset": 0, "unit": "meter"},
        "disablePopup": False,
        "store": {
            "id": "meshes",
            "profile": "meshpyramids",
            "version": VERSION,
            "resourcePattern": [
                "3dNodeIndexDocument", "SharedResource", "Geometry", "Texture", "Attributes",
            ],
            "rootNode": root,
            "extent": [extent.west, extent.south, extent.east, extent.north],
            "indexCRS": crs,
            "vertexCRS": crs,
            "normalReferenceFrame": normals,
            "nidEncoding": _JSON,
            "featureEncoding": _JSON,
            "geometryEncoding": _BYTES,
            "attributeEncoding": _BYTES,
            "textureEncoding": ["image/jpeg", "image/png"],
            "lodType": "MeshPyramid",
            "lodModel": "node-switching",
            "defaultGeometrySchema": _schema(),
        },
        "fullExtent": {
            "xmin": extent.west, "ymin": extent.south, "zmin": extent.low,
            "xmax": extent.east, "ymax": extent.north, "zmax": extent.high,
            "spatialReference": known,
        },
        "fields": [one.declared for one in fields],
        "attributeStorageInfo": [one.storage for one in fields],
        "nodePages": {"nodesPerPage": PAGE, "lodSelectionMetricType": "maxScreenThresholdSQ"},
        "materialDefinitions": _materials(),
        "textureSetDefinitions": [
            {"formats": [{"name": "0", "format": "jpg"}]},
            {"formats": [{"name": "1", "format": "png"}]},
        ],
        "geometryDefinitions": [{"geometryBuffers": [_buffer(normals)]}],
    }  # fmt: skip


def _schema() -> dict[str, object]:
    """Return the layout of the buffer in the words of I3S 1.6."""
    return {
        "geometryType": "triangles",
        "topology": "PerAttributeArray",
        "header": [
            {"property": "vertexCount", **_COUNT},
            {"property": "featureCount", **_COUNT},
        ],
        "ordering": [name for name, _, _ in LAYOUT],
        "vertexAttributes": {
            name: {"valueType": kind, "valuesPerElement": count} for name, kind, count in LAYOUT
        },
        "featureAttributeOrder": ["id", "faceRange"],
        "featureAttributes": {
            "id": {"valueType": "UInt64", "valuesPerElement": 1},
            "faceRange": {"valueType": "UInt32", "valuesPerElement": 2},
        },
    }


def _buffer(normals: str) -> dict[str, object]:
    """Return the same layout in those of I3S 1.7."""
    values: dict[str, object] = {
        _DEFINED.get(name, name): {"type": kind, "component": count} for name, kind, count in LAYOUT
    }
    each = {"binding": "per-feature"}
    return {
        "offset": HEADER,
        **values,
        "featureId": {"type": "UInt64", "component": 1, **each},
        "faceRange": {"type": "UInt32", "component": 2, **each},
        "normalReferenceFrame": normals,
    }


def _materials() -> list[dict[str, object]]:
    """Return the materials by `i3s_tree.material_of`; colours are those of the vertices."""
    found: list[dict[str, object]] = []
    for textured in (False, True):
        for mode in ("opaque", "blend"):
            rough: dict[str, object] = {"metallicFactor": 0, "roughnessFactor": 1}
            if textured:
                texture = {"textureSetDefinitionId": int(mode == "blend"), "texCoord": 0}
                rough["baseColorTexture"] = texture
            found.append(
                {
                    "alphaMode": mode,
                    # City models have sheets as well as bodies: both sides are to be seen.
                    "doubleSided": True,
                    "cullFace": "none",
                    "pbrMetallicRoughness": rough,
                }
            )
    return found


def shared(textured: bool, kind: str) -> dict[str, object]:
    """Return the shared resource of a node, for I3S 1.6; `kind` is the MIME type of its picture."""
    params = {
        "ambient": [0, 0, 0],
        "diffuse": [1, 1, 1],
        "specular": [0, 0, 0],
        "shininess": 1,
        "reflectivity": 0,
        "transparency": 0,
        "renderMode": "solid",
        "cullFace": "none",
        "vertexColors": True,
        "vertexRegions": textured,
    }
    material: dict[str, object] = {"name": "standard", "type": "standard", "params": params}
    found: dict[str, object] = {"materialDefinitions": {"Mat0": material}}
    if textured:
        picture = {"id": "0", "href": f"../textures/{int(kind == 'image/png')}"}
        found["textureDefinitions"] = {
            "0": {
                "encoding": [kind],
                "wrap": ["none"],
                "atlas": True,
                "uvSet": "uv0",
                "channels": "rgba" if kind == "image/png" else "rgb",
                "images": [picture],
            }
        }
    return found
