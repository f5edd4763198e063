"""From the layers of the store to the catalogue of the service.

What this needs of pyproj and numpy is loaded when the first layer is described, not before.
"""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from gotapi_portrayal import offer
from gotapi_portrayal.catalogue import (
    LOCAL,
    Catalogue,
    CrsBox,
    CrsInfo,
    Extension,
    Layer,
    Service,
    Style,
    Text,
    ViewpointHint,
)
from gotapi_portrayal.data.types import Box
from gotapi_portrayal.data.types import Layer as Stored
from gotapi_portrayal.scene.formats import FORMATS
from gotapi_portrayal.view import offer as views

EVERYWHERE = ("EPSG:4326", "CRS:84", "EPSG:3857")
"""What every layer on earth can be had in, besides its own."""
_MOST_DEEP = 20  # layers in layers; whatever is deeper, or in itself, stands at the top


def build(stored: Iterable[Stored], version: int, service: Service) -> Catalogue:
    """Return the catalogue of these layers; raises SceneError where a CRS cannot be used."""
    layers = tuple(stored)
    names = dict.fromkeys(name for layer in layers for name in crs_of(layer))
    return Catalogue(
        version=version,
        service=_described(service),
        extensions=(*offer.EXTENSIONS, Extension.VIEW),
        layers=_nested(layers),
        crs={name: crs_info(name) for name in names},
        overall_styles=views.OVERALL_STYLES,
        backgrounds=views.BACKGROUNDS,
        spatial_selections=offer.SPATIAL_SELECTIONS,
        lod_schemes=offer.lod_schemes({lod for layer in layers for lod in layer.lods}),
        lod_selections=offer.LOD_SELECTIONS,
        delivery_options=offer.DELIVERY_OPTIONS,
        viewpoints=tuple(_hint(layer) for layer in layers if layer.public),
        any_offset=offer.ANY_OFFSET,
        image_layers=views.IMAGE_LAYERS,
        projections=views.PROJECTIONS,
        near=views.NEAR,
        far=views.FAR,
        info_formats=offer.INFO_FORMATS,
    )


def _described(service: Service) -> Service:
    """Return what the service says of itself, with how it draws where that is slow."""
    if offer.compiled():
        return service
    texts = service.abstract or (Text("", "en"),)
    told = (Text(f"{one.text} {offer.SLOW_VIEWS}".strip(), one.language) for one in texts)
    return msgspec.structs.replace(service, abstract=tuple(told))


def crs_of(layer: Stored) -> tuple[str, ...]:
    """Return the CRS a layer can be had in, its own first."""
    if not layer.crs.name:
        return (LOCAL,)
    return tuple(dict.fromkeys((layer.crs.name, layer.crs.horizontal, *EVERYWHERE)))


@lru_cache(maxsize=256)
def crs_info(name: str) -> CrsInfo:
    """Return what is to be known of a CRS."""
    if name == LOCAL:
        return CrsInfo(LOCAL, has_height=True)
    if name == "CRS:84":
        return CrsInfo(name, geographic=True)
    import pyproj  # late: see above

    crs = pyproj.CRS.from_user_input(name)
    plane = crs.sub_crs_list[0] if crs.is_compound else crs
    direction = plane.axis_info[0].direction.lower()
    return CrsInfo(
        name,
        geographic=plane.is_geographic,
        north_first=direction in ("north", "south"),
        has_height=len(crs.axis_info) == 3,
    )


def _nested(layers: tuple[Stored, ...]) -> tuple[Layer, ...]:
    """Put layers into those they name as parents; a parent without data of its own is made."""
    known = {layer.name: layer for layer in layers}
    inside: dict[str, list[Stored]] = {}
    for layer in layers:
        inside.setdefault(_parent(layer, known), []).append(layer)
    tops = [_layer(layer, inside) for layer in inside.get("", [])]
    for name, children in inside.items():
        if name and name not in known:
            tops += _held(name, tuple(_layer(child, inside) for child in children))
    return tuple(tops)


def _parent(layer: Stored, known: dict[str, Stored]) -> str:
    """Return the layer that a layer is in, "" where that cannot be: it would be in itself."""
    above = layer
    for _ in range(_MOST_DEEP):
        parent = known.get(above.parent)
        if parent is None:
            return layer.parent
        if not parent.crs.name or not layer.crs.name:
            return ""  # what is on earth and what is nowhere have no CRS in common
        above = parent
    return ""


def _held(name: str, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return a layer that only holds others, or these, where they have no CRS in common."""
    common = set(layers[0].crs).intersection(*(one.crs for one in layers))
    crs = tuple(one for one in layers[0].crs if one in common)
    if not crs:
        return layers
    public = any(layer.public for layer in layers)
    title = (Text(name),)
    holder = Layer(id=name, title=title, crs=crs, queryable=True, public=public, data=False)
    return (msgspec.structs.replace(holder, layers=layers),)


def _layer(layer: Stored, inside: dict[str, list[Stored]]) -> Layer:
    boxes = _boxes(layer)
    degrees = next((box for box in boxes if box.crs == "CRS:84"), None)
    return Layer(
        id=layer.name,
        title=(Text(layer.title or layer.name),),
        abstract=(Text(layer.abstract),) if layer.abstract else (),
        keywords=(layer.kind, *layer.classes),
        crs=crs_of(layer),
        wgs84=None if degrees is None else (*_two(degrees.low), *_two(degrees.high)),
        boxes=boxes,
        lods=tuple(map(offer.lod_name, layer.lods)),
        styles=_styles(),
        delivery_options=tuple(option.id for option in offer.DELIVERY_OPTIONS),
        formats=_formats(layer),
        offset_modes=offer.OFFSET_MODES,
        queryable=True,
        public=layer.public,
        layers=tuple(_layer(child, inside) for child in inside.get(layer.name, [])),
    )


def _formats(layer: Stored) -> tuple[str, ...]:
    """Return the formats of a layer: some only know places on the earth."""
    nowhere = not layer.crs.name
    return tuple(name for name in offer.SCENE_FORMATS if not (nowhere and FORMATS[name].earthly))


def _styles() -> tuple[Style, ...]:
    from gotapi_portrayal.view.looks import STYLES  # late: it loads numpy

    return STYLES


def _boxes(layer: Stored) -> tuple[CrsBox, ...]:
    return tuple(_box(layer, crs_info(name)) for name in crs_of(layer))


def _box(layer: Stored, crs: CrsInfo) -> CrsBox:
    box = layer.box
    if crs.name not in (layer.crs.name, layer.crs.horizontal, LOCAL):
        box = _moved(box, layer.crs.horizontal, crs.name)
    if crs.has_height:
        return CrsBox(crs.name, box.low, box.high)
    return CrsBox(crs.name, box.low[:2], box.high[:2])


def _moved(box: Box, source: str, target: str) -> Box:
    from gotapi_portrayal.gather import move  # late: it loads numpy and pyproj

    return move(source, target).box(box)


def _two(corner: tuple[float, ...]) -> tuple[float, float]:
    return corner[0], corner[1]


def _hint(layer: Stored) -> ViewpointHint:
    """Return a camera south of a layer and above it, from which all of it can be seen."""
    (west, south, low), (east, north, high) = layer.box.low, layer.box.high
    size = max(east - west, north - south, high - low, 1.0)
    middle = ((west + east) / 2, (south + north) / 2, (low + high) / 2)
    return ViewpointHint(
        id=layer.name,
        title=(Text(f"{layer.title or layer.name} ({layer.crs.name or LOCAL})"),),
        poc=(middle[0], middle[1] - size, high + size),
        poi=middle,
        crs=layer.crs.name or LOCAL,
    )
