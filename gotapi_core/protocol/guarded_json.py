"""JSON from outside: bounded depth, no duplicate members, no NUL. PURE.

A decoder that recurses must not see a document before its depth is known, so the depth is found
on the bytes first: strings are cut out, only brackets are kept, and their running sum is the
depth. That holds for malformed text too: up to where a decoder would stop, both agree on where
strings begin and end, and so the sum is never less than the depth the decoder reaches.
"""

from __future__ import annotations

import re
from array import array
from itertools import accumulate
from typing import Final

import msgspec

from gotapi_core.protocol.errors import InvalidParameter

# The closing quote is optional: a string that never ends must not be tried again at every quote.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NUL_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_STEPS: Final = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")  # +1 and -1 as signed bytes
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")


def decode_object(text: bytes, *, depth: int) -> dict[str, object]:
    """Return the members of a JSON object; raises InvalidParameter for anything else.

    Refused: nesting deeper than `depth`, a member twice in one object at any level, and NUL.
    """
    value = decode_value(text, depth=depth)
    if not isinstance(value, dict):
        raise InvalidParameter("The JSON text must be an object: {...}")
    return value


def decode_value(text: bytes, *, depth: int) -> object:
    """Return any JSON value; refuses what `decode_object` does."""
    skeleton = _STRING.sub(b"", text)
    _check_depth(skeleton, depth)
    if _NUL_ESCAPE.search(text):
        raise InvalidParameter("The JSON text has a NUL character (\\u0000); remove it")
    try:
        value: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"The JSON text is malformed: {error}") from None
    # Outside strings there is one colon per member as written; a decoded object holds a member
    # that was written twice only once.
    if skeleton.count(b":") != _count_members(value):
        raise InvalidParameter("The JSON text has the same member twice in one object")
    return value


def nested_deeper(text: bytes, depth: int) -> bool:
    """Tell whether a JSON text, malformed or not, is nested deeper than so many levels."""
    if text.count(b"[") + text.count(b"{") <= depth:
        return False  # mostly, and found without cutting the strings out
    return _deeper(_STRING.sub(b"", text), depth)


def _check_depth(skeleton: bytes, depth: int) -> None:
    if _deeper(skeleton, depth):
        raise InvalidParameter(f"The JSON text is nested deeper than {depth} levels")


def _deeper(skeleton: bytes, depth: int) -> bool:
    if skeleton.count(b"[") + skeleton.count(b"{") <= depth:
        return False
    steps = array("b", skeleton.translate(_STEPS, _NOT_BRACKETS))
    return max(accumulate(steps)) > depth


def _count_members(value: object) -> int:
    """Count the members of all objects in a tree, without recursion."""
    count = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            count += len(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return count
