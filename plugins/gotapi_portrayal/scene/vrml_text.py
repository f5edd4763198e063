"""PURE: scene graphs as text: X3D in classic VRML encoding (ISO/IEC 19776-2) and VRML97."""

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

VRML97: Final = b"#VRML V2.0 utf8\n"


def classic(children: Nodes, meta: Sequence[tuple[str, str]]) -> bytes:
    """Return a scene as X3D in classic encoding; `meta` are names and contents for its head."""
    kinds: set[str] = set()
    body = _body(children, kinds)
    head = [b"#X3D V3.3 utf8\nPROFILE Interchange\n"]
    head += [b"COMPONENT %b:%d\n" % (name.encode(), level) for name, level in components(kinds)]
    head += [b"META %b %b\n" % (_string(name), _string(content)) for name, content in meta]
    return b"".join((*head, *body))


def vrml97(children: Nodes) -> bytes:
    """Return a scene as VRML97; nodes and fields have to be those of VRML97."""
    return b"".join((VRML97, *_body(children, set())))


def _body(children: Nodes, kinds: set[str]) -> list[bytes]:
    out: list[bytes] = []
    for child in children:
        _statement(out, kinds, child)
        out.append(b"\n")
    return out


def _statement(out: list[bytes], kinds: set[str], given: Node | Use) -> None:
    if isinstance(given, Use):
        out.append(b"USE " + given.name.encode())
        return
    kinds.add(given.kind)
    if given.name:
        out.append(b"DEF %b " % given.name.encode())
    out.append(_word(given.kind) + b"{")
    for name, value in given.fields.items():
        out.append(_word(name))
        text = _TEXTS.get(type(value))
        if text is not None:
            out.append(text(value))
        elif isinstance(value, (Node, Use)):
            _statement(out, kinds, value)
        else:
            _nodes(out, kinds, nodes_of(value))
    out.append(b" }")


def _nodes(out: list[bytes], kinds: set[str], given: Nodes) -> None:
    out.append(b"[\n")
    for one in given:
        _statement(out, kinds, one)
        out.append(b"\n")
    out.append(b"]")


@cache
def _word(name: str) -> bytes:
    """Return the name of a kind or a field, of which there are few."""
    return b" " + name.encode() + b" "


@lru_cache(maxsize=1024)
def _string(text: str) -> bytes:
    """Return a string; most are names of attributes, which all features have."""
    return b'"' + clean(text).replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


def _strings(value: Strings) -> bytes:
    return b"[ " + b" ".join(map(_string, value.items)) + b" ]"


def _flag(value: bool) -> bytes:
    return b"TRUE" if value else b"FALSE"


def _numbers(value: Numbers) -> bytes:
    return b"[ " + value.text + b" ]"


def _vector(value: Vector) -> bytes:
    return vector(value)


_TEXTS: Final[dict[type, Callable[[Any], bytes]]] = {
    bool: _flag, int: number, float: number, str: _string, tuple: _vector, Strings: _strings,
    Numbers: _numbers,
}  # fmt: skip
