"""How things look in X3D and VRML: materials, textures, backgrounds. PURE but for Pillow."""

import base64
import io
from collections.abc import Sequence
from typing import Final

from PIL import Image

from gotapi_portrayal.scene.model import Look, Picture
from gotapi_portrayal.scene.x3d_nodes import (
    Node,
    Numbers,
    Shared,
    Strings,
    Use,
    Value,
    Vector,
    node,
)
from gotapi_portrayal.scene.x3d_numbers import vector
from gotapi_portrayal.view import offer

# Angles from straight up, or from straight down, and colours from there on.
Stops = tuple[tuple[float, ...], tuple[tuple[float, float, float], ...]]
_SKIES: Final[dict[str, tuple[Stops, Stops]]] = {
    offer.SKY: (
        ((1.1, 1.45, 1.571), ((0.24, 0.46, 0.77), (0.43, 0.65, 0.89), (0.7, 0.82, 0.94),
         (0.89, 0.93, 0.96))),
        ((1.55, 1.571), ((0.58, 0.59, 0.57), (0.77, 0.78, 0.78), (0.89, 0.93, 0.96))),
    ),
    offer.GRADIENT: (
        ((1.571,), ((0.99, 0.99, 0.99), (0.89, 0.89, 0.89))),
        ((1.571,), ((0.8, 0.8, 0.8), (0.89, 0.89, 0.89))),
    ),
    offer.NIGHT: (
        ((1.42, 1.571), ((0.03, 0.04, 0.1), (0.11, 0.13, 0.24), (0.2, 0.23, 0.33))),
        ((1.55, 1.571), ((0.05, 0.05, 0.07), (0.09, 0.1, 0.13), (0.2, 0.23, 0.33))),
    ),
}  # fmt: skip


def background(name: str) -> list[Node | Use]:
    """Return the node of a named background, none for no name."""
    if name not in _SKIES:
        return []
    (sky_angles, sky), (ground_angles, ground) = _SKIES[name]
    return [
        node(
            "Background",
            skyAngle=_many(sky_angles),
            skyColor=_many(sum(sky, ())),
            groundAngle=_many(ground_angles),
            groundColor=_many(sum(ground, ())),
        )
    ]


def _many(values: Vector) -> Numbers:
    return Numbers(vector(values))


class Looks:
    """The looks of a scene as nodes; each is written once."""

    def __init__(
        self, looks: Sequence[Look], urls: Sequence[str], shared: Shared, *, vrml97: bool
    ) -> None:
        self._looks = looks
        self._urls = urls
        self._shared = shared
        self._vrml97 = vrml97

    def __call__(self, index: int) -> Node | Use:
        """Return the Appearance of a look."""
        name = f"A{index}"
        if self._shared.knows(name):
            return Use("Appearance", name)
        look = self._looks[index]
        fields: dict[str, Value] = {"material": _material(look)}
        if look.picture >= 0:
            fields["texture"] = self._texture(look)
        return self._shared(Node("Appearance", fields, name))

    def _texture(self, look: Look) -> Node | Use:
        # Beyond a border there is no colour in VRML97 and X3D, so what is there is what is nearest.
        kept = look.wrap in ("repeat", "mirror")
        mirrored = look.wrap == "mirror" and not self._vrml97
        name = f"T{look.picture}{'m' if mirrored else 'r' if kept else 'c'}"
        if self._shared.knows(name):
            return Use("ImageTexture", name)
        fields: dict[str, Value] = {"url": Strings((self._urls[look.picture],))}
        if not kept:
            fields |= {"repeatS": False, "repeatT": False}
        if mirrored:
            mode = "MIRRORED_REPEAT"
            fields["textureProperties"] = node(
                "TextureProperties", boundaryModeS=mode, boundaryModeT=mode
            )
        return self._shared(Node("ImageTexture", fields, name))


def _material(look: Look) -> Node:
    fields: dict[str, Value] = {"diffuseColor": _rounded(look.colour)}
    if any(look.emissive):
        fields["emissiveColor"] = _rounded(look.emissive)
    if look.opacity < 1:
        fields["transparency"] = round(1 - look.opacity, 4)
    return Node("Material", fields)


def _rounded(colour: Vector) -> Vector:
    return tuple(round(min(max(part, 0.0), 1.0), 4) for part in colour)


def embedded(picture: Picture) -> str:
    """Return a picture as a `data:` URL (ISO/IEC 14772-1, 4.5.4), as PNG or JPEG, which are what
    browsers have to read (5.22)."""
    mime, data = picture.mime, picture.data
    if mime not in ("image/png", "image/jpeg"):
        with Image.open(io.BytesIO(data)) as image:
            kept = io.BytesIO()
            image.save(kept, "PNG")
        mime, data = "image/png", kept.getvalue()
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
