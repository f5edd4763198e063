"""PURE: what a metadata document offers, read with leniency; its form is for the checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from gotapi_core.conformance.model import Skipped
from gotapi_portrayal.conformance.crs import crs_key, in_degrees
from gotapi_portrayal.conformance.xmlread import (
    XLINK,
    Element,
    child,
    children,
    everywhere,
    local,
    numbers,
    text,
)

Corner = tuple[float, ...]


Triple = tuple[float, float, float]


def triple(numbers: Iterable[float]) -> Triple:
    """Return the first three numbers; 0 where there is no third one."""
    x, y, z, *_ = (*numbers, 0.0)
    return x, y, z


class Box(msgspec.Struct, frozen=True):
    """One bounding box as it was announced."""

    crs: str
    low: Corner
    high: Corner


class Ground(msgspec.Struct, frozen=True):
    """Where a layer lies, in a CRS in which it can be asked for; `tall` where heights are known."""

    crs: str
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    tall: bool
    degrees: bool

    @property
    def middle(self) -> tuple[float, float, float]:
        """The middle of the box."""
        x, y, z = ((a + b) / 2 for a, b in zip(self.low, self.high, strict=True))
        return x, y, z

    @property
    def size(self) -> tuple[float, float, float]:
        """The lengths of the box."""
        x, y, z = (b - a for a, b in zip(self.low, self.high, strict=True))
        return x, y, z


class LayerOffer(msgspec.Struct, frozen=True):
    """One layer, with what it inherits."""

    id: str
    crs: tuple[str, ...]
    boxes: tuple[Box, ...]
    lods: tuple[str, ...]
    styles: tuple[str, ...]
    options: tuple[str, ...]
    formats: tuple[str, ...]
    offsets: tuple[Corner, ...]
    modes: tuple[str, ...]
    queryable: bool
    heights: tuple[float, float]  # where it may be, for boxes that do not say

    def ground(self) -> Ground:
        """Return where it lies, in metres if it can be had so; raises Skipped without any box."""
        found = [one for box in self.boxes if (one := self._ground(box)) is not None]
        if not found:
            raise Skipped(f"layer {self.id} announces no box in a CRS that it is available in")
        return min(found, key=lambda one: (one.degrees, not one.tall))

    def _ground(self, box: Box) -> Ground | None:
        named = next((one for one in self.crs if crs_key(one) == crs_key(box.crs)), "")
        if not named or len(box.low) < 2:
            return None
        degrees = in_degrees(box.crs, (*box.low, *box.high))
        tall = len(box.low) > 2
        # The axes of degrees come in the order of the very name.
        crs = box.crs if degrees else named
        (ax, ay, az), (bx, by, bz) = triple(box.low), triple(box.high)
        if not tall:
            az, bz = self.heights
        return Ground(crs, (ax, ay, az), (bx, by, bz), tall, degrees)


class Operation(msgspec.Struct, frozen=True):
    """One operation: where it is called, and the values of its parameters by lower-case name."""

    name: str
    get: str
    post: str
    parameters: Mapping[str, tuple[str, ...]]


class ImageLayer(msgspec.Struct, frozen=True):
    """One image layer with its formats."""

    id: str
    formats: tuple[str, ...]


class Projection(msgspec.Struct, frozen=True):
    """One projection with the names of its parameters, in order."""

    name: str
    parameters: tuple[str, ...]


class Offer(msgspec.Struct, frozen=True):
    """What a server offers."""

    root: Element
    profiles: tuple[str, ...]
    operations: Mapping[str, Operation]
    layers: tuple[LayerOffer, ...]
    image_layers: tuple[ImageLayer, ...]
    projections: tuple[Projection, ...]
    backgrounds: tuple[str, ...]
    overall_styles: tuple[str, ...]
    selections: tuple[str, ...]
    lods: tuple[str, ...]
    options: tuple[str, ...]
    any_offset: bool
    many_views: bool

    def image(self, name: str) -> ImageLayer:
        """Return an image layer by its name or URI; raises Skipped where there is none."""
        for one in self.image_layers:
            if one.id.rpartition("/")[2].upper() == name:
                return one
        raise Skipped(f"the server offers no image layer {name}")


def read_offer(root: Element) -> Offer:
    """Return what a metadata document offers; raises Failed where there is no way to read it."""
    capabilities = child(root, "PortrayalCapabilities")
    extensions = child(capabilities, "Extensions")
    view = child(extensions, "ViewPortrayalCapabilitiesExtension")
    scene = child(extensions, "ScenePortrayalCapabilitiesExtension")
    identification = child(root, "ServiceIdentification")
    return Offer(
        root=root,
        profiles=tuple(text(one) for one in children(identification, "Profile")),
        operations={one.name: one for one in _operations(child(root, "OperationsMetadata"))},
        layers=tuple(_layers(child(root, "Contents"), _heights(root))),
        image_layers=tuple(_image_layers(view)),
        projections=tuple(_projections(view)),
        backgrounds=_names(capabilities, "Background"),
        overall_styles=_names(capabilities, "OverallStyle"),
        selections=_texts(capabilities, "AvailableSpatialSelection"),
        lods=tuple(
            text(lod)
            for scheme in children(capabilities, "AvailableLODScheme")
            for lod in children(scheme, "LOD")
        ),
        options=_names(capabilities, "DeliveryOption"),
        any_offset=_flag(scene, "SupportsArbitraryOffset"),
        many_views=_flag(view, "SupportsMultipleViews", default=True),
    )


def _texts(element: Element | None, name: str) -> tuple[str, ...]:
    return tuple(found for one in children(element, name) if (found := text(one)))


def _names(element: Element | None, name: str) -> tuple[str, ...]:
    found = (text(one, "Identifier") for one in children(element, name))
    return tuple(one for one in found if one)


def flag(element: Element | None, name: str) -> str:
    """Return a component that is written as an element or as an attribute; the text has both."""
    if element is None:
        return ""
    attribute = element.get(name[:1].lower() + name[1:]) or element.get(name)
    return (attribute or text(element, name)).strip()


def _flag(element: Element | None, name: str, *, default: bool = False) -> bool:
    found = flag(element, name).lower()
    return found in ("true", "1") if found else default


def _operations(section: Element | None) -> Iterator[Operation]:
    shared = _parameters(section)
    for one in children(section, "Operation"):
        get, post = ("", "")
        for link in everywhere(one, "Get", "Post"):
            url = link.get(f"{{{XLINK}}}href", "")
            if local(link) == "Get":
                get = get or url
            else:
                post = post or url
        yield Operation(one.get("name", ""), get, post, {**shared, **_parameters(one)})


def _parameters(element: Element | None) -> dict[str, tuple[str, ...]]:
    return {
        one.get("name", "").lower(): tuple(text(value) for value in everywhere(one, "Value"))
        for one in children(element, "Parameter")
    }


def _heights(root: Element) -> tuple[float, float]:
    """Return between which heights things are: by boxes that say so, else by viewpoint hints."""
    found = [
        corner[2]
        for box in everywhere(root, "BoundingBox")
        for end in ("LowerCorner", "UpperCorner")
        if len(corner := numbers(text(box, end), "a box")) > 2
    ]
    hints = everywhere(root, "ViewpointHint")
    found = found or [place[2] for one in hints if len(place := _place(one)) > 2]
    return (min(found), max(found)) if found else (0.0, 0.0)


def _place(hint: Element) -> Corner:
    poi = child(hint, "POI")
    return () if poi is None else _position(poi)


def _layers(
    parent: Element | None, heights: tuple[float, float], above: LayerOffer | None = None
) -> Iterator[LayerOffer]:
    for one in children(parent, "Layer"):
        layer = _layer(one, heights, above)
        if layer.id:
            yield layer
        yield from _layers(one, heights, layer)


def _layer(one: Element, heights: tuple[float, float], above: LayerOffer | None) -> LayerOffer:
    extensions = child(one, "Extensions")
    scene, info = (child(extensions, f"{name}LayerExtension") for name in ("Scene", "Info"))
    styles = tuple(text(style, "Identifier") for style in children(one, "AvailableStyle"))
    queryable = flag(info, "Queryable")
    return LayerOffer(
        id=text(one, "Identifier"),
        crs=_merged(above.crs if above else (), _texts(one, "AvailableCRS")),
        boxes=tuple(_boxes(one)) or (above.boxes if above else ()),
        lods=_texts(one, "AvailableLOD"),
        styles=_merged(above.styles if above else (), tuple(filter(None, styles))),
        options=_texts(one, "DeliveryOption"),
        formats=_texts(scene, "AvailableFormat"),
        offsets=tuple(_position(place) for place in children(scene, "AvailableOffset")),
        modes=_texts(scene, "AvailableOffsetMode"),
        queryable=queryable.lower() in ("true", "1")
        if queryable
        else above is not None and above.queryable,  # 11.1: defined or inherited
        heights=heights,
    )


def _merged(above: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*own, *above)))


def _boxes(one: Element) -> Iterator[Box]:
    found: dict[str, Box] = {}
    for element in children(one, "BoundingBox"):
        low, high = (numbers(text(element, f"{end}Corner"), "a box") for end in ("Lower", "Upper"))
        crs = element.get("crs") or next(iter(_texts(one, "AvailableCRS")), "")
        before = found.get(crs)
        if before is not None:  # Table 12, note c: several of the same CRS are a union
            low = tuple(map(min, low, before.low))
            high = tuple(map(max, high, before.high))
        found[crs] = Box(crs, low, high)
    for element in children(one, "WGS84BoundingBox"):
        low, high = (numbers(text(element, f"{end}Corner"), "a box") for end in ("Lower", "Upper"))
        found.setdefault("CRS:84", Box("CRS:84", low[:2], high[:2]))
    yield from found.values()


def _position(element: Element) -> Corner:
    parts = [text(element, f"X{n}") for n in (1, 2, 3)]
    return numbers(" ".join(parts) if any(parts) else text(element), "a position")


def _image_layers(view: Element | None) -> Iterator[ImageLayer]:
    for one in children(view, "AvailableImageLayer"):
        yield ImageLayer(text(one, "Identifier"), _texts(one, "AvailableFormat"))


def _projections(view: Element | None) -> Iterator[Projection]:
    for one in children(view, "AvailableProjection"):
        names = (parameter.get("name", "") for parameter in children(one, "ProjectionParameter"))
        yield Projection(text(one, "TypeName") or text(one, "Identifier"), tuple(names))


def require(offer: Offer, name: str) -> Operation:
    """Return an operation; raises Skipped where the server does not have it."""
    found = offer.operations.get(name)
    if found is None:
        raise Skipped(f"the server has no operation {name}")
    return found


def any_layer(offer: Offer) -> LayerOffer:
    """Return the first layer that has a place; raises Skipped where none has."""
    if not offer.layers:
        # Annex A.4: the tests require an instance that has some content.
        raise Skipped("the server offers no layer")
    reasons = ""
    for layer in offer.layers:
        try:
            layer.ground()
        except Skipped as error:
            reasons = reasons or str(error)
            continue
        return layer
    raise Skipped(reasons)
