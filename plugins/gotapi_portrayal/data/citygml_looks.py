"""PURE: appearances of CityGML: which polygon has which material, where rings lie in pictures."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from gotapi_portrayal.data.citygml_xml import HREF, gml_id, local, words
from gotapi_portrayal.data.sink import Sink
from gotapi_portrayal.data.types import Material, Triple

PREFERRED: Final = ("visual", "rgbtexture", "rgb")
"""Themes that show what people see; others show heat, noise or age."""
MOST_TARGETS: Final = 5_000_000
"""Surfaces with a look of their own, in one file."""


@dataclass(slots=True)
class Looks:
    """The looks of a whole file; a later one of the same theme replaces an earlier one."""

    sink: Sink
    themes: dict[str, dict[str, int]] = field(default_factory=dict)
    """Theme, then id of a polygon or a surface, to the number of its material."""
    rings: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    """Id of a ring to the places of its corners."""
    count: int = 0
    shown: dict[str, int] | None = None

    def material(self, ids: list[str]) -> int:
        """Return the material of the first of some ids that has one, 0 for none."""
        if self.shown is None:
            self.shown = self._chosen()
        shown = self.shown
        return next((shown[one] for one in ids if one in shown), 0) if shown else 0

    def _chosen(self) -> dict[str, int]:
        """What the theme says that is shown."""
        by_name = {name.lower(): theme for name, theme in self.themes.items()}
        for name in PREFERRED:
            if name in by_name:
                return by_name[name]
        return next(iter(self.themes.values()), {})

    def appearance(self, element: etree._Element) -> None:
        """Read one Appearance."""
        theme = next((words(one) for one in element if local(one) == "theme"), "")
        targets = self.themes.setdefault(theme[:100], {})
        for member in element.iter():
            match local(member):
                case "ParameterizedTexture":
                    self._texture(member, targets)
                case "X3DMaterial":
                    self._material(member, targets)
                case "GeoreferencedTexture":
                    self.sink.faults.add("", "a georeferenced texture is left out")

    def _material(self, element: etree._Element, targets: dict[str, int]) -> None:
        if _is_back(element):
            return
        default = Material()
        number = self.sink.material(
            Material(
                gml_id(element)[:200],
                _colour(element, "diffuseColor", default.diffuse),
                _colour(element, "emissiveColor", default.emissive),
                min(max(_number(element, "transparency"), 0.0), 1.0),
            )
        )
        for one in element:
            if local(one) == "target":
                self._aim(targets, words(one) or one.get(HREF, ""), number)

    def _texture(self, element: etree._Element, targets: dict[str, int]) -> None:
        if _is_back(element):
            return
        uri = next((words(one) for one in element if local(one) == "imageURI"), "")
        picture = self.sink.texture(uri) if uri else 0
        if not picture:
            return
        wrap = next((words(one) for one in element if local(one) == "wrapMode"), "")
        wrap = wrap if wrap in ("mirror", "clamp", "border") else "repeat"
        number = self.sink.material(
            Material(uri[:200], diffuse=(1.0, 1.0, 1.0), texture=picture, wrap=wrap)
        )
        for one in element.iter():
            if local(one) == "target":  # 2.0 by attribute, 3.0 by text in a TextureAssociation
                self._aim(targets, one.get("uri", "") or words(one) or one.get(HREF, ""), number)
            elif local(one) == "TexCoordList":
                self._places(one)

    def _aim(self, targets: dict[str, int], uri: str, number: int) -> None:
        if self.count < MOST_TARGETS:
            targets[uri.rpartition("#")[2]] = number
            self.count += 1

    def _places(self, element: etree._Element) -> None:
        # 2.0: one element with a ring attribute; 3.0: coordinates and rings side by side.
        rings = [words(one) for one in element if local(one) == "ring"]
        lists = [one for one in element if local(one) == "textureCoordinates"]
        for place, one in enumerate(lists):
            ring = one.get("ring") or (rings[place] if place < len(rings) else "")
            try:
                numbers = np.array(words(one).split(), np.float32).reshape(-1, 2)
            except ValueError:
                self.sink.faults.add(ring, "its places in the picture are no pairs of numbers")
                continue
            if self.count < MOST_TARGETS:
                self.rings[ring.rpartition("#")[2]] = numbers
                self.count += 1


def _is_back(element: etree._Element) -> bool:
    return any(local(one) == "isFront" and words(one) in ("false", "0") for one in element)


def _number(element: etree._Element, name: str) -> float:
    found = _floats(element, name)
    return found[0] if len(found) == 1 else 0.0


def _colour(element: etree._Element, name: str, default: Triple) -> Triple:
    found = _floats(element, name)
    if len(found) != 3:
        return default
    red, green, blue = (min(max(one, 0.0), 1.0) for one in found)
    return red, green, blue


def _floats(element: etree._Element, name: str) -> list[float]:
    text = next((words(one) for one in element if local(one) == name), "")
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return []
