"""PURE: what layers and features are called and what is known of them, in X3D and VRML97."""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final

from gotapi_portrayal.data.types import Attribute, Feature
from gotapi_portrayal.scene.model import SceneLayer
from gotapi_portrayal.scene.x3d_nodes import Node, Nodes, Numbers, Strings, Use, Value, node
from gotapi_portrayal.scene.x3d_numbers import number

Note = tuple[str, Attribute]
Describer = Callable[[str, str, str, Iterable[Note], Nodes], Node]
"""Name for DEF, identifier, what it is, what is known of it, what is in it; to a group."""

_INT32: Final = 2**31


def feature_notes(feature: Feature) -> list[Note]:
    """Return what is known of a feature; its number is the ObjectId of GetFeatureInfo."""
    known: list[Note] = [("ObjectId", feature.number), ("class", feature.kind)]
    if feature.parent:
        known.append(("parent", feature.parent))
    return [*known, *feature.attributes.items()]


def layer_notes(layer: SceneLayer) -> list[Note]:
    """Return what is known of a layer."""
    return [(name, text) for name, text in (("title", layer.title), ("style", layer.style)) if text]


def described(name: str, identifier: str, kind: str, notes: Iterable[Note], inside: Nodes) -> Node:
    """Return a Group with metadata (19775-1, 7.2.4): the identifier as its name."""
    known: list[Node | Use] = [_metadata(key, value) for key, value in notes if value is not None]
    about = Node("MetadataSet", {"name": identifier, "reference": kind, "value": known})
    return Node("Group", {"metadata": about, "children": inside}, name)


def described97(
    name: str, identifier: str, kind: str, notes: Iterable[Note], inside: Nodes
) -> Node:
    """Return a Group whose first child is a WorldInfo, as VRML97 has no metadata."""
    lines = [f"{key}={_plain(value)}" for key, value in notes if value is not None]
    about = node("WorldInfo", title=identifier, info=Strings((f"kind={kind}", *lines)))
    return Node("Group", {"children": chain((about,), inside)}, name)


def _metadata(name: str, value: Attribute) -> Node:
    kind, written = _typed(value)
    return Node(kind, {"name": name, "value": written})


def _typed(value: Attribute) -> tuple[str, Value]:
    if isinstance(value, bool):
        return "MetadataBoolean", value
    if isinstance(value, int) and -_INT32 <= value < _INT32:
        return "MetadataInteger", Numbers(b"%d" % value)
    if isinstance(value, float) and abs(value) < float("inf"):
        return "MetadataDouble", Numbers(number(value))
    return "MetadataString", Strings((_plain(value),))


def _plain(value: Attribute) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)
