"""PURE: XML from a server: no DTD, no entities, and names without regard to prefixes."""

from collections.abc import Iterator
from typing import Final

from lxml import etree

from gotapi_core.conformance.model import Failed

CORE: Final = "http://www.opengis.net/3dps/1.0/core"
SCENE: Final = "http://www.opengis.net/3dps/1.0/scene"
VIEW: Final = "http://www.opengis.net/3dps/1.0/view"
INFO: Final = "http://www.opengis.net/3dps/1.0/info"
OWS: Final = "http://www.opengis.net/ows/2.0"
XLINK: Final = "http://www.w3.org/1999/xlink"

Element = etree._Element


def parse(body: bytes, what: str = "the answer") -> Element:
    """Return the root of a document; raises Failed where it is not well-formed, or has a DTD."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
    )
    try:
        root: Element = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Failed(f"{what} is no well-formed XML: {error}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Failed(f"{what} has a DTD, which clients do not read")
    return root


def local(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return etree.QName(element).localname


def space(element: Element) -> str:
    """Return the namespace of an element; empty where it has none."""
    return etree.QName(element).namespace or ""


def children(element: Element | None, *names: str) -> list[Element]:
    """Return the children, or those of some local names, in order."""
    if element is None:
        return []
    found = [one for one in element if isinstance(one.tag, str)]
    return [one for one in found if local(one) in names] if names else found


def child(element: Element | None, name: str) -> Element | None:
    """Return the first child of a local name."""
    return next(iter(children(element, name)), None)


def text(element: Element | None, name: str = "") -> str:
    """Return the text of an element, or of its first child of a name; empty where there is none."""
    found = child(element, name) if name else element
    return "" if found is None else (found.text or "").strip()


def everywhere(element: Element, *names: str) -> Iterator[Element]:
    """Yield the element and all below it that have one of the local names."""
    for one in element.iter():
        if isinstance(one.tag, str) and local(one) in names:
            yield one


def numbers(words: str, what: str) -> tuple[float, ...]:
    """Return numbers separated by blanks or commas; raises Failed for what is none."""
    try:
        return tuple(float(word) for word in words.replace(",", " ").split())
    except ValueError:
        raise Failed(f"{what} holds {words[:80]!r}, which are no numbers") from None
