"""Checks of exceptions: codes, locators, forms, and what garbage may not do."""

from collections.abc import Mapping

from gotapi_core.conformance.model import Skipped, expect
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import LayerOffer
from gotapi_portrayal.conformance.reply import STATUS, Reply, orderly
from gotapi_portrayal.conformance.server import Server, document, join

RULES = ServerChecks()

_OWS = "OGC 06-121r9"
_UNKNOWN = "conformance-unknown"
_SECRET = "conformance-entity"  # noqa: S105 - a word that must not come back


async def _with(server: Server, changes: Mapping[str, str | None]) -> Reply:
    operation, good = await server.portrayal()
    return await server.ask(operation, {**good, **changes})


async def _placed(server: Server) -> list[LayerOffer]:
    """Return the layers that have a place, that of the other checks first."""
    first = await server.layer()
    return [
        first,
        *(one for one in (await server.offer()).layers if one.boxes and one is not first),
    ]


@RULES.shall(
    "core-missing-request",
    f"{_OWS} 8.3",
    "a request without Request is MissingParameterValue with locator request",
    "the client learns what it forgot",
)
async def _(server: Server) -> None:
    (await server.get(service="3DPS")).must_fail("MissingParameterValue", locator="request")


@RULES.shall(
    "core-missing-service",
    f"{_OWS} 8.3",
    "a request without Service is MissingParameterValue with locator service",
    "several services may share an address",
)
async def _(server: Server) -> None:
    reply = await server.get(request="GetCapabilities")
    reply.must_fail("MissingParameterValue", locator="service")


@RULES.shall(
    "core-wrong-service",
    f"{_OWS} 8.3",
    "another Service is InvalidParameterValue with locator service",
    "a request meant for a WMS must not be answered",
)
async def _(server: Server) -> None:
    reply = await server.get(service="WMS", request="GetCapabilities")
    reply.must_fail("InvalidParameterValue", locator="service")


@RULES.shall(
    "core-unknown-operation",
    f"{_OWS} 8.3",
    "an operation that there is not is OperationNotSupported with its name as locator",
    "the client learns that it asked the wrong server",
)
async def _(server: Server) -> None:
    reply = await server.get(service="3DPS", version="1.0", request="GetConformance")
    reply.must_fail("OperationNotSupported", locator="GetConformance")


@RULES.shall(
    "core-version-needed",
    "7.2, Table 4",
    "an operation without version is MissingParameterValue with locator version",
    "every request but GetCapabilities has one",
)
async def _(server: Server) -> None:
    (await _with(server, {"version": None})).must_fail("MissingParameterValue", locator="version")


@RULES.shall(
    "core-wrong-version",
    "7.2, Table 4",
    "an operation with another version is InvalidParameterValue with locator version",
    "its value is fixed to 1.0",
)
async def _(server: Server) -> None:
    reply = await _with(server, {"version": "99.0"})
    reply.must_fail("InvalidParameterValue", locator="version")


@RULES.shall(
    "core-portrayal-mandatory",
    "8.4.1, Table 24",
    "a portrayal without CRS or without Layers is MissingParameterValue, locator its name",
    "both are mandatory",
)
async def _(server: Server) -> None:
    for name in ("crs", "layers"):
        (await _with(server, {name: None})).must_fail("MissingParameterValue", locator=name)


@RULES.shall(
    "core-unknown-crs",
    "8.4.1 CRS",
    "a CRS that the server does not have is an exception about it",
    "data in another CRS would be in the wrong place",
)
async def _(server: Server) -> None:
    reply = await _with(server, {"crs": "EPSG:99999999"})
    reply.must_fail("InvalidParameterValue", "CRSNotSupported")


@RULES.shall(
    "core-unknown-layer",
    "8.4.1 Layers",
    "a layer that the server does not have is an exception about it",
    "each entry shall refer to a layer of the service metadata",
)
async def _(server: Server) -> None:
    reply = await _with(server, {"layers": _UNKNOWN})
    reply.must_fail("InvalidParameterValue", "UnknownLayer", "LayerNotDefined")


@RULES.shall(
    "core-unknown-style",
    "8.4.3, Table 25",
    "a style that is not advertised is StyleNotDefined with its name as locator",
    "Table 25 has this code",
)
async def _(server: Server) -> None:
    reply = await _with(server, {"styles": _UNKNOWN})
    reply.must_fail("StyleNotDefined", locator=_UNKNOWN)


@RULES.shall(
    "core-unknown-background",
    "8.4.3, Table 25",
    "a background that is not advertised is BackgroundNotDefined with its name as locator",
    "Table 25 has this code",
)
async def _(server: Server) -> None:
    reply = await _with(server, {"background": _UNKNOWN})
    reply.must_fail("BackgroundNotDefined", locator=_UNKNOWN)


@RULES.shall(
    "core-unknown-lod",
    "8.4.3, Table 25",
    "a LOD that is not advertised is LODNotDefined with its name as locator",
    "Table 25 has this code",
)
async def _(server: Server) -> None:
    reply = await _with(server, {"lods": "Conformance:99"})
    reply.must_fail("LODNotDefined", locator="Conformance:99")


@RULES.shall(
    "core-unknown-option",
    "8.4.3, Table 25",
    "a delivery option that is not advertised is DeliveryOptionNotDefined, its name as locator",
    "a client would wait for what does not come",
)
async def _(server: Server) -> None:
    reply = await _with(server, {"deliveryOptions": _UNKNOWN})
    reply.must_fail("DeliveryOptionNotDefined", locator=_UNKNOWN)


@RULES.shall(
    "core-lists-match",
    "8.4.1 Styles",
    "Styles with another length than Layers is an exception; empty styles are the defaults",
    "there is a one-to-one correspondence between the two lists",
)
async def _(server: Server) -> None:
    (await _with(server, {"styles": ",,,"})).must_fail()
    (await _with(server, {"styles": ""})).must_be_good()


@RULES.shall(
    "core-several-layers",
    "8.4.1 Layers, Styles",
    "several layers in any order are answered, with an empty style for each",
    "the order of layers does not influence what is seen",
)
async def _(server: Server) -> None:
    first, *others = await _placed(server)
    crs = first.ground().crs
    second = next((one for one in others if crs in one.crs), None)
    if second is None:
        raise Skipped(f"no other layer is available in {crs}")
    operation, good = await server.portrayal(first)
    media = good.get("format")
    if operation == "GetScene" and media not in second.formats:
        raise Skipped(f"layer {second.id} has no {media}")
    for names in (f"{first.id},{second.id}", f"{second.id},{first.id}"):
        for styles in (None, "", ","):
            asked = {**good, "layers": names, "styles": styles}
            (await server.ask(operation, asked)).must_be_good()


@RULES.shall(
    "core-styles",
    "8.4.1 Styles",
    "every advertised style of a layer is taken",
    "what is advertised must work",
)
async def _(server: Server) -> None:
    layer = next((one for one in await _placed(server) if one.styles), None)
    if layer is None:
        raise Skipped("no layer advertises a style")
    operation, good = await server.portrayal(layer)
    for style in layer.styles[:8]:
        (await server.ask(operation, {**good, "styles": style})).must_be_good()


@RULES.shall(
    "core-lods",
    "8.4.1 LODs",
    "every advertised LOD of a layer is taken",
    "what is advertised must work",
)
async def _(server: Server) -> None:
    layer = next((one for one in await _placed(server) if one.lods), None)
    if layer is None:
        raise Skipped("no layer advertises a LOD")
    operation, good = await server.portrayal(layer)
    for lod in layer.lods[:8]:
        (await server.ask(operation, {**good, "lods": lod})).must_be_good()


@RULES.shall(
    "core-bounding-box-order",
    "8.4.1 BoundingBox",
    "a bounding box whose minimum is greater than its maximum is an exception",
    "the text demands it, and no wrap-around",
)
async def _(server: Server) -> None:
    ground = (await server.layer()).ground()
    corners = (*ground.high[:2], *ground.low[:2])
    box = ",".join(f"{one:.6f}" for one in corners)
    (await _with(server, {"boundingBox": box})).must_fail()


@RULES.shall(
    "core-bounding-box-numbers",
    "8.4.1 BoundingBox",
    "a bounding box that is no 4 or 6 numbers is InvalidParameterValue, locator boundingBox",
    "the client learns where its mistake is",
)
async def _(server: Server) -> None:
    for box in ("1,2,3", "a,b,c,d", "1,2,3,nan"):
        reply = await _with(server, {"boundingBox": box})
        reply.must_fail("InvalidParameterValue", locator="boundingBox")


@RULES.shall(
    "core-selections",
    "8.4.1 SpatialSelection, LODSelection",
    "advertised methods of spatial selection are taken, others are exceptions",
    "a client would get other features than it asked for",
)
async def _(server: Server) -> None:
    ground = (await server.layer()).ground()
    box = ",".join(f"{one:.6f}" for one in (*ground.low[:2], *ground.high[:2]))
    for name in dict.fromkeys(("overlaps", *(await server.offer()).selections)):
        reply = await _with(server, {"boundingBox": box, "spatialSelection": name})
        reply.must_be_good()
    (await _with(server, {"boundingBox": box, "spatialSelection": _UNKNOWN})).must_fail()


@RULES.shall(
    "core-empty-layers",
    "8.4.1 Layers",
    "an empty Layers is no error: all data, some or none is served",
    "the text allows it explicitly",
)
async def _(server: Server) -> None:
    (await _with(server, {"layers": ""})).must_be_good()


@RULES.shall(
    "core-exception-report",
    f"{_OWS} 8.4",
    "exceptions are reports of ows/2.0 in XML with version and exceptionCode",
    "clients read nothing else",
)
async def _(server: Server) -> None:
    (await server.get(service="3DPS")).must_be_a_sound_report()
    (await _with(server, {"crs": None})).must_be_a_sound_report()
    (await _with(server, {"styles": _UNKNOWN})).must_be_a_sound_report()


@RULES.shall(
    "core-exception-status",
    f"{_OWS} 8.6, Table 28",
    "exceptions have the status of their code: 400, 501 or 500",
    "caches and proxies keep what has status 200",
)
async def _(server: Server) -> None:
    replies = [
        await server.get(service="3DPS"),
        await server.get(service="3DPS", version="1.0", request="GetConformance"),
        await server.capabilities(acceptVersions="99.9.9"),
        await _with(server, {"layers": None}),
    ]
    for reply in replies:
        for one in reply.must_fail().exceptions:
            wanted = STATUS.get(one.code)
            fits = reply.status == wanted if wanted else 400 <= reply.status < 600
            expect(fits, f"{one.code} came with status {reply.status}, not {wanted}; {reply}")


@RULES.shall(
    "core-exceptions-format",
    "8.4.1 Exceptions",
    "exceptions=text/xml is the default, and another value that is not offered is an exception",
    "a client must not get what it cannot read",
)
async def _(server: Server) -> None:
    plain = await _with(server, {"crs": None, "exceptions": "text/xml"})
    plain.must_fail("MissingParameterValue", locator="crs").must_be_a_sound_report()
    (await _with(server, {"exceptions": "text/conformance"})).must_fail()


@RULES.sane(
    "core-twice",
    "safety",
    "a parameter twice, in two cases, is answered in an orderly way",
    "what one part of a server checks, another must not read from the second",
)
async def _(server: Server) -> None:
    operation, good = await server.portrayal()
    url = await server.address(operation, good)
    orderly(await server.send("GET", f"{url}&CRS=EPSG:4326&Layers={_UNKNOWN}"))


@RULES.sane(
    "core-garbage",
    "safety",
    "broken percent-encoding, bytes that are no UTF-8 and long values do not break the server",
    "everybody can send them",
)
async def _(server: Server) -> None:
    for query in (
        "service=3DPS&request=GetCapabilities&sections=%zz",
        "service=3DPS&request=%ff%fe",
        "service=3DPS&request=GetCapabilities&updateSequence=" + "9" * 4000,
        "service=3DPS&request=GetCapabilities&sections=" + "," * 3000,
        "=&&==&%00",
    ):
        orderly(await server.send("GET", join(server.url, query)))
    (await server.capabilities()).must_be_good()


@RULES.sane(
    "core-xml-broken",
    "safety",
    "XML that is cut off, or is something else, is answered with an exception",
    "everybody can send it",
)
async def _(server: Server) -> None:
    for text in ("<a><b></a>", "<conformance/>", "", "[]"):
        reply = await server.post("GetCapabilities", text)
        orderly(reply)
        expect(not reply.good, f"{text!r} was answered: {reply}")


@RULES.sane(
    "core-xml-entities",
    "safety",
    "entities of a DTD are not resolved",
    "who resolves them hands out files, or is filled up with copies",
)
async def _(server: Server) -> None:
    dtd = f'<!DOCTYPE x [<!ENTITY e "{_SECRET}">]>'
    text = document(
        "GetCapabilities", "<ows:Sections><ows:Section>&e;</ows:Section></ows:Sections>"
    )
    reply = await server.post("GetCapabilities", dtd + text)
    orderly(reply)
    expect(_SECRET.encode() not in reply.body, f"the entity was resolved: {reply}")
