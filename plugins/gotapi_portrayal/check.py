"""PURE: requests against what the service offers: which layers, styles and LODs they mean."""

from collections.abc import Iterable

import msgspec

from gotapi_portrayal.catalogue import Catalogue, CrsInfo, DeliveryOption, Extension, Layer, walk
from gotapi_portrayal.request.crs_names import CrsName
from gotapi_portrayal.request.errors import Code, OwsError, invalid, shown
from gotapi_portrayal.request.types import (
    FeatureInfo,
    GetFeatureInfoByObjectId,
    GetFeatureInfoByPosition,
    GetFeatureInfoByRay,
    GetScene,
    GetView,
    Portrayal,
)

EXTENSION_OF: dict[type, Extension] = {
    GetScene: Extension.SCENE,
    GetView: Extension.VIEW,
    GetFeatureInfoByRay: Extension.INFO,
    GetFeatureInfoByPosition: Extension.INFO,
    GetFeatureInfoByObjectId: Extension.INFO,
}


class Chosen(msgspec.Struct, frozen=True):
    """One layer with data that a request is for: its style, and its LOD ("" for any)."""

    layer: Layer
    style: str = ""
    lod: str = ""


class Axes(msgspec.Struct, frozen=True):
    """A CRS of a request; `swapped` where the request has north before east."""

    crs: CrsInfo
    swapped: bool = False


class XyBox(msgspec.Struct, frozen=True):
    """A box with x east and y north; heights without bound where the request has none."""

    crs: CrsInfo
    low: tuple[float, float, float]
    high: tuple[float, float, float]


class Selection(msgspec.Struct, frozen=True):
    """What a portrayal request means with this catalogue."""

    axes: Axes
    layers: tuple[Chosen, ...]
    box: XyBox | None
    overall_styles: tuple[str, ...]
    background: str
    options: tuple[str, ...]  # URIs of delivery options


class Shelf:
    """A catalogue with its layers at hand by id."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.layers = {layer.id: layer for layer in walk(catalogue.layers)}

    def offers(self, kind: type) -> bool:
        """Tell whether an operation is served, by the type of its request."""
        extension = EXTENSION_OF.get(kind)
        return extension is None or extension in self.catalogue.extensions

    def check_operation(self, request: object) -> None:
        """Raise OperationNotSupported for a request of an extension that is not served."""
        if not self.offers(type(request)):
            name = type(request).__name__
            raise OwsError(Code.OPERATION_NOT_SUPPORTED, f"This service does not have {name}", name)

    def select(self, request: Portrayal) -> Selection:
        """Return what a GetScene or GetView means; raises OwsError by Table 25."""
        self.check_operation(request)
        chosen = self._chosen(request)
        axes = self._axes(request.crs, chosen)
        _known(request.spatial_selection, self.catalogue.spatial_selections, "spatialSelection")
        _known(request.lod_selection, self.catalogue.lod_selections, "lodSelection")
        self._check_background(request.background)
        for style in request.overall_styles:
            _known(style, [one.id for one in self.catalogue.overall_styles], "overallStyles")
        box = None if request.box is None else self._box(request, axes)
        options = tuple(self._option(name, chosen) for name in request.delivery_options)
        selection = Selection(
            axes, chosen, box, request.overall_styles, request.background, options
        )
        if isinstance(request, GetScene):
            self._check_scene(request, chosen)
        if isinstance(request, GetView):
            self._check_view(request)
        return selection

    def queried(self, request: FeatureInfo) -> tuple[Layer, ...]:
        """Return the layers with data of a GetFeatureInfo; raises OwsError by Table 58."""
        self.check_operation(request)
        if request.format not in self.catalogue.info_formats:
            known = ", ".join(self.catalogue.info_formats)
            raise OwsError(
                Code.FORMAT_NOT_SUPPORTED,
                f"format: {shown(request.format)} is not one of {known}",
                request.format,
            )
        found: dict[str, Layer] = {}
        for name in request.layers:
            layer = self.layer(name)
            if not layer.queryable:
                raise OwsError(
                    Code.OPERATION_NOT_SUPPORTED,
                    f"The layer {shown(name)} is not queryable",
                    type(request).__name__,
                )
            found.update((one.id, one) for one in leaves(layer) if one.queryable)
        return tuple(found.values())

    def layer(self, name: str) -> Layer:
        """Return a layer by its id; raises UnknownLayer, whose locator is that id."""
        layer = self.layers.get(name)
        if layer is None:
            raise OwsError(
                Code.UNKNOWN_LAYER,
                f"There is no layer {shown(name)}, or not for everybody; GetCapabilities lists "
                "those there are",
                name,
            )
        return layer

    def axes(self, name: CrsName, layers: Iterable[Layer]) -> Axes:
        """Return the CRS of a GetFeatureInfo; raises CRSNotSupported (Table 58)."""
        info = self._supported(name, layers)
        if info is None:
            raise OwsError(
                Code.CRS_NOT_SUPPORTED,
                f"crs: {name.short} is not one of all the layers asked for",
                name.short,
            )
        return Axes(info, name.official and info.north_first)

    def _chosen(self, request: Portrayal) -> tuple[Chosen, ...]:
        lods = self._lods(request.lods)
        if not request.layers:  # 8.4.1 b): all data that there is in this CRS
            lod = lods[0] if lods else ""
            whole = [
                one for one in self.layers.values() if one.data and request.crs.short in one.crs
            ]
            return tuple(Chosen(layer, _style(layer, layer, ""), lod) for layer in whole)
        found: dict[str, Chosen] = {}
        for name, style, lod in zip(request.layers, request.styles, lods, strict=True):
            layer = self.layer(name)
            for one in leaves(layer):
                found[one.id] = Chosen(one, _style(layer, one, style), lod)
            _check_lod(layer, lod, request.lod_selection)
        return tuple(found.values())

    def _lods(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return LODs in their advertised spelling; the text itself writes `citygml:4`."""
        known = {lod.lower(): lod for scheme in self.catalogue.lod_schemes for lod in scheme.lods}
        for name in names:
            if name and name.lower() not in known:
                raise OwsError(
                    Code.LOD_NOT_DEFINED,
                    f"lods: {shown(name)} is not one of {', '.join(known.values())}",
                    name,
                )
        return tuple(known[name.lower()] if name else "" for name in names)

    def _axes(self, name: CrsName, chosen: tuple[Chosen, ...]) -> Axes:
        info = self._supported(name, (one.layer for one in chosen))
        if info is None:
            raise invalid("crs", f"{name.short} is not one of all the layers asked for")
        return Axes(info, name.official and info.north_first)

    def _supported(self, name: CrsName, layers: Iterable[Layer]) -> CrsInfo | None:
        if not all(name.short in layer.crs for layer in layers):
            return None
        return self.catalogue.crs.get(name.short)

    def _check_background(self, name: str) -> None:
        if name and name not in [one.id for one in self.catalogue.backgrounds]:
            raise OwsError(
                Code.BACKGROUND_NOT_DEFINED, f"background: {shown(name)} is not offered", name
            )

    def _box(self, request: Portrayal, axes: Axes) -> XyBox:
        box = request.box
        assert box is not None
        if box.crs is not None:
            info = self.catalogue.crs.get(box.crs.short)
            if info is None or not (self.catalogue.converts_boxes or info == axes.crs):
                raise invalid("boundingBox", f"{box.crs.short} is not a CRS of this service")
            axes = Axes(info, box.crs.official and info.north_first)
        low, high = _xy(box.low, axes), _xy(box.high, axes)
        if axes.crs.geographic:
            _check_degrees(low, high)
        return XyBox(axes.crs, _spaced(low, float("-inf")), _spaced(high, float("inf")))

    def _option(self, name: str, chosen: tuple[Chosen, ...]) -> str:
        option = _option_named(name, self.catalogue.delivery_options)
        offered = {uri for one in chosen for uri in one.layer.delivery_options}
        if option is None or option.id not in offered:
            raise OwsError(
                Code.DELIVERY_OPTION_NOT_DEFINED,
                f"deliveryOptions: {shown(name)} is not offered for any of the layers",
                name,
            )
        return option.id

    def _check_scene(self, request: GetScene, chosen: tuple[Chosen, ...]) -> None:
        for one in chosen:
            if request.format not in one.layer.formats:
                known = ", ".join(one.layer.formats) or "none"
                raise invalid(
                    "format", f"{shown(request.format)} is not one of layer {one.layer.id}: {known}"
                )
            if request.offset_mode:
                _known(request.offset_mode, one.layer.offset_modes, "offsetMode")
            offset = request.offset
            if offset and not self.catalogue.any_offset and offset not in one.layer.offsets:
                raise invalid("offset", "only the offsets that each layer advertises are served")

    def _check_view(self, request: GetView) -> None:
        offered = {layer.id: layer.formats for layer in self.catalogue.image_layers}
        for picture in (one for view in request.views for one in view.layers):
            formats = offered.get(picture.name)
            if formats is None:
                known = ", ".join(offered)
                raise invalid("imageLayers", f"{shown(picture.name)} is not one of {known}")
            if picture.format not in formats:
                known = ", ".join(formats)
                raise invalid(
                    "formats", f"{picture.name} as {shown(picture.format)}; there is {known}"
                )


def leaves(layer: Layer) -> list[Layer]:
    """Return the layers with data that a layer stands for, with what they inherit."""
    return [one for one in (layer, *walk(layer.layers, layer)) if one.data]


def _style(asked: Layer, leaf: Layer, name: str) -> str:
    """Return the style of a layer with data; each must be defined for or inherited by the layer."""
    if not name:
        return next((style.id for style in leaf.styles if style.default), "")
    if name not in [style.id for style in leaf.styles]:
        raise OwsError(
            Code.STYLE_NOT_DEFINED, f"styles: layer {asked.id} does not have {shown(name)}", name
        )
    return name


def _check_lod(layer: Layer, lod: str, selection: str) -> None:
    # Every other method finds something else where the layer does not have the LOD itself.
    offered = {one for leaf in leaves(layer) for one in leaf.lods}
    if lod and selection == "equals" and offered and lod not in offered:
        raise OwsError(
            Code.LOD_NOT_APPLICABLE,
            f"lods: layer {layer.id} has {', '.join(sorted(offered))}, not {lod}",
            lod,
        )


def _option_named(name: str, options: tuple[DeliveryOption, ...]) -> DeliveryOption | None:
    for option in options:
        if name == option.id or name.lower() in [one.lower() for one in option.names]:
            return option
    return None


def _known(name: str, names: Iterable[str], parameter: str) -> None:
    known = tuple(names)
    if name not in known:
        raise invalid(parameter, f"{shown(name)} is not one of {', '.join(known) or 'none'}")


def _xy(corner: tuple[float, ...], axes: Axes) -> tuple[float, ...]:
    return (corner[1], corner[0], *corner[2:]) if axes.swapped else corner


def _spaced(corner: tuple[float, ...], bound: float) -> tuple[float, float, float]:
    return corner[0], corner[1], corner[2] if len(corner) == 3 else bound


def _check_degrees(low: tuple[float, ...], high: tuple[float, ...]) -> None:
    # 8.4.1: values that the CRS does not define are an error, and no axis wraps around.
    for place, (bound, what) in enumerate(((180, "longitude"), (90, "latitude"))):
        for value in (low[place], high[place]):
            if abs(value) > bound:
                raise invalid("boundingBox", f"a {what} of {value:g} degrees")
