"""PURE: scene graphs as text: X3D in classic VRML encoding (ISO/IEC 19776-2) and VRML97."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from gotapi_portrayal.scene.x3d_nodes import Node, Numbers, Strings, Use, Vector, clean, components
from gotapi_portrayal.scene.x3d_numbers import number, vector

VRML97: Final = b"#VRML V2.0 utf8\n"


def classic(children: Sequence[Node | Use], meta: Sequence[tuple[str, str]]) -> bytes:
    """Return a scene as X3D in classic encoding; `meta` are names and contents for its head."""
    kinds: set[str] = set()
    body = _body(children, kinds)
    head = [b"#X3D V3.3 utf8\nPROFILE Interchange\n"]
    head += [b"COMPONENT %b:%d\n" % (name.encode(), level) for name, level in components(kinds)]
    head += [b"META %b %b\n" % (_string(name), _string(content)) for name, content in meta]
    return b"".join((*head, *body))


def vrml97(children: Sequence[Node | Use]) -> bytes:
    """Return a scene as VRML97; nodes and fields have to be those of VRML97."""
    return b"".join((VRML97, *_body(children, set())))


def _body(children: Sequence[Node | Use], kinds: set[str]) -> list[bytes]:
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
        out.append(b"DEF " + given.name.encode() + b" ")
    out.append(given.kind.encode() + b" {")
    for name, value in given.fields.items():
        out.append(b" " + name.encode() + b" ")
        if isinstance(value, (Node, Use)):
            _statement(out, kinds, value)
        elif isinstance(value, list):
            _nodes(out, kinds, value)
        else:
            out.append(_TEXTS[type(value)](value))
    out.append(b" }")


def _nodes(out: list[bytes], kinds: set[str], given: list[Node | Use]) -> None:
    out.append(b"[\n")
    for one in given:
        _statement(out, kinds, one)
        out.append(b"\n")
    out.append(b"]")


def _string(text: str) -> bytes:
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
