"""Checks of the scene class: that scenes lie where they should, boxes select and offsets count."""

from collections.abc import Iterator
from typing import Final

from gotapi_core.conformance.model import Failed, Skipped, expect
from gotapi_portrayal.conformance.checks.scene import NAME, layers
from gotapi_portrayal.conformance.crs import crs_key
from gotapi_portrayal.conformance.http import TooLarge
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import Ground, LayerOffer, require, triple
from gotapi_portrayal.conformance.reply import orderly
from gotapi_portrayal.conformance.scenes import read_scene
from gotapi_portrayal.conformance.scenes.shape import Shape, Triple
from gotapi_portrayal.conformance.server import Server

RULES = ServerChecks()

_SLACK: Final = 0.01  # of the size of the box: announced boxes may be rounded
_FINE: Final = 1e-3  # of the size: what single precision makes of a coordinate in a box


async def _shape(
    server: Server, layer: LayerOffer, media: str, **changes: str | None
) -> Shape | None:
    """Return what a scene holds; None where that cannot be found out, other checks say why."""
    good = await server.scene(layer, media)
    try:
        reply = await server.ask(NAME, {**good, **changes})
        return read_scene(reply.body, media) if reply.good else None
    except (TooLarge, Failed, Skipped):
        return None


def _ways(shape: Shape) -> Iterator[tuple[Triple, Triple]]:
    """Yield the box of a scene in the axes of the CRS: as it is, and with the second axis up."""
    if shape.low is None or shape.high is None:
        return
    yield shape.low, shape.high
    if shape.vertical == 1:
        (ax, ay, az), (bx, by, bz) = shape.low, shape.high
        yield (ax, -bz, ay), (bx, -az, by)


def _inside(
    low: Triple,
    high: Triple,
    ground: Ground,
    moved: Triple = (0.0, 0.0, 0.0),
    slack: float = _SLACK,
) -> bool:
    axes = 3 if ground.tall else 2
    room = slack * max(ground.size[:axes]) + (0.0 if ground.degrees else 0.5)
    return all(
        ground.low[n] - room <= low[n] + moved[n] and high[n] + moved[n] <= ground.high[n] + room
        for n in range(axes)
    )


def _degrees(layer: LayerOffer) -> Ground | None:
    """Return where a layer lies in longitude and latitude."""
    for box in layer.boxes:
        key = crs_key(box.crs)
        if key[:1] == ("crs84",):
            return Ground("", triple(box.low[:2]), triple(box.high[:2]), tall=False, degrees=True)
        if key[:1] == ("4326",) and box.crs.lower().startswith(("urn:", "http")):
            low, high = (box.low[1], box.low[0], 0.0), (box.high[1], box.high[0], 0.0)
            return Ground("", low, high, tall=False, degrees=True)
    return None


@RULES.shall(
    "scene-in-place",
    "8.4.1 CRS",
    "coordinates of a scene are those of the CRS of the request, in the box of the layer",
    "scenes of several servers must fit together",
)
async def _(server: Server) -> None:
    tried = 0
    for layer, media in await layers(server):
        shape = await _shape(server, layer, media)
        if shape is None or shape.low is None:
            continue
        ground = _degrees(layer) if shape.degrees else layer.ground()
        if ground is None or (ground.degrees and not shape.degrees):
            continue
        tried += 1
        fits = any(_inside(low, high, ground) for low, high in _ways(shape))
        expect(
            fits,
            f"{media} of layer {layer.id} goes from {shape.low} to {shape.high}, its box from "
            f"{ground.low} to {ground.high}",
        )
    if not tried:
        raise Skipped("no format has coordinates that can be compared with the CRS")


@RULES.shall(
    "scene-bounding-box",
    "8.4.1 BoundingBox",
    "a small bounding box brings less than all, and one beside the data brings nothing",
    "clients load what they need",
)
async def _(server: Server) -> None:
    layer, media, whole, ground = await _measured(server)
    small = _box(ground, 0.45, 0.55)
    part = await _shape(server, layer, media, boundingBox=small)
    if part is None:
        raise Failed(f"BoundingBox={small} was not answered with a scene")
    expect(
        part.triangles <= whole.triangles,
        f"{part.triangles} faces in a tenth of the box, {whole.triangles} in all of it",
    )
    beside = _box(ground, 3.0, 3.1)
    nothing = await _shape(server, layer, media, boundingBox=beside)
    if nothing is not None:  # an exception will do
        expect(nothing.triangles == 0, f"{nothing.triangles} faces in {beside}, where nothing is")


@RULES.shall(
    "scene-cut",
    "8.2.2, Table 20",
    "spatialSelection=cut brings nothing that lies outside of the bounding box",
    "tiles that overlap flicker",
)
async def _(server: Server) -> None:
    if "cut" not in (await server.offer()).selections:
        raise Skipped("the server does not offer cut")
    layer, media, _whole, ground = await _measured(server)
    value = _box(ground, 0.3, 0.7)
    part = await _shape(server, layer, media, boundingBox=value, spatialSelection="cut")
    if part is None:
        raise Failed("a scene with cut was not answered")
    if part.low is None:
        raise Skipped("nothing lies in the middle of the layer")
    low = tuple(a + 0.3 * s for a, s in zip(ground.low[:2], ground.size[:2], strict=True))
    high = tuple(a + 0.7 * s for a, s in zip(ground.low[:2], ground.size[:2], strict=True))
    wanted = Ground(ground.crs, triple(low), triple(high), tall=False, degrees=True)
    fits = any(_inside(a, b, wanted, slack=_FINE) for a, b in _ways(part))
    expect(fits, f"it goes from {part.low} to {part.high}, the box from {low} to {high}")


@RULES.shall(
    "scene-center",
    "8.2.2, Table 20",
    "spatialSelection=contains_center brings no more than overlaps",
    "a feature whose center is in the box overlaps it",
)
async def _(server: Server) -> None:
    if "contains_center" not in (await server.offer()).selections:
        raise Skipped("the server does not offer contains_center")
    layer, media, _whole, ground = await _measured(server)
    value = _box(ground, 0.3, 0.7)
    counts = {}
    for name in ("contains_center", "overlaps"):
        part = await _shape(server, layer, media, boundingBox=value, spatialSelection=name)
        if part is None:
            raise Failed(f"a scene with {name} was not answered")
        counts[name] = part.triangles
    expect(counts["contains_center"] <= counts["overlaps"], f"the numbers of faces are {counts}")


@RULES.shall(
    "scene-offset",
    "9.2.5, Table 30",
    "an offset with mode subtract is taken off all coordinates",
    "what the client adds to them must give the place on earth",
)
async def _(server: Server) -> None:
    layer, media, _whole, ground = await _measured(server)
    offer = await server.offer()
    if not offer.any_offset and not layer.offsets:
        raise Skipped("the server offers no offset")
    if layer.modes and "subtract" not in layer.modes:
        raise Skipped("the server does not offer the mode subtract")
    offset = layer.offsets[0] if not offer.any_offset else ground.low
    value = ",".join(f"{one:.3f}" for one in offset)
    shape = await _shape(server, layer, media, offset=value, offsetMode="subtract")
    if shape is None:
        raise Failed(f"a scene with offset={value} was not answered")
    moved = (float(offset[0]), float(offset[1]), float(offset[2]))
    fits = any(_inside(low, high, ground, moved) for low, high in _ways(shape))
    expect(
        fits,
        f"with offset {value} it goes from {shape.low} to {shape.high}, which is not in the box "
        f"{ground.low} to {ground.high} once the offset is added",
    )


@RULES.shall(
    "scene-offset-modes",
    "9.2.5",
    "every advertised offset mode is taken with an offset, and none without",
    "footnote b of Table 32: the mode requires the offset",
)
async def _(server: Server) -> None:
    layer, media = (await layers(server))[0]
    if not layer.modes:
        raise Skipped(f"layer {layer.id} advertises no offset mode")
    good = await server.scene(layer, media)
    places = layer.offsets[0] if layer.offsets else layer.ground().low
    offset = ",".join(f"{one:.3f}" for one in places)
    for mode in layer.modes:
        reply = await server.ask(NAME, {**good, "offset": offset, "offsetMode": mode})
        codes = {one.code for one in reply.exceptions}
        if codes != {"FormatCapabilityMissing"}:
            reply.must_be_good()
        (await server.ask(NAME, {**good, "offsetMode": mode})).must_fail()


@RULES.shall(
    "scene-offset-refused",
    "9.2.4",
    "where arbitrary offsets are not supported, another offset than those advertised is refused",
    "the client would place the scene wrongly",
)
async def _(server: Server) -> None:
    require(await server.offer(), NAME)
    if (await server.offer()).any_offset:
        raise Skipped("the server supports arbitrary offsets")
    layer, media = (await layers(server))[0]
    good = await server.scene(layer, media)
    (await server.ask(NAME, {**good, "offset": "12.5,-7.25,3.125"})).must_fail()


@RULES.sane(
    "scene-extremes",
    "safety",
    "numbers that no CRS has, in a bounding box and an offset, do not break the server",
    "everybody can send them",
)
async def _(server: Server) -> None:
    layer, media = (await layers(server))[0]
    good = await server.scene(layer, media)
    for changes in (
        {"boundingBox": "-1e300,-1e300,1e300,1e300"},
        {"boundingBox": "1e-300,1e-300,2e-300,2e-300"},
        {"offset": "1e300,-1e300,1e300"},
    ):
        orderly(await server.ask(NAME, {**good, **changes}))


async def _measured(server: Server) -> tuple[LayerOffer, str, Shape, Ground]:
    """Return a layer and a format whose coordinates are those of its CRS, in metres."""
    for layer, media in await layers(server):
        ground = layer.ground()
        if ground.degrees:
            continue
        shape = await _shape(server, layer, media)
        if shape is not None and shape.low is not None and not shape.degrees:
            return layer, media, shape, ground
    raise Skipped("no format has coordinates that can be compared with the CRS")


def _box(ground: Ground, start: float, end: float) -> str:
    low = (a + start * s for a, s in zip(ground.low[:2], ground.size[:2], strict=True))
    high = (a + end * s for a, s in zip(ground.low[:2], ground.size[:2], strict=True))
    return ",".join(f"{one:.4f}" for one in (*low, *high))
