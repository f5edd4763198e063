"""Checks of the view class: that image layers say what they should, and agree (3DPS 10.2.1)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gotapi_core.conformance.model import Skipped, expect
from gotapi_portrayal.conformance.camera import camera_over
from gotapi_portrayal.conformance.checks.queries import (
    BY_ID,
    BY_PLACE,
    BY_RAY,
    by_id,
    place,
    ray,
    xml_format,
)
from gotapi_portrayal.conformance.checks.shots import (
    SIZE,
    Stage,
    ids,
    lossless,
    mask,
    queried,
    shot,
    stage,
)
from gotapi_portrayal.conformance.checks.view import NAME
from gotapi_portrayal.conformance.features import read_features
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import Ground, require
from gotapi_portrayal.conformance.pixels import (
    Bools,
    Numbers,
    depths,
    must_be,
    normals,
    plain,
    words,
)
from gotapi_portrayal.conformance.server import Server

RULES = ServerChecks()

_OFF: Final = 0.03  # of the pixels may be at edges, where layers need not agree
_FEW: Final = 24  # pixels; of fewer nothing is concluded
_MAGENTA: Final = (255, 0, 255)


@RULES.shall(
    "view-mask",
    "10.2.1 Mask layer",
    "MASK is black where a feature is seen and white elsewhere, and both occur",
    "clients lay other pictures behind",
)
async def _(server: Server) -> None:
    on = await stage(server)
    (await server.offer()).image("MASK")
    found = await mask(server, on)
    expect(bool(found.any()), "MASK is white all over, though the whole layer is in view")
    expect(not found.all(), "MASK is black all over, though the camera sees beyond the layer")


@RULES.shall(
    "view-object-id",
    "10.2.1 ObjectId layer",
    "OBJECTID has numbers where MASK says that something is seen, and 0 elsewhere",
    "0 is reserved for pixels without a feature",
)
async def _(server: Server) -> None:
    on = await stage(server)
    numbers = await ids(server, on)
    expect(bool(numbers.any()), "OBJECTID is 0 all over, though the whole layer is in view")
    (await server.offer()).image("MASK")
    wrong = (numbers != 0) & ~await mask(server, on)
    share = float(wrong.mean())
    expect(share <= _OFF, f"{share:.1%} of the pixels have an object id, but are white in MASK")


@RULES.shall(
    "view-object-id-bits",
    "10.2.1 ObjectId layer default encoding",
    "OBJECTID of 24 and of 32 bits have the same numbers, BGR and ABGR",
    "clients take the format that they can decode",
)
async def _(server: Server) -> None:
    on = await stage(server)
    image = (await server.offer()).image("OBJECTID")
    known = {one.replace(" ", "").lower() for one in image.formats}
    if not {"image/png;mode=24bit", "image/png;mode=32bit"} <= known:
        raise Skipped("OBJECTID is not offered in both")
    wide = words(await shot(server, "OBJECTID", on, "mode=32bit"), "OBJECTID")
    narrow = words(await shot(server, "OBJECTID", on, "mode=24bit"), "OBJECTID")
    differ = int(((wide & 0xFFFFFF) != narrow).sum())
    expect(differ == 0, f"{differ} pixels differ; {wide.max():#x} is {narrow.max():#x} of 24 bits")


@RULES.shall(
    "view-object-id-stable",
    "10.2.1 ObjectId layer",
    "object ids are the same in every GetView, and no two layers share one",
    "they shall be unique over all layers and even over multiple requests",
)
async def _(server: Server) -> None:
    on = await stage(server)
    first = await ids(server, on)
    expect(bool((await ids(server, on) == first).all()), "the same view has other ids later")
    turned = Stage(on.layer, on.ground, camera_over(on.ground, turn=True))
    one, two = set(np.unique(first)) - {0}, set(np.unique(await ids(server, turned))) - {0}
    if len(one) > _FEW:
        share = len(one & two) / min(len(one), len(two) or 1)
        expect(share > 0.1, f"seen from the west, {len(one & two)} of {len(one)} ids are left")
    for layer in (await server.offer()).layers:
        if layer.id == on.layer.id or not layer.boxes:
            continue
        other = await stage(server, layer)
        shared = set(np.unique(await ids(server, other))) & one
        expect(
            not shared, f"layers {on.layer.id} and {layer.id} share the ids {sorted(shared)[:4]}"
        )
        return


@RULES.shall(
    "view-object-id-info",
    "10.2.1 ObjectId layer, 11.6",
    "an object id of a picture leads to its feature in GetFeatureInfoByObjectId",
    "a client clicks on a pixel and wants to know what it is",
)
async def _(server: Server) -> None:
    require(await server.offer(), BY_ID)
    on = await queried(server)
    seen = [int(one) for one in np.unique(await ids(server, on)) if one]
    if not seen:
        raise Skipped("no object id is in view")
    for number in (seen[0], seen[len(seen) // 2], seen[-1]):
        asked = await by_id(server, on.layer.id, str(number))
        found = read_features(await server.ask(BY_ID, asked))
        expect(len(found) == 1, f"object id {number} of a picture brought {len(found)} features")
        expect(found[0].object_id in ("", str(number)), f"{number} brought {found[0].object_id}")


@RULES.shall(
    "view-ray-agrees",
    "11.4",
    "GetFeatureInfoByRay through a pixel finds the feature whose id OBJECTID has there",
    "the ray is set up from the same camera",
)
async def _(server: Server) -> None:
    await xml_format(server, BY_RAY)
    on = await queried(server)
    numbers = await ids(server, on)
    inner = np.argwhere(_same_around(numbers) & (numbers != 0))
    if not len(inner):
        raise Skipped("no feature is large enough in the picture to be met for sure")
    picked = inner[:: max(1, len(inner) // 5)][:5]
    for row, column in picked.tolist():
        asked = await ray(server, on.layer, (column, row))
        size = {"width": str(SIZE[0]), "height": str(SIZE[1])}
        found = read_features(await server.ask(BY_RAY, {**asked, **size}))
        met = [one.object_id for one in found]
        wanted = str(numbers[row, column])
        expect(met[:1] == [wanted], f"pixel {column},{row} shows {wanted}, the ray met {met}")


@RULES.shall(
    "view-position-agrees",
    "11.5, 10.2.1 Depth layer",
    "GetFeatureInfoByPosition where DEPTH says that a pixel lies finds what OBJECTID has there",
    "a client has a place from a picture, and wants to know what is there",
)
async def _(server: Server) -> None:
    await xml_format(server, BY_PLACE)
    on = await queried(server)
    seen, far = await _distances(server, on)
    numbers = await ids(server, on, on.flat)
    inner = np.argwhere(seen & _same_around(numbers) & (numbers != 0))
    if not len(inner):
        raise Skipped("no feature is large enough in the picture to be met for sure")
    grids = [on.camera.points(far, mirrored=one) for one in (False, True)]
    points = max(grids, key=lambda grid: float(_within(grid[seen], on.ground).mean()))
    for row, column in inner[:: max(1, len(inner) // 4)][:4].tolist():
        x, y, z = points[row, column].tolist()
        asked = await place(server, on.layer, (x, y, z), "0.5")
        found = read_features(await server.ask(BY_PLACE, {**asked, "featureCount": "20"}))
        met = [one.object_id for one in found]
        wanted = str(numbers[row, column])
        expect(
            wanted in met, f"pixel {column},{row} shows {wanted}; at {x:.2f},{y:.2f},{z:.2f} {met}"
        )


@RULES.shall(
    "view-depth",
    "10.2.1 Depth layer",
    "DEPTH holds floats, metres to what is seen: pixels lie in the box of the layer",
    "pictures of several servers are put together by it; ABGR is the order of the bytes",
)
async def _(server: Server) -> None:
    on = await stage(server)
    seen, far = await _distances(server, on)
    finite = np.isfinite(far[seen])
    expect(
        float(finite.mean()) > 1 - _OFF, f"{(~finite).mean():.0%} of the distances are no numbers"
    )
    share = max(
        float(_within(on.camera.points(far, mirrored=one)[seen], on.ground).mean())
        for one in (False, True)
    )
    shown = np.percentile(far[seen][finite], [5, 95]) if finite.any() else np.zeros(2)
    expect(
        share >= 1 - _OFF,
        f"by DEPTH only {share:.0%} of the pixels lie in the box of layer {on.layer.id}; distances "
        f"are {shown[0]:.6g} to {shown[1]:.6g}, the camera is {on.camera.far / 2:.6g} away",
    )


@RULES.shall(
    "view-normal",
    "10.2.1 Normal layer",
    "NORMAL holds vectors of length 1 where something is seen, and 0 elsewhere",
    "B, G, R are X, Y, Z of the normal",
)
async def _(server: Server) -> None:
    on = await stage(server)
    image = await shot(server, "NORMAL", on, "mode=24bit")
    seen = await mask(server, on)
    inner, outer = plain(seen), plain(~seen)
    if inner.sum() < _FEW:
        raise Skipped("too little of the layer is seen")
    lengths = np.linalg.norm(normals(image)[inner], axis=1)
    good = float((np.abs(lengths - 1.0) < 0.05).mean())
    expect(
        good > 1 - _OFF,
        f"{good:.0%} of the vectors have length 1; the middle is {np.median(lengths):.2f}",
    )
    nothing = np.asarray(image.convert("RGB"))[outer]
    expect(not nothing.any(), f"where nothing is seen it is {nothing.max() if len(nothing) else 0}")


@RULES.shall(
    "view-normal-depth",
    "10.2.1 Normal layer default encoding",
    "NORMAL points where the surface that DEPTH describes faces",
    "an exchanged byte order looks nice and is wrong",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    offer.image("NORMAL")
    for layer in [one for one in offer.layers if one.boxes][:4]:
        on = await stage(server, layer)
        angles = await _angles(server, on)
        if angles:
            off = min(angles)
            expect(off < 12.0, f"half of the normals differ by {off:.0f} degrees or more")
            return
    raise Skipped("too little of the layers is seen as flat surfaces")


async def _angles(server: Server, on: Stage) -> list[float]:
    """Return the median angle between NORMAL and DEPTH, for both ways the axes may run."""
    seen, far = await _distances(server, on)
    told = normals(await shot(server, "NORMAL", on, "mode=24bit", lens=on.flat))
    inner = plain(seen) & _same_around(await ids(server, on, on.flat))
    angles = []
    for mirrored in (False, True):
        surface, flat = _surface(on.camera.points(far, mirrored=mirrored))
        chosen = flat & inner
        if chosen.sum() < _FEW:
            return []
        cosines = np.abs(np.einsum("ij,ij->i", surface[chosen], told[chosen]))
        angles.append(float(np.median(np.degrees(np.arccos(np.clip(cosines, 0, 1))))))
    return angles


@RULES.shall(
    "view-background-color",
    "10.4.1",
    "pixels without data have BackgroundColor; white without it",
    "the client draws on its own ground",
)
async def _(server: Server) -> None:
    on = await stage(server)
    outer = await _beside(server, on)
    for value, wanted in (("0xFF00FF", _MAGENTA), ("0xff00Ff", _MAGENTA), ("", (255, 255, 255))):
        more = {"backgroundColor": value} if value else {}
        image = await shot(server, "COLOR", on, "mode=24bit", **more)
        found = np.asarray(image.convert("RGB"))[outer]
        right = (found == wanted).all(axis=1)
        share = float((~right).mean())
        expect(share < _OFF, f"{value or 'default'}: {share:.1%} of the pixels are others")


@RULES.shall(
    "view-background-color-form",
    "10.4.1",
    "a background color in another form than 0xRRGGBB is an exception",
    "the prefix shall have a lower case x",
)
async def _(server: Server) -> None:
    on = await stage(server)
    good = await server.view(layer=on.layer)
    for value in ("0XFF0000", "#FF0000", "FF0000", "0xFF00", "0xGG0000"):
        (await server.ask(NAME, {**good, "backgroundColor": value})).must_fail()


@RULES.shall(
    "view-transparent",
    "10.4.2",
    "with transparentBackground=true pixels without data are transparent, others are not",
    "pictures are laid over others",
)
async def _(server: Server) -> None:
    on = await stage(server)
    image = (await server.offer()).image("COLOR")
    if not any(one.replace(" ", "").lower() == "image/png;mode=32bit" for one in image.formats):
        raise Skipped("COLOR has no format of 32 bits")
    clear = await shot(server, "COLOR", on, "mode=32bit", transparentBackground="true")
    alpha = np.asarray(clear)[..., 3]
    seen = await mask(server, on)
    outer, inner = alpha[await _beside(server, on)], alpha[plain(seen)]
    if inner.size < _FEW:
        raise Skipped("too little of the layer is seen")
    expect(float((outer > 0).mean()) < _OFF, "pixels without data are not transparent")
    expect(float((inner == 0).mean()) < _OFF, "pixels with data are wholly transparent")


@RULES.shall(
    "view-background-order",
    "10.4, Table 45",
    "BackgroundColor is applied before TransparentBackground, which then has no effect",
    "the order of evaluation is given",
)
async def _(server: Server) -> None:
    on = await stage(server)
    outer = await _beside(server, on)
    both = {"backgroundColor": "0xFF00FF", "transparentBackground": "true"}
    found = await shot(server, "COLOR", on, "mode=32bit", **both)
    right = (np.asarray(found.convert("RGBA"))[outer] == (*_MAGENTA, 255)).all(axis=1)
    expect(float((~right).mean()) < _OFF, "with both, the ground is not the opaque BackgroundColor")


@RULES.shall(
    "view-transparent-jpeg",
    "10.4.2",
    "transparentBackground=true with a format that has none is an opaque picture, no error",
    "it is not an error to always request transparency",
)
async def _(server: Server) -> None:
    require(await server.offer(), NAME)
    image = (await server.offer()).image("COLOR")
    jpeg = next((one for one in image.formats if one.lower() == "image/jpeg"), "")
    if not jpeg:
        raise Skipped("COLOR has no JPEG")
    good = await server.view(image, jpeg, size=SIZE)
    must_be(await server.ask(NAME, {**good, "transparentBackground": "true"}), jpeg, SIZE)


@RULES.sane(
    "view-camera",
    "10.2.2",
    "another camera shows another picture, and the same request the same one",
    "a picture that does not follow the camera shows something else",
)
async def _(server: Server) -> None:
    on = await stage(server)
    image = (await server.offer()).image("COLOR")
    media = lossless(image, "mode=24bit")
    turned = camera_over(on.ground, turn=True)
    bodies = []
    for lens in (on.camera.perspective(), on.camera.perspective(), turned.perspective()):
        good = await server.view(image, media, layer=on.layer, projection=lens, size=SIZE)
        bodies.append((await server.ask(NAME, good)).must_be_good().body)
    expect(bodies[0] == bodies[1], "the same request brought another picture")
    expect(bodies[0] != bodies[2], "a camera in the west shows the same as one in the south")


async def _beside(server: Server, on: Stage) -> Bools:
    """Return the pixels without data; raises Skipped where there are hardly any."""
    outer = plain(~await mask(server, on))
    if outer.sum() < _FEW:
        raise Skipped("something is seen nearly everywhere, so there is no background")
    return outer


async def _distances(server: Server, on: Stage) -> tuple[Bools, NDArray[np.float64]]:
    """Return where something is seen for sure in the orthographic view, and how far it is."""
    known = [one.name for one in (await server.offer()).projections]
    if known and "Orthographic" not in known:
        raise Skipped("there is no orthographic projection, whose distances are unambiguous")
    far = depths(await shot(server, "DEPTH", on, "mode=32bit", lens=on.flat))
    seen = plain(await mask(server, on, on.flat))
    if seen.sum() < _FEW:
        raise Skipped("too little of the layer is seen")
    return seen, far


def _within(points: NDArray[np.float64], ground: Ground) -> Bools:
    axes = 3 if ground.tall else 2
    room = 0.02 * max(ground.size[:axes]) + 1.0
    low, high = np.array(ground.low[:axes]) - room, np.array(ground.high[:axes]) + room
    within = np.logical_and(points[:, :axes] >= low, points[:, :axes] <= high)
    inside: Bools = np.all(within, axis=1)
    return inside


def _surface(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], Bools]:
    """Return the normals of a grid of points, and where it is flat around a point."""
    with np.errstate(all="ignore"):
        across = np.roll(points, -1, 1) - np.roll(points, 1, 1)
        along = np.roll(points, -1, 0) - np.roll(points, 1, 0)
        facing = np.cross(across, along)
        facing /= np.linalg.norm(facing, axis=2, keepdims=True)
        bends = [np.roll(points, -1, n) + np.roll(points, 1, n) - 2 * points for n in (0, 1)]
        bent = [
            np.linalg.norm(bend, axis=2) / np.linalg.norm(step, axis=2)
            for bend, step in zip(bends, (along, across), strict=True)
        ]
        straight = (bent[0] < 0.02) & (bent[1] < 0.02)
    flat: Bools = np.logical_and(straight, np.isfinite(facing).all(axis=2))
    return facing, flat


def _same_around(numbers: Numbers) -> Bools:
    same: Bools = np.ones(numbers.shape, bool)
    for axis in (0, 1):
        for step in (1, -1):
            same[np.roll(numbers, step, axis) != numbers] = False
    same[[0, -1], :] = False
    same[:, [0, -1]] = False
    return same
