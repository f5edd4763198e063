"""Requests of GetFeatureInfo that should find something, built from what the server offers."""

from typing import Final

import msgspec

from gotapi_core.conformance.model import Failed, Skipped
from gotapi_portrayal.conformance.features import XML, Found, read_features
from gotapi_portrayal.conformance.offer import LayerOffer, require
from gotapi_portrayal.conformance.server import SIZE, Server

BY_RAY: Final = "GetFeatureInfoByRay"
BY_PLACE: Final = "GetFeatureInfoByPosition"
BY_ID: Final = "GetFeatureInfoByObjectId"
KINDS: Final = (BY_RAY, BY_PLACE, BY_ID)

_GRID: Final = 5  # rays in each direction until one meets something
_FAR: Final = "1000000"  # metres of tolerance, where nothing is known about heights

Request = dict[str, str | None]


class Hit(msgspec.Struct, frozen=True):
    """A request that found a feature."""

    operation: str
    request: Request
    found: Found
    layer: str


async def formats(server: Server, name: str) -> tuple[str, ...]:
    """Return the formats that an operation declares."""
    return require(await server.offer(), name).parameters.get("format", ()) or ("text/xml",)


async def xml_format(server: Server, name: str) -> str:
    """Return the XML format of an operation; raises Skipped where it has none."""
    for one in await formats(server, name):
        if one.partition(";")[0].strip().lower() in XML:
            return one
    raise Skipped(f"{name} does not offer text/xml, which could be compared")


async def a_format(server: Server, name: str) -> str:
    """Return the XML format of an operation, or another one where it has none."""
    try:
        return await xml_format(server, name)
    except Skipped:
        return (await formats(server, name))[0]


async def queryable(server: Server) -> LayerOffer:
    """Return a layer that can be queried and has a place."""
    return (await queryables(server))[0]


async def queryables(server: Server) -> list[LayerOffer]:
    """Return all layers that can be queried and have a place."""
    offer = await server.offer()
    if not any(one in offer.operations for one in KINDS):
        raise Skipped("the server has no operation of GetFeatureInfo")
    found = []
    for layer in offer.layers:
        if layer.queryable and layer.boxes:
            try:
                layer.ground()
            except Skipped:
                continue
            found.append(layer)
    if not found:
        raise Skipped("no layer with a box is queryable")
    return found


async def ray(server: Server, layer: LayerOffer, pixel: tuple[int, int]) -> Request:
    """Return a GetFeatureInfoByRay through a pixel of a camera that sees all of a layer."""
    camera = await server.camera(layer)
    return {
        "layers": layer.id,
        "format": await a_format(server, BY_RAY),
        "crs": layer.ground().crs,
        "width": str(SIZE[0]),
        "height": str(SIZE[1]),
        "projection": camera.perspective(),
        "imagePosition": f"{pixel[0]},{pixel[1]}",
    }


async def place(
    server: Server, layer: LayerOffer, point: tuple[float, ...], tolerance: str
) -> Request:
    """Return a GetFeatureInfoByPosition."""
    return {
        "layers": layer.id,
        "format": await a_format(server, BY_PLACE),
        "crs": layer.ground().crs,
        "coordinate": ",".join(f"{one:.6f}" for one in point),
        "tolerance": tolerance,
    }


async def by_id(server: Server, layer: str, *ids: str) -> Request:
    """Return a GetFeatureInfoByObjectId."""
    return {
        "layers": layer,
        "format": await xml_format(server, BY_ID),
        "objectId": ",".join(ids),
    }


async def request_for(server: Server, name: str, layer: LayerOffer) -> Request:
    """Return a good request of an operation for a layer."""
    require(await server.offer(), name)
    if name == BY_RAY:
        return await ray(server, layer, (SIZE[0] // 2, SIZE[1] // 2))
    if name == BY_PLACE:
        return await place(server, layer, layer.ground().middle, _FAR)
    hit = await some_hit(server)
    return await by_id(server, hit.layer, hit.found.object_id or hit.found.feature_id)


async def good_requests(server: Server) -> list[tuple[str, Request]]:
    """Return good requests of every operation for every queryable layer."""
    offer = await server.offer()
    found = []
    for layer in await queryables(server):
        for name in (one for one in KINDS if one in offer.operations):
            try:
                found.append((name, await request_for(server, name, layer)))
            except Skipped:
                continue
    if not found:
        raise Failed("no request of GetFeatureInfo could be built from the metadata document")
    return found


async def some_hit(server: Server) -> Hit:
    """Return a request that finds a feature; raises Skipped where none does."""
    return await server.once("hit", lambda: _search(server))


async def _search(server: Server) -> Hit:
    offer = await server.offer()
    for name in (one for one in (BY_RAY, BY_PLACE) if one in offer.operations):
        await xml_format(server, name)
        for layer in await queryables(server):
            for request in await _tries(server, name, layer):
                reply = await server.ask(name, request)
                found = read_features(reply) if reply.good else []
                if found and (found[0].object_id or found[0].feature_id):
                    return Hit(name, request, found[0], layer.id)
    raise Skipped("no ray and no position finds a feature of the queryable layers")


async def _tries(server: Server, name: str, layer: LayerOffer) -> list[Request]:
    if name == BY_PLACE:
        return [await place(server, layer, layer.ground().middle, _FAR)]
    # From the middle outwards: the camera looks at the middle of the box.
    steps = sorted(range(1, _GRID + 1), key=lambda n: abs(n - (_GRID + 1) / 2))
    pixels = [
        (SIZE[0] * x // (_GRID + 1), SIZE[1] * y // (_GRID + 1)) for y in steps for x in steps
    ]
    return [await ray(server, layer, pixel) for pixel in pixels]
