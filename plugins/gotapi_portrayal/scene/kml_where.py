"""Whether a scene can be had in a format that only knows places on the earth."""

from gotapi_portrayal.data.types import Triple
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.scene.formats import FORMATS
from gotapi_portrayal.scene.model import Frame

_OURS = ("gotapi_portrayal.scene.kml", "gotapi_portrayal.scene.i3s")


def check(frame: Frame, offset: Triple | None, media: str) -> None:
    """Raise FormatCapabilityMissing (9.5) for a scene that a format cannot have."""
    if not frame.on_earth:
        free = ", ".join(name for name, one in FORMATS.items() if not _earthly(one.encoder))
        raise OwsError(
            Code.FORMAT_CAPABILITY_MISSING,
            f"crs: a scene in {frame.name} lies nowhere on earth, and {media} has longitudes and "
            f"latitudes only; such scenes can be had as {free or 'nothing yet'}",
            "crs",
        )
    if offset is not None and any(offset):
        raise OwsError(
            Code.FORMAT_CAPABILITY_MISSING,
            f"offset: {media} has true longitudes and latitudes only; leave the offset out",
            "offset",
        )


def _earthly(encoder: str) -> bool:
    return not encoder or encoder.startswith(_OURS)
