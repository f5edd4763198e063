"""PURE: is it a picture that may be decoded? Told by its first bytes, before anything unpacks it.

PNG, JPEG and WebP. A picture of 10 kB can unpack to 400 MB, so type, size and frames are read from
the header alone.
"""

import enum
from typing import Final

import msgspec

MAX_FILE: Final = 10 << 20
"""Bytes of a picture; a photograph of 16 megapixels as JPEG has about five million."""
MAX_SIDE: Final = 4096
"""Pixels of a side."""
MAX_PIXELS: Final = 1 << 24
"""Pixels in all: 64 MiB once decoded with alpha."""
MIN_SIDE: Final = 16
"""Pixels of a side; a smaller one shows no figure."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_MOST_SEGMENTS: Final = 4096
"""JPEG segments before the size; a photograph has some dozen."""
_SIZED: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that tell the size (ITU T.81 B.2.2)."""
_BARE: Final = frozenset((0x01, *range(0xD0, 0xD8)))
"""JPEG markers without a length."""

_OTHERS: Final = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"<svg", "an SVG"),
    (b"<?xml", "an SVG or another XML file"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\0\x0cJXL", "a JPEG XL"),
)


class PictureError(ValueError):
    """A picture that is not taken: what is wrong with it and what to do, as the end of a sentence
    that begins with "the picture"."""


class PictureKind(enum.Enum):
    """Kinds of pictures that are taken; the value is the media type."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"


class PictureInfo(msgspec.Struct, frozen=True):
    """What the header says; sizes are pixels, before a rotation that EXIF asks for."""

    kind: PictureKind
    width: int
    height: int


def check_picture(data: bytes) -> PictureInfo:
    """Tell kind and size of a picture; raises PictureError for one that must not be decoded.

    `data` is the whole file.
    """
    if not data:
        raise PictureError("is an empty file; send it again")
    if len(data) > MAX_FILE:
        raise PictureError(
            f"has {len(data):,} bytes, and {MAX_FILE:,} are taken; save it with fewer pixels"
        )
    info = _header(data)
    _check_size(info)
    return info


def _header(data: bytes) -> PictureInfo:
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(_JPEG):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    what = next((words for magic, words in _OTHERS if data.lstrip()[:8].startswith(magic)), "")
    raise PictureError(
        f"is {what or 'of an unknown type'}; PNG, JPEG and WebP are taken, save it as PNG"
    )


def _check_size(info: PictureInfo) -> None:
    shown = f"{info.width} x {info.height} pixels"
    if info.width < MIN_SIDE or info.height < MIN_SIDE:
        raise PictureError(f"has only {shown}; at least {MIN_SIDE} a side are needed")
    if max(info.width, info.height) > MAX_SIDE or info.width * info.height > MAX_PIXELS:
        raise PictureError(f"has {shown}; at most {MAX_SIDE} a side are taken, make it smaller")


def _cut() -> PictureError:
    return PictureError("ends too early: the file was cut off; save or send it again")


def _big(data: bytes, place: int, length: int) -> int:
    return int.from_bytes(_bytes(data, place, length), "big")


def _little(data: bytes, place: int, length: int) -> int:
    return int.from_bytes(_bytes(data, place, length), "little")


def _bytes(data: bytes, place: int, length: int) -> bytes:
    found = data[place : place + length]
    if len(found) < length:
        raise _cut()
    return found


def _png(data: bytes) -> PictureInfo:
    if _bytes(data, 12, 4) != b"IHDR":
        raise PictureError("is a damaged PNG; save it again")
    info = PictureInfo(PictureKind.PNG, _big(data, 16, 4), _big(data, 20, 4))
    _png_chunks(data)
    return info


def _png_chunks(data: bytes) -> None:
    """Walk to the end: a cut file lacks IEND, and an animated one has acTL before its pixels."""
    place = 8
    while True:
        length, name = _big(data, place, 4), _bytes(data, place + 4, 4)
        if name == b"acTL" and _big(data, place + 8, 4) > 1:
            raise _animated()
        if name == b"IEND":
            return
        place += 12 + length
        if place > len(data):
            raise _cut()


def _animated() -> PictureError:
    return PictureError("is animated; save one frame of it as PNG")


def _jpeg(data: bytes) -> PictureInfo:
    place = 2
    for _ in range(_MOST_SEGMENTS):
        if _big(data, place, 1) != 0xFF:
            raise PictureError("is a damaged JPEG; save it again")
        marker = _big(data, place + 1, 1)
        if marker in _SIZED:
            return PictureInfo(PictureKind.JPEG, _big(data, place + 7, 2), _big(data, place + 5, 2))
        if marker == 0xFF or marker in _BARE:  # T.81 B.1.1.2: fill bytes
            place += 1 if marker == 0xFF else 2
            continue
        place += 2 + max(2, _big(data, place + 2, 2))
    raise PictureError("is a damaged JPEG; save it again")


def _webp(data: bytes) -> PictureInfo:
    if len(data) < 8 + _little(data, 4, 4):
        raise _cut()
    form = _bytes(data, 12, 4)
    if form == b"VP8X":
        if _little(data, 20, 1) & 2:
            raise _animated()
        return _webp_info(_little(data, 24, 3) + 1, _little(data, 27, 3) + 1)
    if form == b"VP8L":
        bits = _little(data, 21, 4)
        return _webp_info((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if form == b"VP8 ":
        return _webp_info(_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF)
    raise PictureError("is a damaged WebP; save it again")


def _webp_info(width: int, height: int) -> PictureInfo:
    return PictureInfo(PictureKind.WEBP, width, height)
