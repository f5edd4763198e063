"""PURE: scenes of a server, parsed as far as clients must be able to."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from gotapi_core.conformance.model import Skipped
from gotapi_portrayal.conformance.scenes.gltf import read_glb, read_gltf
from gotapi_portrayal.conformance.scenes.kml import read_kml, read_kmz
from gotapi_portrayal.conformance.scenes.other import read_i3s, read_json
from gotapi_portrayal.conformance.scenes.shape import Shape
from gotapi_portrayal.conformance.scenes.vrml import read_vrml, read_x3dv
from gotapi_portrayal.conformance.scenes.x3d import read_x3d

READERS: Final[Mapping[str, Callable[[bytes], Shape]]] = MappingProxyType(
    {
        "model/gltf-binary": read_glb,
        "model/gltf+json": read_gltf,
        "model/vnd.gltf+json": read_gltf,
        "model/x3d+xml": read_x3d,
        "model/x3d+vrml": read_x3dv,
        "model/vrml": read_vrml,
        "application/vnd.google-earth.kml+xml": read_kml,
        "application/vnd.google-earth.kmz": read_kmz,
        "application/vnd.esri.i3s.json+gzip": read_i3s,
        "application/json": read_json,
        "application/json+3dtiles": read_json,
    }
)

CANONICAL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "model/gltf-binary": "model/vnd.gltf+json",
        "model/gltf+json": "model/vnd.gltf+json",
        "application/vnd.esri.i3s.json": "application/vnd.esri.i3s.json+gzip",
        "model/vnd.vrml": "model/vrml",
        "x-world/x-vrml": "model/vrml",
        "model/x3d": "model/x3d+xml",
    }
)
"""Other names of the formats of Table 29, and the names that it demands."""


def read_scene(body: bytes, media: str) -> Shape:
    """Return what a scene holds; raises Failed where it is not what its MIME type says.

    A MIME type that is not known here raises Skipped.
    """
    kind = media.partition(";")[0].strip().lower()
    reader = READERS.get(kind)
    if reader is None:
        raise Skipped(f"{media} is no format that can be read here")
    return reader(body)
