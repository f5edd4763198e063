"""PURE: the small parts of the metadata document, in the form of the text or of the posted schemas.

Where the two disagree the form decides; docs/portrayal.md has the table of all these places.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from gotapi_portrayal.catalogue import CrsBox, CrsInfo, Described, Texts
from gotapi_portrayal.request.types import Position

OWS = "http://www.opengis.net/ows/2.0"
CORE = "http://www.opengis.net/3dps/1.0/core"
SCENE = "http://www.opengis.net/3dps/1.0/scene"
VIEW = "http://www.opengis.net/3dps/1.0/view"
INFO = "http://www.opengis.net/3dps/1.0/info"
XLINK = "http://www.w3.org/1999/xlink"
_IMPOSSIBLE = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
XSI = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True, slots=True)
class Form:
    """How a document is written, and in which language of each text."""

    posted: bool = False
    language: str = ""  # "" keeps all

    def core(self, name: str, content: str, attributes: str = "") -> str:
        """Return an element of the core schema.

        Those of the text are in its namespace, as its examples are; local elements of the posted
        schemas are in none, for lack of elementFormDefault.
        """
        tag = name if self.posted else f"core:{name}"
        return f"<{tag}{attributes}>{content}</{tag}>"

    def cores(self, name: str, values: Iterable[str]) -> str:
        return "".join(self.core(name, clean(value)) for value in values)

    def texts(self, name: str, texts: Texts) -> str:
        """Return a text for people in the language asked for, in all where that is none of them."""
        mine = [text for text in texts if text.language == self.language]
        chosen = mine if self.language and mine else texts
        return "".join(
            ows(name, text.text, f" xml:lang={quoted(text.language)}" if text.language else "")
            for text in chosen
        )

    def described(self, one: Described) -> str:
        """Return title, abstract and keywords, in the order of ows:DescriptionType."""
        words = "".join(ows("Keyword", word) for word in one.keywords)
        keywords = f"<ows:Keywords>{words}</ows:Keywords>" if words else ""
        return self.texts("Title", one.title) + self.texts("Abstract", one.abstract) + keywords

    def identified(self, name: str, one: Described, rest: str = "") -> str:
        return self.core(name, self.described(one) + ows("Identifier", one.id) + rest)

    def position(self, name: str, position: Position) -> str:
        parts = zip(("X1", "X2", "X3"), position, strict=True)
        return self.core(name, "".join(self.core(part, number(value)) for part, value in parts))

    def box(self, name: str, box: CrsBox, crs: CrsInfo) -> str:
        """Return a bounding box; its CRS goes by its official name, so that axes are certain."""
        low, high = _ordered(box.low, crs), _ordered(box.high, crs)
        corners = ows("LowerCorner", _numbers(low)) + ows("UpperCorner", _numbers(high))
        attributes = f' crs={quoted(crs.uri)} dimensions="{len(low)}"'
        if self.posted:
            return f"<{name}{attributes}>{corners}</{name}>"
        return f"<ows:{name}{attributes}>{corners}</ows:{name}>"


def ows(name: str, text: str, attributes: str = "") -> str:
    return f"<ows:{name}{attributes}>{clean(text)}</ows:{name}>"


def clean(text: str) -> str:
    """Return a text as content of an element."""
    return escape(_possible(text))


def quoted(text: str) -> str:
    """Return a text as the value of an attribute, with its quotes."""
    return quoteattr(_possible(text))


def _possible(text: str) -> str:
    """Leave out what XML cannot contain (XML 1.0, 2.2)."""
    return _IMPOSSIBLE.sub("", text)


def link(name: str, url: str) -> str:
    return f"<ows:{name} xlink:href={quoted(url)}/>"


def flag(value: bool) -> str:
    return "true" if value else "false"


def number(value: float) -> str:
    """Return a number as short as it can be without loss."""
    text = repr(float(value))
    return text.removesuffix(".0")


def _numbers(values: Iterable[float]) -> str:
    return " ".join(number(value) for value in values)


def _ordered(corner: tuple[float, ...], crs: CrsInfo) -> tuple[float, ...]:
    return (corner[1], corner[0], *corner[2:]) if crs.north_first else corner
