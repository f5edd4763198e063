"""The named values of one request, from KVP or XML alike, and what single values mean. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from gotapi_portrayal.request.errors import OwsError, invalid, missing, shown

MAX_ITEMS = 1000  # entries of one list; the longest real ones are a few dozen layers
MAX_NUMBER = 1e15  # no CRS reaches it, and differences and squares of it stay finite
MAX_VALUE = 4096  # characters of one entry: layer names and URIs are far shorter

_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of a value: `text` with `+` read as a blank, `exact` with it kept."""

    text: str
    exact: str


@dataclass(frozen=True, slots=True)
class Value:
    """One parameter: as a whole, and as the list that its commas make of it."""

    whole: Leaf
    items: tuple[Leaf, ...]

    @property
    def empty(self) -> bool:
        return not self.whole.text.strip()


@dataclass(frozen=True, slots=True)
class Fields:
    """The parameters of a request by name in lower case; `spelling` is theirs in messages."""

    values: Mapping[str, Value]
    portrayals: "tuple[Fields, ...]" = ()
    fault: OwsError | None = field(default=None, compare=False)  # why portrayals cannot be read

    def get(self, name: str) -> Value | None:
        """Return a parameter that has a value, None where it is absent or empty."""
        value = self.values.get(name.lower())
        return None if value is None or value.empty else value

    def given(self, name: str) -> bool:
        """Tell whether the parameter is there, even if empty."""
        return name.lower() in self.values

    def text(self, name: str) -> str | None:
        value = self.get(name)
        return None if value is None else value.whole.text.strip()

    def exact(self, name: str) -> str | None:
        """Return a value in which `+` means itself: MIME types, numbers, CRS names."""
        value = self.get(name)
        return None if value is None else value.whole.exact.strip()

    def need(self, name: str, hint: str = "") -> str:
        """Return a mandatory text; raises MissingParameterValue."""
        text = self.text(name)
        if text is None:
            raise missing(name, hint)
        return text

    def items(self, name: str) -> tuple[str, ...]:
        """Return the entries of a list, those that are empty included; () where it is absent."""
        value = self.get(name)
        return () if value is None else tuple(leaf.text.strip() for leaf in value.items)

    def exact_items(self, name: str) -> tuple[str, ...]:
        value = self.get(name)
        return () if value is None else tuple(leaf.exact.strip() for leaf in value.items)


def boolean(fields: Fields, name: str, default: bool = False) -> bool:
    """Return a boolean: true, false, 1 or 0 in any case."""
    text = fields.text(name)
    if text is None:
        return default
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise invalid(name, f"{shown(text)} is not 'true' or 'false'")


def number(text: str, name: str) -> float:
    """Return a finite number; digits of other scripts, underscores, nan and inf are none."""
    try:
        if not text.isascii() or "_" in text:
            raise ValueError
        value = float(text)
    except ValueError:
        raise invalid(name, f"{shown(text)} is not a number such as 12.5 or 1e3") from None
    if not isfinite(value) or abs(value) > MAX_NUMBER:
        raise invalid(name, f"{shown(text)} is not a number within 1e15")
    return value


def integer(text: str, name: str) -> int:
    """Return a whole number without sign, of at most nine digits."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise invalid(name, f"{shown(text)} is not a whole number such as 640")
    return int(text)


def numbers(items: tuple[str, ...], name: str, *counts: int) -> tuple[float, ...]:
    """Return a list of numbers of one of the lengths."""
    if len(items) not in counts:
        wanted = " or ".join(str(count) for count in counts)
        raise invalid(name, f"{wanted} numbers, separated by commas, were expected")
    return tuple(number(item, name) for item in items)
