"""PURE: documents that are valid and show nothing, for `exceptions=blank` (8.4.1)."""

from struct import pack
from typing import Final

_GLTF: Final = b'{"asset":{"version":"2.0"}}'
_GLB_JSON: Final = _GLTF + b" " * (-len(_GLTF) % 4)  # chunks end at four bytes
_GLB: Final = (
    b"glTF" + pack("<II", 2, 20 + len(_GLB_JSON)) + pack("<I", len(_GLB_JSON)) + b"JSON" + _GLB_JSON
)

SCENES: Final[dict[str, bytes]] = {
    "model/gltf+json": _GLTF,
    "model/vnd.gltf+json": _GLTF,
    "model/gltf-binary": _GLB,
    "application/vnd.google-earth.kml+xml": (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<kml xmlns="http://www.opengis.net/kml/2.2"><Document/></kml>\n'
    ),
    "model/x3d+xml": (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<X3D version="3.3" profile="Interchange"><Scene/></X3D>\n'
    ),
    "model/x3d+vrml": b"#X3D V3.3 utf8\nPROFILE Interchange\n",
    "model/vrml": b"#VRML V2.0 utf8\n",
}
"""By MIME type, as requests name it. What is not here is answered with no content."""
