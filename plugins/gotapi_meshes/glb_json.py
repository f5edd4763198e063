"""PURE: the members of a glTF 2.0 document that say where triangles are."""

from typing import Annotated, Final

import msgspec

from gotapi_meshes.errors import MeshError

Index = Annotated[int, msgspec.Meta(ge=0, le=2**32)]

PASSED_OVER: Final = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_", "KHR_xmp")
"""Required extensions that do not change the shape, by how they begin."""
UNDERSTOOD: Final = ("KHR_mesh_quantization",)


class View(msgspec.Struct, frozen=True, rename="camel"):
    """glTF 5.11: a stretch of a buffer."""

    buffer: Index
    byte_length: Index
    byte_offset: Index = 0
    byte_stride: Index = 0


class Accessor(msgspec.Struct, frozen=True, rename="camel"):
    """glTF 5.1: numbers in a view."""

    component_type: int
    count: Index
    type: str
    buffer_view: Index | None = None
    byte_offset: Index = 0
    normalized: bool = False
    sparse: msgspec.Raw = msgspec.Raw(b"")


class Primitive(msgspec.Struct, frozen=True):
    """glTF 5.24: what to draw."""

    attributes: dict[str, Index]
    indices: Index | None = None
    mode: int = 4
    extensions: dict[str, msgspec.Raw] = {}


class GltfMesh(msgspec.Struct, frozen=True):
    """glTF 5.23."""

    primitives: tuple[Primitive, ...]


class Node(msgspec.Struct, frozen=True):
    """glTF 5.25: a place in the scene."""

    children: tuple[Index, ...] = ()
    mesh: Index | None = None
    matrix: tuple[float, ...] = ()
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Scene(msgspec.Struct, frozen=True):
    """glTF 5.27."""

    nodes: tuple[Index, ...] = ()


class Buffer(msgspec.Struct, frozen=True, rename="camel"):
    """glTF 5.10."""

    byte_length: Index
    uri: str | None = None


class Gltf(msgspec.Struct, frozen=True, rename="camel"):
    """glTF 5.17: the document."""

    accessors: tuple[Accessor, ...] = ()
    buffer_views: tuple[View, ...] = ()
    buffers: tuple[Buffer, ...] = ()
    meshes: tuple[GltfMesh, ...] = ()
    nodes: tuple[Node, ...] = ()
    scenes: tuple[Scene, ...] = ()
    scene: Index | None = None
    extensions_required: tuple[str, ...] = ()


def decode(text: bytes) -> Gltf:
    """Read the document; raises MeshError for one that is none, or needs what is not read."""
    try:
        gltf = msgspec.json.decode(text, type=Gltf)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MeshError(f"does not hold a glTF document: {error}", "the JSON chunk") from None
    for name in gltf.extensions_required:
        if name not in UNDERSTOOD and not name.startswith(PASSED_OVER):
            raise MeshError(
                f"the model needs the glTF extension {name[:60]}, which is not supported; "
                "export it without compression, or as STL"
            )
    if any(buffer.uri is not None for buffer in gltf.buffers):
        raise MeshError("the model keeps its data in another file; export it as one GLB")
    return gltf
