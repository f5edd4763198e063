"""PURE: pictures that slicers write into comments of G-code, as PrusaSlicer and its kin do.

; thumbnail begin 220x124 5128
; iVBORw0KGgo...
; thumbnail end
"""

import base64
import binascii
import re
from typing import Final

import msgspec

MOST: Final = 16
"""Pictures of one file; slicers write two or three sizes."""
LARGEST: Final = 1 << 20
"""Bytes of one as text; a picture of 640 x 480 has some hundred thousand."""
_WIDEST: Final = 4096  # pixels

_BEGIN: Final = re.compile(
    rb";\s*thumbnail(?:_(PNG|JPG|QOI))? begin\s+(\d{1,5})\s*x\s*(\d{1,5})(?:\s+\d+)?\s*$",
    re.IGNORECASE,
)
_END: Final = re.compile(rb";\s*thumbnail(?:_[A-Z]+)? end\s*$", re.IGNORECASE)
_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"qoif", "image/qoi"),
)


class Thumbnail(msgspec.Struct, frozen=True):
    """One picture; `data` is the file itself, checked to be of its type by its first bytes."""

    width: int
    height: int
    content_type: str
    data: bytes


class Thumbnails:
    """Collects the pictures of a file, comment by comment."""

    def __init__(self) -> None:
        self.found: list[Thumbnail] = []
        self._size: tuple[int, int] | None = None
        self._text = bytearray()

    def comment(self, comment: bytes) -> bool:
        """Take a comment from its `;` on; returns whether it belonged to a picture."""
        if self._size is not None:
            return self._inside(comment)
        match = _BEGIN.match(comment)
        if match is None:
            return False
        self._size = int(match[2]), int(match[3])
        self._text.clear()
        return True

    def _inside(self, comment: bytes) -> bool:
        if _END.match(comment):
            self._finish()
        elif len(self._text) <= LARGEST:
            self._text += comment.strip(b"; \t\r\n")
        return True

    def _finish(self) -> None:
        size, self._size = self._size, None
        if len(self._text) > LARGEST or len(self.found) >= MOST:
            return
        try:
            data = base64.b64decode(bytes(self._text), validate=True)
        except (binascii.Error, ValueError):
            return
        kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), "")
        if kind and size is not None and min(size) > 0 and max(size) <= _WIDEST:
            self.found.append(Thumbnail(*size, kind, data))
