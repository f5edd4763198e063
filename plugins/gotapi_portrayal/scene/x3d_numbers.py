"""PURE: arrays as text, many numbers at a time."""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

_encode = msgspec.json.Encoder().encode  # the shortest text that reads back as the same number
_BLANK = ord(" ")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of an array as text, of which any stretch can be had."""

    text: bytes
    starts: NDArray[np.int64]
    """Where each row begins, then where one more would."""

    def part(self, first: int, end: int) -> bytes:
        """Return the rows from `first` up to `end`, with a blank between two numbers."""
        return self.text[self.starts[first] : self.starts[end] - 1] if first < end else b""


def rows(array: NDArray[np.generic], decimals: int | None = None) -> Rows:
    """Return the text of an array (n, k) of finite numbers; floats are rounded to `decimals`."""
    count, width = array.shape
    if not count:
        return Rows(b"", np.zeros(1, np.int64))
    text = _text(array, decimals)
    blanks = np.flatnonzero(np.frombuffer(text, np.uint8) == _BLANK)
    return Rows(text, np.concatenate(([0], blanks[width - 1 :: width] + 1)))


def _text(array: NDArray[np.generic], decimals: int | None) -> bytes:
    if decimals is None:
        listed = array.ravel().tolist()
    else:
        # Adding 0 turns -0 into 0, of which there are many.
        listed = (np.round(array.astype(np.float64), decimals) + 0.0).ravel().tolist()
    text = _encode(listed)[1:-1].replace(b",", b" ") + b" "
    return text if decimals is None else text.replace(b".0 ", b" ")


def number(value: float) -> bytes:
    """Return the shortest text of one finite number."""
    return _encode(value + 0.0).removesuffix(b".0")


def vector(values: tuple[float, ...]) -> bytes:
    """Return a few finite numbers with blanks between them."""
    return b" ".join(map(number, values))
