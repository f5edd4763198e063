"""Names and values as clients and services really write them. PURE.

The tables, figures and examples of the text disagree in spelling. The rule: write the tables'
spelling, read every variant. Names are compared without case, blanks, `_` and quotes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gotapi_creation.wire.codes import Code, CreationError

LARGEST_ANSWER: Final = 1 << 20  # bytes of one JSON message; templates are the longest we know
LARGEST_INT: Final = 1 << 53  # exclusive: what JavaScript reads exactly
LONGEST_TEXT: Final = 8192  # characters of one value
_LONGEST_LIST: Final = 1000  # entries of one array, such as templates
_QUOTES: Final = "\"'\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f`\ufffd"
_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no"})
# Folded misspelling -> folded name.
_ALIASES: Final = {
    "resquestcode": "requestcode",  # all figures
    "3dconecntcreationserverlist": "3dcontentcreationserverlist",  # the table of 7.2.2
    "numshi": "numsil",  # the https example of 7.4.2
}

Folded = Mapping[str, object]


def fold(name: str) -> str:
    """Return a name without case, blanks, quotes and `_`, its misspellings put right."""
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    return _ALIASES.get(plain, plain)


def unquote(text: str) -> str:
    """Return a value without blanks and quotes around it, straight or curly, one or both."""
    return text.strip().strip(_QUOTES).strip()


def object_of(data: bytes | str) -> Folded:
    """Return a JSON object with folded names; raises CreationError(BAD_ANSWER)."""
    if len(data) > LARGEST_ANSWER:
        raise bad_answer(f"is longer than {LARGEST_ANSWER} bytes")
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise bad_answer(f"is not JSON ({error})") from error
    return folded(found)


def folded(value: object) -> Folded:
    """Return an object with folded names, the first of equal ones; raises CreationError."""
    if not isinstance(value, dict):
        raise bad_answer(f"is {kind_of(value)}, not an object")
    names: dict[str, object] = {}
    for name, member in value.items():
        names.setdefault(fold(str(name)), member)
    return names


def bad_answer(what: str) -> CreationError:
    """Return the failure for a message of a service that `what` is said of."""
    return CreationError(Code.BAD_ANSWER, f"The creation service's message {what}")


def kind_of(value: object) -> str:
    """Return what a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    return "text" if isinstance(value, str) else "an array" if isinstance(value, list) else "object"


def text_of(value: object) -> str | None:
    """Return text, also from a number or an array of one (figure 7.1); None for anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return unquote(value)[:LONGEST_TEXT]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def int_of(value: object) -> int | None:
    """Return a whole number, also from text; None where it is none or not exact everywhere."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        plain = unquote(value)
        sign = plain[:1] in {"-", "+"}
        digits = plain[1:] if sign else plain
        if not (digits.isascii() and digits.isdigit() and len(digits) < 17):
            return None
        value = int(plain)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or abs(value) >= LARGEST_INT:
        return None
    return value


def float_of(value: object) -> float | None:
    """Return a finite number, also from text; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        plain = unquote(value)
        if len(plain) > 40 or "_" in plain:
            return None
        try:
            value = float(plain)
        except ValueError:
            return None
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def bool_of(value: object) -> bool | None:
    """Return TRUE, true, 1 and their like as a boolean; None for anything else."""
    if isinstance(value, bool):
        return value
    word = (text_of(value) or "").lower()
    return True if word in _TRUE else False if word in _FALSE else None


def list_of(value: object, name: str) -> Sequence[object]:
    """Return an array, one object as an array of one; raises CreationError(BAD_ANSWER)."""
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise bad_answer(f"has {kind_of(value)} as '{name}', not an array")
    if len(value) > _LONGEST_LIST:
        raise bad_answer(f"has more than {_LONGEST_LIST} entries in '{name}'")
    return value


def need_text(members: Folded, name: str) -> str:
    """Return a member that must be text; raises CreationError(BAD_ANSWER)."""
    found = text_of(members.get(fold(name)))
    if not found:
        raise bad_answer(f"has no '{name}'")
    return found


def need_int(members: Folded, name: str) -> int:
    """Return a member that must be a whole number; raises CreationError(BAD_ANSWER)."""
    found = int_of(members.get(fold(name)))
    if found is None:
        raise bad_answer(f"has no whole number '{name}'")
    return found


def maybe_text(members: Folded, name: str) -> str:
    """Return a member that may be text; empty where it is missing."""
    return text_of(members.get(fold(name))) or ""


def maybe_int(members: Folded, name: str) -> int | None:
    """Return a member that may be a whole number."""
    return int_of(members.get(fold(name)))


def maybe_float(members: Folded, name: str) -> float | None:
    """Return a member that may be a number."""
    return float_of(members.get(fold(name)))
