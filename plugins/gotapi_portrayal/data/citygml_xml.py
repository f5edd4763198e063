"""PURE: XML as CityGML needs it: parsed as it comes, without DTD, entities or network."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO, Final

from lxml import etree

from gotapi_portrayal.data.types import SceneError

HREF: Final = "{http://www.w3.org/1999/xlink}href"
_IDS: Final = ("{http://www.opengis.net/gml/3.2}id", "{http://www.opengis.net/gml}id")
_HEAD: Final = 1 << 16
_BLOCK: Final = 1 << 20

_CITY: Final = re.compile(rb"http://www\.opengis\.net/(?:citygml|gml)|citygml\.org/citygml")
_SRS: Final = re.compile(rb"""\bsrsName\s*=\s*["']([^"']{1,500})["']""")
_PLACE: Final = re.compile(
    rb"<(?:\w+:)?(?:lowerCorner|posList|pos)\b[^>]*>\s*"
    rb"([-+.\deE]+)[\s]+([-+.\deE]+)(?:\s+([-+.\deE]+))?"
)


@lru_cache(4096)
def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def local(element: etree._Element) -> str:
    """Return the name of an element without its namespace; "" for comments and the like."""
    return _local(element.tag)


def space(element: etree._Element) -> str:
    """Return the namespace of an element."""
    tag = element.tag
    return tag.rpartition("}")[0][1:] if isinstance(tag, str) else ""


def words(element: etree._Element) -> str:
    """Return the text of an element without what is around it."""
    return (element.text or "").strip()


def gml_id(element: etree._Element) -> str:
    """Return its gml:id, or ""."""
    return element.get(_IDS[0]) or element.get(_IDS[1]) or ""


def is_citygml(head: bytes) -> bool:
    """Tell whether a file seems to be CityGML, by how it begins."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith(b"<") and _CITY.search(head) is not None


def scan(file: BinaryIO) -> tuple[str, tuple[float, float, float] | None, bool]:
    """Look through a file: its first srsName, a place in it, and whether it has a second sight.

    That is so where appearances or shared geometries may stand behind what they are for.
    """
    name, place, again, rest = "", None, False, b""
    file.seek(0)
    while block := file.read(_BLOCK):
        text = rest + block
        if not name and (found := _SRS.search(text)):
            name = found[1].decode("utf-8", "replace")
        if place is None and (where := _PLACE.search(text)):
            place = _triple(where)
        again = again or b"Appearance" in text or b"relativeG" in text
        rest = text[-1024:]
        if name and place is not None and again:
            break
    return name, place, again


def members(file: BinaryIO, names: tuple[str, ...]) -> Iterator[etree._Element]:
    """Parse a file and give elements of these names as they end; each is gone afterwards.

    Elements within given ones are not given. Raises SceneError for what is not well-formed, has a
    DTD, or is nested deeper than 256.
    """
    file.seek(0)
    _refuse_dtd(file.read(_HEAD))
    file.seek(0)
    try:
        events = etree.iterparse(
            file,
            events=("end",),
            tag=[f"{{*}}{name}" for name in names],
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        for _, element in events:
            info = element.getroottree().docinfo
            if info.internalDTD is not None:
                raise SceneError(_DTD)
            yield element
            _forget(element)
    except etree.XMLSyntaxError as error:
        raise SceneError(f"the XML is damaged: {error.msg}") from None


_DTD: Final = "it has a DTD, which CityGML never needs and which can be made to do harm; remove it"


def _refuse_dtd(head: bytes) -> None:
    # Also in the encodings of two bytes that a parser would take.
    if b"<!DOCTYPE" in head.replace(b"\0", b"") or b"<!ENTITY" in head.replace(b"\0", b""):
        raise SceneError(_DTD)


def _forget(element: etree._Element) -> None:
    """Let go of an element and of all that stood before it."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        del parent[: parent.index(element)]


def _triple(found: "re.Match[bytes]") -> tuple[float, float, float] | None:
    try:
        return float(found[1]), float(found[2]), float(found[3] or b"0")
    except ValueError:
        return None
