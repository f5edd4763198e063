"""Whether a scene can be had in a format that only knows places on the earth."""

from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.scene.formats import FORMATS
from gotapi_portrayal.scene.model import Frame


def check(frame: Frame, offset: Triple | None, media: str) -> None:
    """Raise FormatCapabilityMissing (9.5) for a scene that a format cannot have."""
    if not frame.on_earth:
        free = ", ".join(name for name, one in FORMATS.items() if not one.earthly)
        raise OwsError(
            Code.FORMAT_CAPABILITY_MISSING,
            f"crs: a scene in {frame.name} lies nowhere on earth, and {media} has places there "
            f"only; such scenes can be had as {free}",
            "crs",
        )
    if offset is not None and any(offset):
        raise OwsError(
            Code.FORMAT_CAPABILITY_MISSING,
            f"offset: {media} has true places on the earth only; leave the offset out",
            "offset",
        )
