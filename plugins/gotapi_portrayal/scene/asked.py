"""A GetScene as it is meant: its layers, the versions they are in, and what links say of it."""

import base64
import binascii
import hashlib
import math
import zlib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import quote

import msgspec

from gotapi_portrayal.answers import World
from gotapi_portrayal.check import Selection
from gotapi_portrayal.request.crs_names import CrsName
from gotapi_portrayal.request.errors import Code, OwsError, invalid, shown
from gotapi_portrayal.request.types import BoundingBox, ExceptionForm, GetScene, Position
from gotapi_portrayal.scene import formats

MOST_TOKEN: Final = 400
"""Characters: ids of resources have up to 500, and browsers take addresses of 2000."""
_MOST_PACKED: Final = 4096  # bytes of a request that a token is unpacked to
_DIGEST: Final = 8  # bytes: a link is refused when the data changed, it is no protection


class _Link(msgspec.Struct, frozen=True, array_like=True):
    """What a link keeps of a request; viewpoints are for those who began with the index."""

    digest: bytes
    format: str
    crs: str
    official: bool
    layers: tuple[str, ...]
    styles: tuple[str, ...]
    lods: tuple[str, ...]
    lod_selection: str
    spatial: str
    box: tuple[tuple[float, ...], tuple[float, ...], str, bool] | None
    options: tuple[str, ...]
    offset: Position | None
    offset_mode: str
    background: str
    overall_styles: tuple[str, ...]


_DECODER: Final = msgspec.msgpack.Decoder(_Link)


@dataclass(frozen=True)
class Asked:
    """A request, what it means now, and the version of each layer."""

    world: World
    request: GetScene
    selection: Selection
    versions: tuple[int, ...]

    @classmethod
    def of(cls, world: World, request: GetScene) -> "Asked":
        """Understand a request; raises OwsError."""
        plain = msgspec.structs.replace(request, exceptions=ExceptionForm.XML)
        selection = world.shelf.select(plain)
        known = {layer.name: layer.version for layer in world.store.layers()}
        # -1: removed since the catalogue was written; nothing is found in it.
        versions = tuple(known.get(one.layer.id, -1) for one in selection.layers)
        return cls(world, plain, selection, versions)

    @cached_property
    def key(self) -> Hashable:
        """What an answer depends on."""
        styles = tuple((one.layer.id, one.style) for one in self.selection.layers)
        return self.request, styles, self.shapes_key, self.world.url

    @cached_property
    def shapes_key(self) -> Hashable:
        """What the shapes in a scene depend on: not its format, its styles, its viewpoints."""
        request, selection = self.request, self.selection
        chosen = tuple((one.layer.id, one.lod) for one in selection.layers)
        methods = request.spatial_selection, request.lod_selection
        return chosen, self.versions, methods, selection.box, selection.axes.crs

    @property
    def options(self) -> frozenset[str]:
        """The delivery options, as URIs."""
        return frozenset(self.selection.options)

    def check(self) -> None:
        """Raise FormatCapabilityMissing for what the format has no provisions for (9.5)."""
        request, known = self.request, formats.FORMATS.get(self.request.format)
        if known is None:  # layers say what they have, but there may be none
            raise invalid("format", f"{shown(request.format)} is not one of this service")
        provided = known.can if known.earthly else {*known.can, formats.OFFSET}
        wanted = {
            formats.VIEWPOINTS: bool(request.viewpoints),
            formats.BACKGROUND: bool(request.background),
            formats.OVERALL_STYLES: bool(request.overall_styles),
            formats.OFFSET: any(request.offset or ()),
            formats.EMBED: request.offset_mode == "embed",
        }
        for name, there in wanted.items():
            if there and name not in provided:
                raise OwsError(
                    Code.FORMAT_CAPABILITY_MISSING,
                    f"{name}: {request.format} has no provisions for it",
                    name,
                )

    @cached_property
    def token(self) -> str:
        """The request as a part of ids of resources; raises OwsError where it is too long."""
        packed = msgspec.msgpack.encode(self._link())
        small = zlib.compress(packed, 9)
        data = b"z" + small if len(small) < len(packed) else b"p" + packed
        text = base64.urlsafe_b64encode(data).decode().rstrip("=")
        if len(text) > MOST_TOKEN:
            raise OwsError(
                Code.FORMAT_CAPABILITY_MISSING,
                "deliveryOptions: the request is too long to be in each link; name fewer layers, "
                "or leave out styles and LODs",
                "deliveryOptions",
            )
        return text

    def url(self, place: str, path: str, media: str) -> str:
        """Return the address of a resource."""
        resource = f"{place}/{self.token}/{path}"
        return (
            f"{self.world.url}?service=3DPS&version=1.0&request=GetResourceById"
            f"&resourceId={quote(resource, safe='/:~')}&outputFormat={quote(media, safe='/')}"
        )

    def _link(self) -> _Link:
        request, box = self.request, self.request.box
        place = None
        if box is not None:
            crs = box.crs or CrsName("")
            place = box.low, box.high, crs.short, crs.official
        return _Link(
            _digest(self),
            request.format,
            request.crs.short,
            request.crs.official,
            request.layers,
            request.styles if any(request.styles) else (),
            request.lods if any(request.lods) else (),
            request.lod_selection,
            request.spatial_selection,
            place,
            request.delivery_options,
            request.offset,
            request.offset_mode,
            request.background,
            request.overall_styles,
        )


def opened(world: World, token: str) -> Asked | None:
    """Return the request of a link, None where it is none or the data is another by now.

    What the asker may not see is not there: the request is checked anew.
    """
    link = _unpacked(token)
    if link is None or not _is_sound(link):
        return None
    try:
        asked = Asked.of(world, _request(link))
    except OwsError:
        return None
    return asked if _digest(asked) == link.digest else None


def _unpacked(token: str) -> _Link | None:
    if len(token) > MOST_TOKEN:
        return None
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        packed = data[1:]
        if data[:1] == b"z":
            packed = zlib.decompressobj().decompress(packed, _MOST_PACKED)
        return _DECODER.decode(packed)
    except (binascii.Error, ValueError, zlib.error, msgspec.MsgspecError):
        return None


def _is_sound(link: _Link) -> bool:
    """Tell whether a link is as one of ours: anybody can write one, and it is not parsed again."""
    lists = all(len(one) in (0, len(link.layers)) for one in (link.styles, link.lods))
    if not link.layers:  # one LOD may be there for all of them
        lists = not link.styles and len(link.lods) <= 1
    numbers = [*(link.offset or ())]
    box = True
    if link.box is not None:
        low, high = link.box[:2]
        numbers += [*low, *high]
        box = len(low) == len(high) and len(low) in (2, 3)
        box = box and all(one <= other for one, other in zip(low, high, strict=True))
    return lists and box and all(map(math.isfinite, numbers))


def _request(link: _Link) -> GetScene:
    box = None
    if link.box is not None:
        low, high, short, official = link.box
        box = BoundingBox(low, high, CrsName(short, official) if short else None)
    nothing = ("",) * len(link.layers)  # what GetScene has for lists that are not there
    return GetScene(
        format=link.format,
        crs=CrsName(link.crs, link.official),
        layers=link.layers,
        styles=link.styles or nothing,
        lods=link.lods or nothing,
        lod_selection=link.lod_selection,
        spatial_selection=link.spatial,
        box=box,
        delivery_options=link.options,
        offset=link.offset,
        offset_mode=link.offset_mode,
        background=link.background,
        overall_styles=link.overall_styles,
    )


def _digest(asked: Asked) -> bytes:
    layers = [one.layer.id for one in asked.selection.layers]
    told = repr((layers, asked.versions)).encode()
    return hashlib.sha256(told).digest()[:_DIGEST]
