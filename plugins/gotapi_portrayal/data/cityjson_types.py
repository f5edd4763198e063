"""PURE: the members of a CityJSON document that are read (CityJSON 2.0.1, and what 1.0 differs)."""

from typing import Any, Final

import msgspec

Raw = msgspec.Raw

WRONG: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for text that is not as described."""


class Transform(msgspec.Struct, frozen=True):
    """CityJSON 4: integers into coordinates."""

    scale: tuple[float, float, float]
    translate: tuple[float, float, float]


class Metadata(msgspec.Struct, frozen=True):
    """CityJSON 5."""

    referenceSystem: str | None = None  # noqa: N815  # the name in the file
    title: str | None = None


class MaterialMember(msgspec.Struct, frozen=True):
    """CityJSON 6.1: a material, as in X3D."""

    name: str = ""
    diffuseColor: tuple[float, float, float] | None = None  # noqa: N815
    emissiveColor: tuple[float, float, float] | None = None  # noqa: N815
    transparency: float | None = None


class TextureMember(msgspec.Struct, frozen=True):
    """CityJSON 6.2."""

    image: str
    wrapMode: str | None = None  # noqa: N815


class Appearance(msgspec.Struct, frozen=True):
    """CityJSON 6."""

    materials: list[Raw] = []
    textures: list[Raw] = []
    vertices_texture: Raw = msgspec.field(default=Raw(b"[]"), name="vertices-texture")
    default_theme_texture: str | None = msgspec.field(default=None, name="default-theme-texture")
    default_theme_material: str | None = msgspec.field(default=None, name="default-theme-material")


class GeometryTemplates(msgspec.Struct, frozen=True):
    """CityJSON 3.4."""

    templates: list[Raw]
    vertices: Raw = msgspec.field(name="vertices-templates")


class City(msgspec.Struct, frozen=True):
    """CityJSON 1: a document, or a line of CityJSONSeq."""

    type: str
    CityObjects: dict[str, Raw]
    vertices: Raw
    version: str = ""
    transform: Transform | None = None
    metadata: Metadata | None = None
    appearance: Appearance | None = None
    geometry_templates: GeometryTemplates | None = msgspec.field(
        default=None, name="geometry-templates"
    )


class CityObject(msgspec.Struct, frozen=True):
    """CityJSON 2."""

    type: str
    attributes: dict[str, Any] | None = None
    geometry: list[Raw] | None = None
    parents: list[str] | None = None
    children: list[str] | None = None
    address: Any = None


class Semantics(msgspec.Struct, frozen=True):
    """CityJSON 3.3."""

    surfaces: list[dict[str, Any]] = []
    values: Any = None


class Geometry(msgspec.Struct, frozen=True):
    """CityJSON 3."""

    type: str
    boundaries: Raw
    lod: str | float | None = None
    semantics: Semantics | None = None
    material: dict[str, dict[str, Any]] | None = None
    texture: dict[str, dict[str, Any]] | None = None
    template: int | None = None
    transformationMatrix: list[float] | None = None  # noqa: N815
