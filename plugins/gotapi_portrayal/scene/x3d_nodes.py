"""PURE: scene graphs of X3D 3.3 (ISO/IEC 19775-1) and VRML97 as values; writers are elsewhere."""

import re
from collections.abc import Iterable
from typing import Final, cast

import msgspec

# What XML 1.0 or UTF-8 cannot carry; the other encodings have the same text.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Strings(msgspec.Struct, frozen=True, gc=False):
    """An MFString."""

    items: tuple[str, ...]


class Numbers(msgspec.Struct, frozen=True, gc=False):
    """A field of many numbers, written already: with a blank between two of them."""

    text: bytes


class Use(msgspec.Struct, frozen=True, gc=False):
    """A node that was given before, under this name."""

    kind: str
    name: str


class Node(msgspec.Struct, frozen=True, gc=False):  # trees: no circles to look for
    """A node; what a field is, is told by the type of its value. Those left out have defaults."""

    kind: str
    fields: "dict[str, Value]" = {}
    name: str = ""
    """What DEF calls it; letters and digits."""


Vector = tuple[float, ...]
"""SFVec2f to SFVec3d, SFColor, SFRotation; a MFFloat, MFInt32 or MFColor that is short."""

Nodes = Iterable[Node | Use]
"""An MFNode. Large ones are made while they are written: a city has half a million nodes."""

Value = bool | int | float | str | Vector | Strings | Numbers | Node | Use | Nodes
"""A str is an SFString."""


def node(kind: str, name: str = "", /, **fields: Value) -> Node:
    """Return a node, `name` is what DEF calls it."""
    return Node(kind, fields, name)


def nodes_of(value: Value) -> Nodes:
    """Return the nodes of a field that has one or more."""
    if isinstance(value, (Node, Use)):
        return (value,)
    assert isinstance(value, Iterable)
    return cast("Nodes", value)


def clean(text: str) -> str:
    """Return a text with a mark in place of each character that documents cannot carry."""
    return text if text.isascii() and text.isprintable() else _FORBIDDEN.sub("\ufffd", text)


class Shared:
    """Nodes that are written where they are first used, and referred to from then on."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def knows(self, name: str) -> bool:
        """Tell whether there is a node of this name already."""
        return name in self._known

    def __call__(self, given: Node) -> Node | Use:
        """Return a named node the first time, later a reference to it."""
        if given.name in self._known:
            return Use(given.kind, given.name)
        self._known.add(given.name)
        return given


# 19775-1 table B.2: what profile Interchange does not have, with the component and its level.
_COMPONENTS: Final[dict[str, tuple[str, int]]] = {
    "Inline": ("Networking", 2),
    "LOD": ("Navigation", 2),
    **dict.fromkeys(
        ("GeoCoordinate", "GeoLOD", "GeoOrigin", "GeoViewpoint"), ("Geospatial", 1)
    ),
}  # fmt: skip


def components(kinds: set[str]) -> tuple[tuple[str, int], ...]:
    """Return the components, with level, that nodes need beyond profile Interchange."""
    return tuple(sorted({_COMPONENTS[kind] for kind in kinds if kind in _COMPONENTS}))
