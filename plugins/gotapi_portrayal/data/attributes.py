"""PURE: attributes of any shape as plain values under dotted names."""

from typing import Any, Final

import msgspec

from gotapi_portrayal.data.types import Attribute

MOST: Final = 500
"""Attributes of one feature; national models have up to a hundred."""
LONGEST_NAME: Final = 200
LONGEST_VALUE: Final = 4_000
"""Characters of a value; a description, not a book."""
DEEPEST: Final = 8


def flattened(found: dict[str, Any]) -> dict[str, Attribute]:
    """Return the attributes with what is nested under dotted names and lists as JSON text.

    What is too much is left out.
    """
    plain: dict[str, Attribute] = {}
    _flatten(found, "", plain, 0)
    return plain


def _flatten(found: dict[str, Any], before: str, plain: dict[str, Attribute], depth: int) -> None:
    for key, value in found.items():
        if len(plain) >= MOST:
            return
        name = f"{before}{key}"[:LONGEST_NAME]
        if isinstance(value, dict):
            if depth < DEEPEST:
                _flatten(value, f"{name}.", plain, depth + 1)
        elif isinstance(value, list):
            if len(value) == 1 and isinstance(value[0], dict) and depth < DEEPEST:
                _flatten(value[0], f"{name}.", plain, depth + 1)
            else:
                plain[name] = msgspec.json.encode(value).decode()[:LONGEST_VALUE]
        elif isinstance(value, str):
            plain[name] = value[:LONGEST_VALUE]
        elif value is None or isinstance(value, bool | int | float):
            plain[name] = value
