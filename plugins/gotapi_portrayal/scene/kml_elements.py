"""PURE: the elements of KML 2.2 (OGC 07-147r2) that scenes are written of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gotapi_portrayal.data.types import Attribute, Feature, Triple
from gotapi_portrayal.scene.kml_earth import Floats, Look
from gotapi_portrayal.scene.kml_text import plain, quoted

HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<kml xmlns="http://www.opengis.net/kml/2.2" '
    'xmlns:gx="http://www.google.com/kml/ext/2.2">\n<Document>\n'
)
TAIL: Final = "</Document>\n</kml>\n"

_TOP: Final = 90.0  # a LookAt reaches no further than the horizon
_LEVEL: Final = 0.01  # degrees of roll that nobody sees
_WIDEST: Final = 170.0  # degrees; Google Earth takes fields of view from 10 to 170
_NARROWEST: Final = 10.0
_WHOLE: Final = 2**31  # KML's int is XML Schema's
_EXACT: Final = 2**53  # as a double
_OWN: Final = (("ObjectId", "int"), ("FeatureId", "string"), ("Class", "string"))


class Area(NamedTuple):
    """A box in degrees and metres of height."""

    west: float
    south: float
    low: float
    east: float
    north: float
    high: float


def area(places: Floats) -> Area:
    """Return the box around some places; there is at least one."""
    west, south, low = places.min(axis=0).tolist()
    east, north, high = places.max(axis=0).tolist()
    return Area(west, south, low, east, north, high)


def region(box: Area, least: int, most: int = -1) -> str:
    """Return a Region seen where it takes from `least` to `most` pixels, -1 for any number."""
    return (
        "<Region><LatLonAltBox>"
        f"<north>{box.north:.8f}</north><south>{box.south:.8f}</south>"
        f"<east>{box.east:.8f}</east><west>{box.west:.8f}</west>"
        f"<minAltitude>{box.low:.3f}</minAltitude><maxAltitude>{box.high:.3f}</maxAltitude>"
        "<altitudeMode>absolute</altitudeMode></LatLonAltBox>"
        f"<Lod><minLodPixels>{least}</minLodPixels><maxLodPixels>{most}</maxLodPixels></Lod>"
        "</Region>"
    )


def style(name: str, colour: Triple, opacity: float) -> str:
    """Return a Style of surfaces; colours of KML are alpha, blue, green, red."""
    red, green, blue = (round(255 * min(1.0, max(0.0, part))) for part in colour)
    alpha = round(255 * min(1.0, max(0.0, opacity)))
    return (
        f'<Style id="{quoted(name)}"><PolyStyle>'
        f"<color>{alpha:02x}{blue:02x}{green:02x}{red:02x}</color>"
        "<fill>1</fill><outline>0</outline></PolyStyle></Style>\n"
    )


def view(place: Triple, target: Triple, how: Look, fovx: float) -> str:
    """Return a viewpoint: a LookAt, which has a target, or a Camera where a LookAt cannot do it."""
    fov = min(_WIDEST, max(_NARROWEST, fovx))
    wide = f"<gx:horizFov>{fov:.6g}</gx:horizFov>"
    if how.tilt <= _TOP and abs(how.roll) < _LEVEL:
        return (
            f"<LookAt>{wide}{_at(target)}<heading>{how.heading:.6f}</heading>"
            f"<tilt>{how.tilt:.6f}</tilt><range>{how.distance:.3f}</range>"
            "<altitudeMode>absolute</altitudeMode></LookAt>"
        )
    return (
        f"<Camera>{wide}{_at(place)}<heading>{how.heading:.6f}</heading>"
        f"<tilt>{how.tilt:.6f}</tilt><roll>{how.roll:.6f}</roll>"
        "<altitudeMode>absolute</altitudeMode></Camera>"
    )


def _at(place: Triple) -> str:
    return (
        f"<longitude>{place[0]:.9f}</longitude><latitude>{place[1]:.9f}</latitude>"
        f"<altitude>{place[2]:.3f}</altitude>"
    )


def polygons(texts: Sequence[str], triangles: NDArray[np.integer]) -> str:
    """Return a MultiGeometry of triangles; `texts` are places as written."""
    rings = [f"{texts[a]} {texts[b]} {texts[c]} {texts[a]}" for a, b, c in triangles.tolist()]
    between = (
        "</coordinates></LinearRing></outerBoundaryIs></Polygon>\n"
        "<Polygon><altitudeMode>absolute</altitudeMode>"
        "<outerBoundaryIs><LinearRing><coordinates>"
    )
    first, last = between.split("\n")[1], between.split("\n")[0]
    return f"<MultiGeometry>{first}{between.join(rings)}{last}</MultiGeometry>"


def model(place: Triple, href: str) -> str:
    """Return a Model whose own x is east, y north, z up at a place, in metres."""
    return (
        "<Model><altitudeMode>absolute</altitudeMode>"
        f"<Location>{_at(place)}</Location>"
        "<Orientation><heading>0</heading><tilt>0</tilt><roll>0</roll></Orientation>"
        "<Scale><x>1</x><y>1</y><z>1</z></Scale>"
        f"<Link><href>{plain(href)}</href></Link></Model>"
    )


def network_link(name: str, href: str, where: str) -> str:
    """Return a link that is followed when its region comes into view."""
    return (
        f"<NetworkLink><name>{plain(name)}</name>{where}"
        f"<Link><href>{plain(href)}</href><viewRefreshMode>onRegion</viewRefreshMode></Link>"
        "</NetworkLink>\n"
    )


class Fields:
    """The Schema of a layer's attributes, and what a feature of it has (KML 2.2, 9.2 and 9.3)."""

    def __init__(self, identifier: str, title: str, features: Iterable[Feature]) -> None:
        self._id = identifier
        self._title = title
        self._types = _types(features)
        own = {name for name, _ in _OWN}
        # Two fields cannot have one name; those of the feature itself come first.
        self._names = {name: f"{name}-2" if name in own else name for name in self._types}

    def schema(self) -> str:
        """Return the Schema element."""
        every = [*_OWN, *((self._names[name], kind) for name, kind in self._types.items())]
        fields = "".join(
            f'<SimpleField type="{kind}" name="{quoted(name)}"/>' for name, kind in every
        )
        return f'<Schema name="{quoted(self._title)}" id="{quoted(self._id)}">{fields}</Schema>\n'

    def data(self, feature: Feature) -> str:
        """Return the ExtendedData of a feature."""
        values: dict[str, str] = {
            "ObjectId": str(feature.number),
            "FeatureId": feature.object_id,
            "Class": feature.kind,
        }
        for name, value in feature.attributes.items():
            if value is not None:
                values[self._names[name]] = written(value)
        items = "".join(
            f'<SimpleData name="{quoted(name)}">{plain(value)}</SimpleData>'
            for name, value in values.items()
        )
        return (
            f'<ExtendedData><SchemaData schemaUrl="#{quoted(self._id)}">{items}</SchemaData>'
            "</ExtendedData>"
        )


def written(value: Attribute) -> str:
    """Return a value as XML Schema writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not np.isfinite(value):
        return "NaN" if value != value else ("INF" if value > 0 else "-INF")
    return str(value)


def _types(features: Iterable[Feature]) -> Mapping[str, str]:
    found: dict[str, set[str]] = {}
    for feature in features:
        for name, value in feature.attributes.items():
            if value is not None:
                found.setdefault(name, set()).add(_type(value))
    return {name: _common(kinds) for name, kinds in found.items()}


def _type(value: Attribute) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if -_WHOLE <= value < _WHOLE:
            return "int"
        return "double" if abs(value) <= _EXACT else "string"
    return "double" if isinstance(value, float) else "string"


def _common(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "double" if kinds == {"int", "double"} else "string"
