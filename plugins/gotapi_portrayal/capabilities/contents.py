"""PURE: the sections Contents and PortrayalCapabilities: layers, and how they can be portrayed."""

from collections.abc import Mapping

from gotapi_portrayal.capabilities.markup import Form, clean, flag, link, number, ows, quoted
from gotapi_portrayal.catalogue import (
    AvailableProjection,
    Catalogue,
    CrsInfo,
    DeliveryOption,
    Extension,
    ImageLayer,
    Layer,
    LodScheme,
    Style,
    ViewpointHint,
    inherited,
)

UP = (0.0, 0.0, 1.0)


def contents(catalogue: Catalogue, form: Form) -> str:
    """Return the section; children repeat nothing that they inherit, but for what is mandatory."""
    inner = "".join(_layer(one, None, catalogue, form) for one in catalogue.layers)
    return form.core("Contents", inner)


def _layer(layer: Layer, parent: Layer | None, catalogue: Catalogue, form: Form) -> str:
    whole = inherited(layer, parent)
    children = "".join(_layer(one, whole, catalogue, form) for one in layer.layers)
    return form.core("Layer", _inside(layer, whole, children, catalogue, form))


def _inside(layer: Layer, whole: Layer, children: str, catalogue: Catalogue, form: Form) -> str:
    head, name = form.described(layer), ows("Identifier", layer.id)
    # Table 12 makes AvailableCRS mandatory, inherited or not; clients shall ignore repetitions.
    crs = form.cores("AvailableCRS", whole.crs)
    lods = form.cores("AvailableLOD", layer.lods)
    options = form.cores("DeliveryOption", layer.delivery_options)
    styles = "".join(_style(one, form) for one in layer.styles)
    wgs84, boxes = _wgs84(layer, form), _boxes(layer, catalogue.crs, form)
    metadata = "".join(_metadata(url, form) for url in layer.metadata)
    if form.posted:  # its order, and its sequence of extensions that has no element in it
        return f"{head}{name}{crs}{lods}{options}{children}{styles}{wgs84}{metadata}{boxes}"
    extensions = form.core("Extensions", _extensions(layer, whole, catalogue, form))
    return f"{head}{wgs84}{name}{boxes}{crs}{lods}{styles}{options}{metadata}{extensions}{children}"


def _extensions(layer: Layer, whole: Layer, catalogue: Catalogue, form: Form) -> str:
    found = ""
    if Extension.SCENE in catalogue.extensions:  # Requirement 7, Table 28
        formats = "".join(
            f"<scene:AvailableFormat>{clean(one)}</scene:AvailableFormat>" for one in layer.formats
        )
        offsets = "".join(
            f"<scene:AvailableOffset>{_position(one, form)}</scene:AvailableOffset>"
            for one in layer.offsets
        )
        modes = "".join(
            f"<scene:AvailableOffsetMode>{clean(one)}</scene:AvailableOffsetMode>"
            for one in layer.offset_modes
        )
        found += f"<scene:SceneLayerExtension>{formats}{offsets}{modes}</scene:SceneLayerExtension>"
    if Extension.INFO in catalogue.extensions:  # Requirement 20, Table 49
        queryable = flag(bool(whole.queryable))
        found += f'<info:InfoLayerExtension queryable="{queryable}"/>'
    return found


def _position(position: tuple[float, float, float], form: Form) -> str:
    parts = zip(("X1", "X2", "X3"), position, strict=True)
    return "".join(form.core(part, number(value)) for part, value in parts)


def _style(style: Style, form: Form) -> str:
    # Table 13 has IsDefault, the posted schema has nothing after the identifier.
    default = "" if form.posted else form.core("IsDefault", flag(style.default))
    return form.identified("AvailableStyle", style, default)


def _wgs84(layer: Layer, form: Form) -> str:
    if layer.wgs84 is None:
        return ""
    west, south, east, north = (number(value) for value in layer.wgs84)
    corners = ows("LowerCorner", f"{west} {south}") + ows("UpperCorner", f"{east} {north}")
    tag = "WGS84BoundingBox" if form.posted else "ows:WGS84BoundingBox"
    return f"<{tag}>{corners}</{tag}>"


def _boxes(layer: Layer, crs: Mapping[str, CrsInfo], form: Form) -> str:
    return "".join(
        form.box("BoundingBox", box, crs[box.crs]) for box in layer.boxes if box.crs in crs
    )


def _metadata(url: str, form: Form) -> str:
    whole = link("Metadata", url)
    return whole.replace("<ows:", "<", 1) if form.posted else whole


def portrayal_capabilities(catalogue: Catalogue, form: Form) -> str:
    """Return the section, in the order of Table 14 or of the posted schema."""
    styles = "".join(form.identified("OverallStyle", one) for one in catalogue.overall_styles)
    backgrounds = "".join(form.identified("Background", one) for one in catalogue.backgrounds)
    spatial = form.cores("AvailableSpatialSelection", catalogue.spatial_selections)
    schemes = "".join(_scheme(one, form) for one in catalogue.lod_schemes)
    lods = form.cores("AvailableLODSelection", catalogue.lod_selections)
    options = "".join(_option(one, form) for one in catalogue.delivery_options)
    hints = "".join(_hint(one, form) for one in catalogue.viewpoints)
    boxes = form.core("SupportsBoundingBoxConversion", flag(catalogue.converts_boxes))
    if form.posted:
        inner = f"{spatial}{lods}{boxes}{schemes}{hints}{options}{styles}{backgrounds}"
    else:
        extensions = form.core("Extensions", _portrayal_extensions(catalogue, form))
        inner = f"{styles}{backgrounds}{spatial}{schemes}{lods}{options}{hints}{boxes}{extensions}"
    return form.core("PortrayalCapabilities", inner)


def _scheme(scheme: LodScheme, form: Form) -> str:
    # The posted schema makes a level a QName, whose local part begins with no digit.
    lods = [lod.replace(":", ".LOD") for lod in scheme.lods] if form.posted else scheme.lods
    return form.identified("AvailableLODScheme", scheme, form.cores("LOD", lods))


def _option(option: DeliveryOption, form: Form) -> str:
    return form.identified("DeliveryOption", option, form.cores("Format", option.formats))


def _hint(hint: ViewpointHint, form: Form) -> str:
    # Table 19 has no FOVX, but 8.2.2 describes one and the posted schema wants it: it is always
    # written, and so is `UP`, as example and schema spell it.
    fovx = form.core("FOVX", number(hint.fovx))
    camera = form.position("POC", hint.poc) + form.position("POI", hint.poi)
    return form.core(
        "ViewpointHint", form.described(hint) + camera + form.position("UP", hint.up) + fovx
    )


def _portrayal_extensions(catalogue: Catalogue, form: Form) -> str:
    found = ""
    if Extension.SCENE in catalogue.extensions:  # Requirement 9, Table 31
        offset = flag(catalogue.any_offset)
        found += (
            "<scene:ScenePortrayalCapabilitiesExtension><scene:SupportsArbitraryOffset>"
            f"{offset}</scene:SupportsArbitraryOffset></scene:ScenePortrayalCapabilitiesExtension>"
        )
    if Extension.VIEW in catalogue.extensions:  # Requirement 14, Table 41
        layers = "".join(_image_layer(one, form) for one in catalogue.image_layers)
        projections = "".join(_projection(one, form) for one in catalogue.projections)
        found += (
            f"<view:ViewPortrayalCapabilitiesExtension>{layers}{projections}"
            f"<view:NearPlaneHint>{number(catalogue.near)}</view:NearPlaneHint>"
            f"<view:FarPlaneHint>{number(catalogue.far)}</view:FarPlaneHint>"
            "<view:SupportsMultipleViews>true</view:SupportsMultipleViews>"
            "</view:ViewPortrayalCapabilitiesExtension>"
        )
    return found


def _image_layer(layer: ImageLayer, form: Form) -> str:
    formats = "".join(
        f"<view:AvailableFormat>{clean(one)}</view:AvailableFormat>" for one in layer.formats
    )
    return (
        f"<view:AvailableImageLayer>{form.described(layer)}{ows('Identifier', layer.id)}{formats}"
        "</view:AvailableImageLayer>"
    )


def _projection(projection: AvailableProjection, form: Form) -> str:
    parameters = "".join(
        f'<view:ProjectionParameter name={quoted(one.name)} required="{flag(one.required)}">'
        f"<ows:AnyValue/>{ows('DefaultValue', one.default) if one.default else ''}"
        "</view:ProjectionParameter>"
        for one in projection.parameters
    )
    name = f"<view:TypeName>{clean(projection.id)}</view:TypeName>"  # Table 43; the XSD: Identifier
    return (
        f"<view:AvailableProjection>{form.described(projection)}{name}{parameters}"
        "</view:AvailableProjection>"
    )
