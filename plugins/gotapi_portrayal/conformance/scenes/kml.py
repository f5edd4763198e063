"""PURE: KML 2.x and KMZ: elements, coordinates in degrees, links."""

import io
import zipfile
from collections.abc import Iterator
from typing import Final

from gotapi_core.conformance.model import Failed, expect
from gotapi_portrayal.conformance.scenes.shape import Shape, Triple, around
from gotapi_portrayal.conformance.xmlread import Element, everywhere, local, parse, space, text

_NAMESPACE: Final = "http://www.opengis.net/kml/2."
_MOST: Final = 256 * 1024 * 1024  # bytes of an unpacked KMZ


def read_kml(body: bytes) -> Shape:
    """Return what a KML document holds; raises Failed where it is none."""
    root = parse(body, "the KML document")
    expect(local(root) == "kml", f"the root is {local(root)!r}, not kml")
    expect(space(root).startswith(_NAMESPACE), f"kml is in the namespace {space(root)!r}")
    rings = sum(1 for _ in everywhere(root, "Polygon", "LineString", "Point"))
    models = sum(1 for _ in everywhere(root, "Model"))
    links = tuple(link for one in everywhere(root, "href") if (link := text(one)))
    low, high = around(_points(root))
    if low is not None and high is not None:
        inside = low[0] >= -180.0 and high[0] <= 180.0 and low[1] >= -90.0 and high[1] <= 90.0
        expect(inside, f"coordinates are not degrees: {low} to {high}")
    return Shape(rings + models, low, high, links, degrees=True)


def read_kmz(body: bytes) -> Shape:
    """Return what a KMZ holds; raises Failed where it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            size = sum(one.file_size for one in archive.infolist())
            expect(size <= _MOST, f"the KMZ unpacks to {size} bytes")
            broken = archive.testzip()
            expect(broken is None, f"{broken} in the KMZ is damaged")
            names = [one for one in archive.namelist() if one.lower().endswith(".kml")]
            expect(bool(names), "the KMZ has no .kml")
            inside = set(archive.namelist())
            shape = read_kml(archive.read(names[0]))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise Failed(f"the KMZ cannot be unpacked: {error}") from None
    links = [one for one in shape.links if "://" not in one]
    for link in links:
        expect(link in inside, f"the KMZ has no {link}")
    outside = tuple(one for one in shape.links if "://" in one)
    return Shape(shape.triangles, shape.low, shape.high, outside, degrees=True)


def _points(root: Element) -> Iterator[Triple]:
    for one in everywhere(root, "coordinates"):
        for word in text(one).split():
            parts = word.split(",")
            try:
                x, y, *z = (float(part) for part in parts)
            except ValueError:
                raise Failed(f"coordinates hold {word[:60]!r}") from None
            yield x, y, z[0] if z else 0.0
    for one in everywhere(root, "Location"):
        try:
            yield (
                float(text(one, "longitude")),
                float(text(one, "latitude")),
                float(text(one, "altitude") or 0.0),
            )
        except ValueError:
            raise Failed("a Location has no longitude or latitude") from None
