"""A small XML document into elements, with limits and without document types or entities. PURE."""

from dataclasses import dataclass, field
from xml.parsers.expat import ErrorString, ExpatError, ParserCreate

from gotapi_portrayal.request.errors import Code, OwsError

MAX_BYTES = 1 << 20  # a GetView of 32 portrayals has some 50 KB
MAX_DEPTH = 16  # the deepest request has 6
MAX_ELEMENTS = 20_000
_SEPARATOR = " "  # between namespace and name, as neither contains one


@dataclass(slots=True)
class Element:
    """An element: names without their namespaces, which documents of 3DPS mix freely."""

    namespace: str
    name: str
    attributes: dict[str, str]
    children: "list[Element]" = field(default_factory=list)
    text: str = ""

    def find(self, name: str) -> "Element | None":
        """Return the first child of a name, in any case."""
        return next((one for one in self.children if one.name.lower() == name.lower()), None)

    def all(self, name: str) -> "list[Element]":
        return [one for one in self.children if one.name.lower() == name.lower()]


def read_xml(document: bytes) -> Element:
    """Return the root element; raises OwsError.

    A document type is refused at its first character, so that no entity is ever defined: neither
    one that grows nor one that names a file.
    """
    if len(document) > MAX_BYTES:
        raise _bad(f"it is longer than {MAX_BYTES} bytes")
    reader = _Reader()
    try:
        reader.parser.Parse(document, True)
    except ExpatError as error:
        raise _bad(f"{ErrorString(error.code)} in line {error.lineno}") from None
    except (ValueError, LookupError, UnicodeError):
        raise _bad("its encoding is not known; UTF-8 was expected") from None
    return reader.root


class _Reader:
    """What expat calls; its own limits on entities never come to be needed."""

    def __init__(self) -> None:
        self.parser = ParserCreate(namespace_separator=_SEPARATOR)
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self._open = [Element("", "", {})]
        self._count = 0

    @property
    def root(self) -> Element:
        return self._open[0].children[0]

    def _doctype(self, *_: object) -> None:
        raise _bad("it has a document type, which requests need none of")

    def _start(self, full: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise _bad(f"more than {MAX_ELEMENTS} elements, or deeper than {MAX_DEPTH}")
        namespace, _, name = full.rpartition(_SEPARATOR)
        own = {key.rpartition(_SEPARATOR)[2]: value for key, value in attributes.items()}
        element = Element(namespace, name, own)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _data(self, text: str) -> None:
        self._open[-1].text += text


def _bad(why: str) -> OwsError:
    return OwsError(Code.NO_APPLICABLE_CODE, f"The document cannot be read: {why}", "", 400)
