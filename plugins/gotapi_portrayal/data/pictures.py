"""Textures: pictures beside the file that names them, checked before anybody decodes them."""

import io
import warnings
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image, UnidentifiedImageError

from gotapi_portrayal.data.types import SceneError

MOST_BYTES: Final = 64 << 20
"""Bytes of one picture as it lies on the disk."""
MOST_PIXELS: Final = 64_000_000
"""Pixels of one picture, 8,000 by 8,000; no browser takes more for a texture."""
_MIMES: Final = {"PNG": "image/png", "JPEG": "image/jpeg"}
_OTHERS: Final = ("TIFF", "BMP", "GIF", "WEBP", "TGA")  # made PNG, which every format of scenes has


class Picture(NamedTuple):
    """A picture as the store keeps it."""

    data: bytes
    mime: str
    width: int
    height: int


class Pictures:
    """The pictures below one folder, and no others; other files that a model needs as well."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = None if folder is None else folder.resolve()

    def read(self, name: str) -> Picture:
        """Return a picture by its name relative to the folder; raises SceneError."""
        return checked(self.file(name, MOST_BYTES + 1, "texture"), name[:100])

    def file(self, name: str, most: int, kind: str = "file") -> bytes:
        """Return at most some bytes of a file by its name relative to the folder.

        Raises SceneError, which calls it by its `kind`.
        """
        shown = f"the {kind} '{name[:100]}'"
        if self._folder is None or "://" in name or name.startswith("data:"):
            raise SceneError(f"{shown} is not a file beside this one; left out")
        try:
            path = (self._folder / name.replace("\\", "/")).resolve()
            inside = path.is_relative_to(self._folder)
            data = _read(path, most) if inside else b""
        except (OSError, ValueError):  # a name with a zero byte is no name
            raise SceneError(f"{shown} is missing; put it beside the file") from None
        if not inside:
            raise SceneError(f"{shown} is outside the folder of the file; left out")
        return data


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def checked(data: bytes, shown: str) -> Picture:
    """Return a picture that was looked at, as PNG or JPEG; raises SceneError."""
    if len(data) > MOST_BYTES:
        raise SceneError(f"the texture '{shown}' has more than {MOST_BYTES:,} bytes; left out")
    try:
        # Pillow only warns of pictures that are damaged or large; those limits are ours.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(data), formats=(*_MIMES, *_OTHERS)) as image,
        ):
            if image.width * image.height > MOST_PIXELS:
                raise SceneError(f"the texture '{shown}' has more than {MOST_PIXELS:,} pixels")
            mime = _MIMES.get(image.format or "")
            if mime is None:
                data, mime = _as_png(image), "image/png"
            return Picture(data, mime, image.width, image.height)
    except SceneError:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise SceneError(f"the texture '{shown}' is no picture that can be read") from None


def _as_png(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.convert("RGBA").save(target, "PNG")
    return target.getvalue()
