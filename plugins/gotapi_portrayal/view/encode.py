"""Image layers as files: PNG by the up filter and a fast deflate, JPEG and WebP by their libraries.

Components are what a decoder gives back; 3DPS 10.2.1 says which byte goes where.
"""

import io
import struct
from typing import Final

import numpy as np
import simplejpeg
from isal import isal_zlib
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_KINDS: Final = {1: 0, 3: 2, 4: 6}  # components -> colour type: grey, RGB, RGBA
_LEVEL: Final = 1


def png(image: Bytes) -> bytes:
    """Encode (height, width) of grey, or (height, width, 3 or 4) of RGB or RGBA."""
    height, width = image.shape[:2]
    components = 1 if image.ndim == 2 else image.shape[2]
    rows = np.ascontiguousarray(image).reshape(height, width * components)
    filtered = np.empty((height, 1 + width * components), np.uint8)
    filtered[:, 0] = 2  # up: the difference to the row above
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return _png(width, height, 8, _KINDS[components], filtered)


def png_bits(white: NDArray[np.bool_]) -> bytes:
    """Encode (height, width) of one bit a pixel: white where true, black elsewhere."""
    height, width = white.shape
    packed = np.packbits(white, axis=1)
    filtered = np.zeros((height, 1 + packed.shape[1]), np.uint8)
    filtered[:, 1:] = packed
    return _png(width, height, 1, 0, filtered)


def jpeg(image: Bytes, quality: int) -> bytes:
    """Encode (height, width, 3) of RGB; quality 0 to 100."""
    sampling = "444" if quality >= 95 else "420"
    encoded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image), max(1, quality), "RGB", sampling, fastdct=quality < 95
    )
    return encoded


def webp(image: Bytes, quality: int) -> bytes:
    """Encode (height, width, 3 or 4) of RGB or RGBA; quality 0 to 100, 100 is lossless."""
    file = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(image))
    picture.save(file, "WEBP", quality=quality, lossless=quality == 100, method=2)
    return file.getvalue()


def word_bytes(words: NDArray[np.uint32], bits: int) -> Bytes:
    """Return numbers as colours: R, G, B, A are the bytes from the lowest to the highest.

    3DPS 10.2.1: ABGR of a 32-bit value, BGR of a 24-bit value, which has no highest byte.
    """
    parts = words.astype("<u4", copy=False).view(np.uint8).reshape(*words.shape, 4)
    return parts if bits == 32 else np.ascontiguousarray(parts[..., :3])


def depth_bytes(depths: NDArray[np.float32], bits: int) -> Bytes:
    """Return IEEE floats as colours, as `word_bytes`.

    Of 24 bits the text does not say which go: here the lowest eight of the mantissa, so that
    R, G, B are the upper three bytes; what is left is exact to one part in 32768.
    """
    words = depths.astype("<f4", copy=False).view("<u4")
    return word_bytes(words if bits == 32 else words >> np.uint32(8), bits)


def depth_words(components: Bytes) -> NDArray[np.float32]:
    """Return the distances that decoded colours (..., 3 or 4) stand for, as a client does."""
    words = np.zeros(components.shape[:-1], np.uint32)
    for place in range(components.shape[-1]):
        shift = 8 * (place + 4 - components.shape[-1])
        words |= components[..., place].astype(np.uint32) << np.uint32(shift)
    return words.view(np.float32)


def _png(width: int, height: int, depth: int, kind: int, filtered: Bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    data = isal_zlib.compress(filtered.data, _LEVEL)
    return b"".join([_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND")])


def _chunk(name: bytes, data: bytes = b"") -> bytes:
    check = isal_zlib.crc32(data, isal_zlib.crc32(name))
    return b"".join([struct.pack(">I", len(data)), name, data, struct.pack(">I", check)])
