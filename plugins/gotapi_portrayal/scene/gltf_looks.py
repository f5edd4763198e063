"""PURE: looks and pictures of a scene as materials of glTF."""

from typing import Final

from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.scene.gltf_buffers import Buffer, Json
from gotapi_portrayal.scene.model import Look, Picture, SceneModel

WEBP: Final = "EXT_texture_webp"
_WRAPS: Final = {"repeat": 10497, "mirror": 33648}
_CLAMP: Final = 33071
_LINEAR: Final = 9729
_MIPMAPPED: Final = 9987


def materials(buffer: Buffer, scene: SceneModel, extensions: set[str]) -> Json:
    """Return the members of the document for looks; pictures go into the buffer."""
    found: Json = {}
    textures: dict[tuple[int, str], int] = {}
    made = [_material(look, scene, textures) for look in scene.looks]
    if made:
        found["materials"] = made
    if textures:
        found["samplers"] = []
        found["images"] = [_image(buffer, picture) for picture in scene.pictures]
        found["textures"] = [
            _texture(found["samplers"], scene.pictures[picture], picture, wrap, extensions)
            for picture, wrap in textures
        ]
    return found


def linear(colour: Triple) -> list[float]:
    """Return a colour of sRGB as glTF has its factors."""
    return [
        round(one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4, 6)
        for one in colour
    ]


def _material(look: Look, scene: SceneModel, textures: dict[tuple[int, str], int]) -> Json:
    surface: Json = {
        "baseColorFactor": [*linear(look.colour), round(look.opacity, 6)],
        "metallicFactor": 0.0,
        "roughnessFactor": 1.0,
    }
    # City models have rooms without a second side, and files that turn theirs inside out.
    material: Json = {"name": look.name, "pbrMetallicRoughness": surface, "doubleSided": True}
    if any(look.emissive):
        material["emissiveFactor"] = linear(look.emissive)
    if look.opacity < 1:
        material["alphaMode"] = "BLEND"
    if look.picture >= 0:
        number = textures.setdefault((look.picture, look.wrap), len(textures))
        surface["baseColorTexture"] = {"index": number}
        if look.opacity >= 1 and _has_alpha(scene.pictures[look.picture]):
            material |= {"alphaMode": "MASK", "alphaCutoff": 0.5}
    return material


def _image(buffer: Buffer, picture: Picture) -> Json:
    return {"bufferView": buffer.view(picture.data), "mimeType": picture.mime}


def _texture(
    samplers: list[Json], picture: Picture, number: int, wrap: str, extensions: set[str]
) -> Json:
    code = _WRAPS.get(wrap, _CLAMP)
    sampler = {"magFilter": _LINEAR, "minFilter": _MIPMAPPED, "wrapS": code, "wrapT": code}
    if sampler not in samplers:
        samplers.append(sampler)
    texture: Json = {"sampler": samplers.index(sampler)}
    if picture.mime == "image/webp":
        extensions.add(WEBP)
        return texture | {"extensions": {WEBP: {"source": number}}}
    return texture | {"source": number}


def _has_alpha(picture: Picture) -> bool:
    """Tell whether a picture has parts one can see through; read from its head."""
    data = picture.data
    if picture.mime == "image/png":  # the colour types with alpha, or a palette with a tRNS chunk
        return data[25:26] in (b"\4", b"\6") or b"tRNS" in data[:4096]
    return picture.mime == "image/webp" and data[12:16] == b"VP8X" and bool(data[20] & 0x10)
