"""Checks of the info class: ray, position and object id tell of the same features."""

import math

from gotapi_core.conformance.model import Skipped, expect
from gotapi_portrayal.conformance.checks.queries import (
    BY_ID,
    BY_PLACE,
    BY_RAY,
    by_id,
    place,
    queryables,
    some_hit,
    xml_format,
)
from gotapi_portrayal.conformance.features import Found, read_features
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import require
from gotapi_portrayal.conformance.reply import orderly
from gotapi_portrayal.conformance.server import Server

RULES = ServerChecks()


async def _named(server: Server, layer: str, *ids: str) -> list[Found]:
    return read_features(await server.ask(BY_ID, await by_id(server, layer, *ids)))


@RULES.shall(
    "info-id-agrees",
    "11.6",
    "the object id of a feature that a ray or a position found leads to that feature",
    "a client clicks once and asks for more later",
)
async def _(server: Server) -> None:
    require(await server.offer(), BY_ID)
    hit = await some_hit(server)
    if not hit.found.object_id:
        raise Skipped(f"{hit.operation} tells no ObjectId")
    found = await _named(server, hit.layer, hit.found.object_id)
    expect(len(found) == 1, f"ObjectId {hit.found.object_id} brought {len(found)} features")
    mine, theirs = hit.found, found[0]
    same = (theirs.object_id, theirs.feature_id) == (mine.object_id, mine.feature_id)
    expect(same, f"{mine.object_id} is feature {mine.feature_id} there, {theirs.feature_id} here")
    expect(
        theirs.attributes == mine.attributes,
        f"its attributes differ: {theirs.attributes[:3]} and {mine.attributes[:3]}",
    )


@RULES.shall(
    "info-position-agrees",
    "11.5",
    "a position finds, among enough features, the one that a ray met there",
    "both ask for what is in one place",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    require(offer, BY_RAY)
    require(offer, BY_PLACE)
    hit = await some_hit(server)
    if hit.operation != BY_RAY:
        raise Skipped("no ray finds a feature")
    layer = next(one for one in await queryables(server) if one.id == hit.layer)
    ground = layer.ground()
    if ground.degrees:
        raise Skipped("the layer has no CRS in metres")
    # Where on the ray it was met is not said; all of the layer is near enough.
    reach = math.dist(ground.low, ground.high) + 1.0
    asked = await place(server, layer, ground.middle, f"{reach:.3f}")
    found = read_features(await server.ask(BY_PLACE, {**asked, "featureCount": "1000"}))
    ids = {one.object_id or one.feature_id for one in found}
    wanted = hit.found.object_id or hit.found.feature_id
    if wanted not in ids and len(found) >= 100:
        raise Skipped(f"the service gave {len(found)} features, and may have left some out")
    expect(wanted in ids, f"{wanted} is not among the {len(ids)} within {reach:.0f} m")


@RULES.shall(
    "info-id-count",
    "11.6.2",
    "several object ids bring several features, and featureCount must be their number",
    "the text demands that it corresponds",
)
async def _(server: Server) -> None:
    require(await server.offer(), BY_ID)
    hit = await some_hit(server)
    if not hit.found.object_id:
        raise Skipped(f"{hit.operation} tells no ObjectId")
    good = await by_id(server, hit.layer, hit.found.object_id)
    found = read_features(await server.ask(BY_ID, {**good, "featureCount": "1"}))
    expect(len(found) == 1, f"featureCount=1 for one id brought {len(found)}")
    (await server.ask(BY_ID, {**good, "featureCount": "7"})).must_fail(
        "InvalidParameterValue", locator="featureCount"
    )


@RULES.shall(
    "info-id-unknown",
    "11.7",
    "an object id that no feature has brings no feature, or an exception",
    "numbers of another server must not bring a feature of this one",
)
async def _(server: Server) -> None:
    require(await server.offer(), BY_ID)
    hit = await some_hit(server)
    reply = await server.ask(BY_ID, await by_id(server, hit.layer, "conformance-unknown"))
    if not reply.exceptions:
        expect(read_features(reply) == [], f"an unknown id brought a feature; {reply}")


@RULES.shall(
    "info-tolerance",
    "11.5.3",
    "tolerance guides: far beside the data a small one finds nothing, a negative one is refused",
    "a click into nothing is no click on the next house",
)
async def _(server: Server) -> None:
    await xml_format(server, BY_PLACE)
    layer = (await queryables(server))[0]
    ground = layer.ground()
    if ground.degrees:
        raise Skipped("the layer has no CRS in metres")
    x, y, z = ground.high
    away = (x + 2 * ground.size[0], y + 2 * ground.size[1], z)
    asked = await place(server, layer, away, "0.01")
    reply = await server.ask(BY_PLACE, asked)
    if not reply.exceptions:
        expect(read_features(reply) == [], f"a feature was found far from all of them; {reply}")
    (await server.ask(BY_PLACE, {**asked, "tolerance": "-1"})).must_fail()


@RULES.sane(
    "info-extremes",
    "safety",
    "a featureCount and a tolerance beyond all measure do not break the server",
    "everybody can send them",
)
async def _(server: Server) -> None:
    hit = await some_hit(server)
    orderly(await server.ask(hit.operation, {**hit.request, "featureCount": "9" * 30}))
    if BY_PLACE in (await server.offer()).operations:
        layer = (await queryables(server))[0]
        asked = await place(server, layer, layer.ground().middle, "1e300")
        orderly(await server.ask(BY_PLACE, asked))
