"""A raw query string into fields: percent-encoding is undone last, leaf by leaf. PURE.

3DPS 10.7.1 separates portrayals by `@`, their components by `;`, names from values by `=` and list
entries by `,`, and wants these characters encoded inside values. Who decodes the query first, or
splits it at `;` as old query parsers do, can no longer tell the two apart.
"""

import re
from urllib.parse import unquote_to_bytes

from gotapi_portrayal.request.errors import OwsError, invalid, missing, shown
from gotapi_portrayal.request.fields import MAX_ITEMS, MAX_VALUE, Fields, Leaf, Value

MAX_QUERY = 65_536  # bytes; twice what common servers accept in a request line
MAX_PARAMETERS = 100
MAX_PORTRAYALS = 32
_BROKEN = re.compile("%(?![0-9A-Fa-f]{2})")


def read_query(query: bytes) -> Fields:
    """Return the fields of a query string as it was sent; raises OwsError.

    Names count in any case (OWS Common 2.0, 11.5.2); one that comes twice is an error. Faulty
    portrayals are left in `fault`, since their request may say how it wants to hear of it.
    """
    if len(query) > MAX_QUERY:
        raise invalid("request", f"the query is longer than {MAX_QUERY} bytes")
    values: dict[str, Value] = {}
    raw: str | None = None
    for name, value in _pairs(query):
        if name in values:
            raise invalid(name, "the parameter comes twice (names count in any case)")
        values[name] = _value(name, value)
        if name == "portrayals":
            raw = value
    if raw is None or values["portrayals"].empty:
        return Fields(values)
    try:
        return Fields(values, read_portrayals(raw))
    except OwsError as error:
        return Fields(values, (), error)


def read_portrayals(raw: str) -> tuple[Fields, ...]:
    """Return the components of each portrayal of a value that is still encoded; raises OwsError."""
    if ";" not in raw and "%3b" in raw.lower():
        # Without one raw `;` no portrayal fits the grammar: the whole value was encoded once more.
        raw = _decoded("portrayals", raw, plus=False)
    parts = raw.split("@")
    if len(parts) > MAX_PORTRAYALS:
        raise invalid("portrayals", f"more than {MAX_PORTRAYALS} portrayals in one request")
    return tuple(_portrayal(part) for part in parts)


def _portrayal(raw: str) -> Fields:
    if not raw.strip():
        raise invalid("portrayals", "there is nothing before or after an '@'")
    values: dict[str, Value] = {}
    for component in raw.split(";"):
        name, sign, value = component.partition("=")
        own = _decoded("portrayals", name, plus=True).strip().lower()
        if own not in COMPONENTS or not sign:
            raise invalid(
                "portrayals",
                f"{shown(own)} is not one of its components {', '.join(COMPONENTS).upper()}, "
                "each as NAME=value and separated by ';'; a ';' in a MIME type is sent as %3B",
            )
        if own in values:
            raise invalid("portrayals", f"{own.upper()} comes twice in one portrayal")
        values[own] = _value(own, value)
    return Fields(values)


COMPONENTS = ("width", "height", "projection", "imagelayers", "formats", "qualities")


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        text = query.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid("request", "the query is not UTF-8") from None
    parts = [part for part in text.split("&") if part]
    if len(parts) > MAX_PARAMETERS:
        raise invalid("request", f"more than {MAX_PARAMETERS} parameters")
    pairs = []
    for part in parts:
        name, _, value = part.partition("=")
        own = _decoded("request", name, plus=True).strip().lower()
        if not own:
            raise missing("request", "a parameter has no name")
        pairs.append((own, value))
    return pairs


def _value(name: str, raw: str) -> Value:
    """Split first, decode after."""
    parts = raw.split(",")
    if len(parts) > MAX_ITEMS:
        raise invalid(name, f"more than {MAX_ITEMS} entries")
    whole = _leaf(name, raw, len(parts))
    if len(parts) > 1 or name not in LISTS or "," not in whole.exact:
        return Value(whole, tuple(_leaf(name, part) for part in parts))
    # Clients that build a query from pairs encode every comma; one inside an entry twice.
    entries = [_again(entry) for entry in whole.exact.split(",")]
    if len(entries) > MAX_ITEMS:
        raise invalid(name, f"more than {MAX_ITEMS} entries")
    return Value(whole, tuple(Leaf(entry.replace("+", " "), entry) for entry in entries))


# A value of these without a raw comma, but with encoded ones, is a list encoded as a whole.
# MIME types are not among them: 3DPS 10.7.1 has `image/png;mode=24bit%2Cencoding=x` in FORMATS.
LISTS = frozenset(
    {"acceptversions", "sections", "acceptformats", "acceptlanguages", "boundingbox", "layers"}
    | {"styles", "lods", "overallstyles", "deliveryoptions", "offset", "viewpoints", "objectid"}
    | {"coordinate", "imageposition", "projection", "qualities", "imagelayers"}
)


def _again(entry: str) -> str:
    return entry.replace("%2C", ",").replace("%2c", ",")


def _leaf(name: str, raw: str, parts: int = 1) -> Leaf:
    if len(raw) > MAX_VALUE * 3 * parts:
        raise invalid(name, f"an entry is longer than {MAX_VALUE} characters")
    return Leaf(_decoded(name, raw, plus=True), _decoded(name, raw, plus=False))


def _decoded(name: str, raw: str, *, plus: bool) -> str:
    """Undo percent-encoding; with `plus` also that of forms, where `+` is a blank."""
    if _BROKEN.search(raw):
        raise invalid(name, f"{shown(raw)} has a '%' without two hexadecimal digits")
    text = raw.replace("+", " ") if plus else raw
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise invalid(name, f"{shown(raw)} is not UTF-8 when decoded") from None
