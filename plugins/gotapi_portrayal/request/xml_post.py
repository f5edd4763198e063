"""Requests in XML into the same fields as KVP, so that both are checked alike. PURE.

The text's example and the posted schemas disagree on namespaces, on lists (elements or one text
with commas) and on positions (X1, X2, X3 or one text with blanks): all of these are read.
"""

from gotapi_portrayal.request.errors import Code, OwsError, invalid, shown
from gotapi_portrayal.request.fields import MAX_ITEMS, MAX_VALUE, Fields, Leaf, Value
from gotapi_portrayal.request.kvp import MAX_PORTRAYALS
from gotapi_portrayal.request.projections import ORTHOGRAPHIC, PERSPECTIVE, POSITIONS
from gotapi_portrayal.request.xml_tree import Element, read_xml

NAMESPACES = frozenset(
    {"", "http://www.opengis.net/ows/1.1", "http://www.opengis.net/ows/2.0"}
    | {f"http://www.opengis.net/3dps/1.0{part}" for part in ("", "/core", "/scene", "/view")}
    | {"http://www.opengis.net/3dps/1.0/info"}
)
_ATTRIBUTES = ("service", "version", "request", "updateSequence", "schema")
_PROJECTIONS = {"perspective": PERSPECTIVE, "orthographic": ORTHOGRAPHIC}
# Where a list may be one text with commas. The others repeat, or are one value with its commas.
_COMMAS = frozenset(
    {"layers", "styles", "lods", "overallstyles", "deliveryoptions", "viewpoints", "imagelayers"}
    | {"qualities", "formats"}
)
_POSITIONS = frozenset({"offset", "coordinate", "imageposition"})


def read_document(document: bytes) -> Fields:
    """Return the fields of a request in XML; raises OwsError.

    The root element names the operation; an attribute `request` must not name another.
    """
    root = read_xml(document)
    if root.namespace not in NAMESPACES:
        raise OwsError(
            Code.NO_APPLICABLE_CODE,
            f"The root element is in the namespace {shown(root.namespace)}, which is not one of "
            "3DPS 1.0",
            "",
            400,
        )
    values = {
        name.lower(): _one(name, root.attributes[name])
        for name in _ATTRIBUTES
        if name in root.attributes
    }
    operation = values.setdefault("request", _one("request", root.name))
    if operation.whole.text != root.name:
        raise invalid("request", f"{shown(operation.whole.text)} in an element <{root.name}>")
    portrayals: tuple[Fields, ...] = ()
    fault: OwsError | None = None
    for child in root.children:
        name = child.name.lower()
        if name == "portrayals":
            portrayals, fault = _portrayals(child)
        elif name != "extensions":  # RequestBase: none are defined
            _add(values, *_component(child))
    return Fields(values, portrayals, fault)


def _add(values: dict[str, Value], name: str, value: Value) -> None:
    """Add an element; one that repeats goes on with the list (ObjectId, DeliveryOptions)."""
    before = values.get(name)
    if before is not None:
        if name not in ("objectid", "deliveryoptions"):
            raise invalid(name, "the element comes twice")
        value = _joined(name, (*before.items, *value.items))
    values[name] = value


def _joined(name: str, items: tuple[Leaf, ...]) -> Value:
    if len(items) > MAX_ITEMS:
        raise invalid(name, f"more than {MAX_ITEMS} entries")
    if any(len(leaf.text) > MAX_VALUE for leaf in items):
        raise invalid(name, f"an entry is longer than {MAX_VALUE} characters")
    text = ",".join(leaf.text for leaf in items)
    return Value(Leaf(text, text), items)


def _many(name: str, texts: list[str]) -> Value:
    return _joined(name, tuple(Leaf(text.strip(), text.strip()) for text in texts))


def _one(name: str, text: str) -> Value:
    return _many(name, [text])


def _value(element: Element) -> Value:
    name = element.name.lower()
    if name == "boundingbox":
        return _box(element)
    if name in _POSITIONS:
        return _many(name, _position(element))
    if element.children:  # ows:Identifier, Version, Section, OutputFormat, Language, Format
        return _many(name, [child.text for child in element.children])
    if name in _COMMAS:
        return _many(name, element.text.split(","))
    return _one(name, element.text)


def _box(element: Element) -> Value:
    corners: list[str] = []
    for part in ("LowerCorner", "UpperCorner"):
        corner = element.find(part)
        if corner is None:
            raise invalid("boundingBox", f"the element {part} is missing")
        corners += corner.text.split()
    if crs := element.attributes.get("crs"):
        corners.append(crs)
    return _many("boundingBox", corners)


def _position(element: Element | None) -> list[str]:
    if element is None:
        return []
    if element.children:
        found = (element.find(part) for part in ("X1", "X2", "X3"))
        return [part.text for part in found if part is not None]
    return element.text.replace(",", " ").split()


def _projection(element: Element) -> Value:
    """Return the tuple of KVP: the name of the type, then its values in the order of the tables."""
    kind = _kind(element)
    rest = _PROJECTIONS.get(kind.lower())
    if rest is None:
        raise invalid("projection", f"{shown(kind)} is not Perspective or Orthographic")
    texts = [kind]
    for part in POSITIONS:
        position = _position(element.find(part))
        if position and len(position) != 3:
            raise invalid("projection", f"{part} needs three numbers")
        texts += position or ["", "", ""]
    for part in rest:
        found = element.find(part)
        texts.append("" if found is None else found.text)
    return _many("projection", texts)


def _kind(element: Element) -> str:
    """Return the type of a projection: by its identifier, its xsi:type or its element."""
    for given in ("TypeName", "Identifier"):
        if (found := element.find(given)) is not None and found.text.strip():
            return found.text.strip()
    kind = element.attributes.get("type", "").rpartition(":")[2].removesuffix("Type")
    return (kind or element.name).removesuffix("Projection")


def _portrayals(element: Element) -> tuple[tuple[Fields, ...], OwsError | None]:
    found = element.all("Portrayal")
    if len(found) > MAX_PORTRAYALS:
        fault = invalid("portrayals", f"more than {MAX_PORTRAYALS} portrayals in one request")
        return (), fault
    try:
        return tuple(_portrayal(one) for one in found), None
    except OwsError as error:
        return (), error


def _portrayal(element: Element) -> Fields:
    values: dict[str, Value] = {}
    for child in element.children:
        _add(values, *_component(child))
    return Fields(values)


def _component(element: Element) -> tuple[str, Value]:
    """Return the name and value of an element; `<Projection>` may have the real one inside."""
    name = element.name.lower()
    if not name.endswith("projection"):
        return name, _value(element)
    inner = element.children[0] if len(element.children) == 1 else element
    return "projection", _projection(inner if inner.name.endswith("Projection") else element)
