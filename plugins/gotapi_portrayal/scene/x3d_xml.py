"""PURE: scene graphs as X3D in XML (ISO/IEC 19776-1, version 3.3)."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, Final

from gotapi_portrayal.scene.x3d_nodes import (
    Node,
    Nodes,
    Numbers,
    Strings,
    Use,
    Vector,
    clean,
    components,
    nodes_of,
)
from gotapi_portrayal.scene.x3d_numbers import number, vector

# 19776-1 table 6.2: the field an element is for, where its tag does not say; else `children`. For
# metadata it is always said: it was `metadata` in 3.3 and is `value` to readers of version 4.
_CONTAINERS: Final = {
    "Appearance": "appearance", "Material": "material", "ImageTexture": "texture",
    "TextureProperties": "textureProperties", "IndexedTriangleSet": "geometry",
    "Coordinate": "coord", "GeoCoordinate": "coord", "TextureCoordinate": "texCoord",
    "GeoOrigin": "geoOrigin",
}  # fmt: skip
# In apostrophes, so that the quotation marks of MFString stay as they are. White space would be
# read as blanks (XML 1.0, 3.3.3).
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;",
     "\r": "&#13;"}
)  # fmt: skip
_SCHEMA: Final = (
    b" xmlns:xsd='http://www.w3.org/2001/XMLSchema-instance'"
    b" xsd:noNamespaceSchemaLocation='http://www.web3d.org/specifications/x3d-3.3.xsd'"
)


def document(children: Nodes, meta: Sequence[tuple[str, str]]) -> bytes:
    """Return a scene as a document; `meta` are names and contents for its head."""
    out: list[bytes] = []
    kinds: set[str] = set()
    for child in children:
        _element(out, kinds, child, "children")
    return b"".join((*_head(kinds, meta), *out, b"</Scene>\n</X3D>\n"))


def _head(kinds: set[str], meta: Sequence[tuple[str, str]]) -> list[bytes]:
    head = [
        b"<?xml version='1.0' encoding='UTF-8'?>\n<X3D version='3.3' profile='Interchange'",
        _SCHEMA,
        b">\n",
    ]
    lines = [
        b"<component name='%b' level='%d'/>\n" % (name.encode(), level)
        for name, level in components(kinds)
    ]
    lines += [b"<meta name='%b' content='%b'/>\n" % (_text(name), _text(it)) for name, it in meta]
    return [*head, b"<head>\n", *lines, b"</head>\n<Scene>\n"]


def _element(out: list[bytes], kinds: set[str], given: Node | Use, field: str) -> None:
    begin, end = _tags(given.kind)
    contained = _container(given.kind, field)
    if isinstance(given, Use):
        out.append(b"%b USE='%b'%b/>\n" % (begin, given.name.encode(), contained))
        return
    kinds.add(given.kind)
    out.append(begin)
    if given.name:
        out.append(b" DEF='%b'" % given.name.encode())
    children: list[tuple[str, Nodes]] = []
    for name, value in given.fields.items():
        text = _TEXTS.get(type(value))
        if text is not None:
            out += (_key(name), text(value), b"'")
        else:
            children.append((name, nodes_of(value)))
    if not children:
        out.append(contained + b"/>\n")
        return
    out.append(contained + b">\n")
    for name, several in children:
        for child in several:
            _element(out, kinds, child, name)
    out.append(end)


# There are as many of these as there are kinds of nodes and names of fields.
@cache
def _tags(kind: str) -> tuple[bytes, bytes]:
    return b"<" + kind.encode(), b"</" + kind.encode() + b">\n"


@cache
def _key(name: str) -> bytes:
    return b" " + name.encode() + b"='"


@cache
def _container(kind: str, field: str) -> bytes:
    if field == _CONTAINERS.get(kind, "children"):
        return b""
    return b" containerField='" + field.encode() + b"'"


@lru_cache(maxsize=1024)
def _text(value: str) -> bytes:
    """Return a text for an attribute; most are names of attributes, which all features have."""
    return clean(value).translate(_ESCAPES).encode()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _strings(value: Strings) -> bytes:
    return _text(" ".join(map(_quoted, value.items)))


def _flag(value: bool) -> bytes:
    return b"true" if value else b"false"


def _numbers(value: Numbers) -> bytes:
    return value.text


def _vector(value: Vector) -> bytes:
    return vector(value)


_TEXTS: Final[dict[type, Callable[[Any], bytes]]] = {
    bool: _flag, int: number, float: number, str: _text, tuple: _vector, Strings: _strings,
    Numbers: _numbers,
}  # fmt: skip
