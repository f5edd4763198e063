"""PURE: pictures from a server, decoded as a client decodes them (3DPS 10.2.1)."""

import io
import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gotapi_core.conformance.model import Failed, Skipped, expect
from gotapi_portrayal.conformance.reply import Reply

Numbers = NDArray[np.uint32]
Bools = NDArray[np.bool_]

_KINDS: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
_KINDS_TOO: Final = {"image/jpg": "JPEG", "image/tiff": "TIFF", "image/bmp": "BMP"}
_BITS: Final = {"1": 1, "L": 8, "P": 8, "LA": 16, "RGB": 24, "RGBA": 32}
_MOST: Final = 64_000_000  # pixels


def picture(body: bytes, media: str, size: tuple[int, int] | None = None) -> Image.Image:
    """Return a decoded picture; raises Failed unless it is of the MIME type and of the size.

    A MIME type that is no picture known here raises Skipped.
    """
    kind, _, rest = media.replace(" ", "").lower().partition(";")
    wanted = (_KINDS | _KINDS_TOO).get(kind)
    if wanted is None:
        raise Skipped(f"{media} is no kind of picture that can be read here")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = Image.open(io.BytesIO(body))
            expect(found.width * found.height <= _MOST, f"the picture has {found.size} pixels")
            found.load()
    except (OSError, ValueError, SyntaxError, Warning) as error:
        raise Failed(f"what was sent as {media} cannot be read: {error}") from None
    expect(found.format == wanted, f"what was sent as {media} is {found.format}")
    if size is not None:
        # 10.4.3: exactly the specified width and height.
        expect(found.size == size, f"the picture has {found.size} pixels instead of {size}")
    mode = dict(part.partition("=")[::2] for part in rest.split(";")).get("mode", "")
    if mode and wanted == "PNG":
        bits = _BITS.get(found.mode, 0)
        expect(f"{bits}bit" == mode, f"{media} has {bits} bits a pixel ({found.mode})")
    return found


def words(image: Image.Image, what: str) -> Numbers:
    """Return the numbers that colours stand for: ABGR of 32 bits, BGR of 24, from the highest."""
    if image.mode not in ("RGB", "RGBA"):
        raise Failed(f"{what} needs three or four components a pixel, this picture is {image.mode}")
    parts = np.asarray(image).astype(np.uint32)
    found = parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
    if parts.shape[-1] == 4:
        found = found | parts[..., 3] << 24
    return found.astype(np.uint32)


def depths(image: Image.Image) -> NDArray[np.float64]:
    """Return the distances of a 32-bit picture of DEPTH."""
    if image.mode != "RGBA":
        raise Skipped("how a float loses a byte in 24 bits is not said in the text")
    return words(image, "DEPTH").view(np.float32).astype(np.float64)


def normals(image: Image.Image) -> NDArray[np.float64]:
    """Return the vectors of a picture of NORMAL: B, G, R are X, Y, Z, from -1 to 1."""
    if image.mode not in ("RGB", "RGBA"):
        raise Failed(f"NORMAL needs three components a pixel, this picture is {image.mode}")
    parts = np.asarray(image).astype(np.float64)
    found: NDArray[np.float64] = parts[..., 2::-1] / 255.0 * 2.0 - 1.0
    return found


def covered(image: Image.Image) -> Bools:
    """Return where a picture of MASK shows objects: black; white is where nothing is."""
    grey = np.asarray(image.convert("L"))
    strange = (grey != 0) & (grey != 255)
    if image.format == "PNG":
        expect(
            not strange.any(),
            f"MASK has {int(strange.sum())} pixels that are neither black nor white",
        )
    found: Bools = grey < 128
    return found


def plain(mask: Bools) -> Bools:
    """Return the pixels that are as all around them: no edge runs through."""
    same = mask.copy()
    for axis in (0, 1):
        for step in (1, -1):
            same &= np.roll(mask, step, axis)
    same[[0, -1], :] = False
    same[:, [0, -1]] = False
    return same


def must_be(reply: Reply, media: str, size: tuple[int, int]) -> Image.Image:
    """Return the picture of a reply; raises Failed unless it is what was asked for."""
    reply.must_be_good()
    expect(
        reply.kind == media.partition(";")[0].strip().lower(),
        f"asked for {media}, got {reply.media}; {reply}",
    )
    try:
        return picture(reply.body, media, size)
    except Failed as error:
        raise Failed(f"{error} [{reply.asked}]") from None
