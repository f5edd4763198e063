"""Checks of the info class: what is announced, and the forms of answers."""

from collections.abc import Mapping
from typing import Final

from gotapi_core.conformance.model import Skipped, expect
from gotapi_portrayal.conformance.checks.declared import (
    TABLE_50,
    TABLE_51,
    TABLE_52,
    TABLE_53,
    must_declare,
)
from gotapi_portrayal.conformance.checks.queries import (
    BY_ID,
    BY_PLACE,
    BY_RAY,
    KINDS,
    formats,
    good_requests,
    queryable,
    request_for,
    some_hit,
    xml_format,
)
from gotapi_portrayal.conformance.features import XML, must_be_sound, read_features
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import require
from gotapi_portrayal.conformance.requirements import PROFILES
from gotapi_portrayal.conformance.server import Server
from gotapi_portrayal.conformance.xmlread import INFO, child, children, everywhere, space, text

RULES = ServerChecks()

_UNKNOWN: Final = "conformance-unknown"
_MOST: Final = 12  # layers times formats that are asked for


@RULES.annex(
    "info-profile",
    17,
    "ServiceIdentification has the Profile of the info extension",
    "a client chooses servers by it",
)
async def _(server: Server) -> None:
    profiles = (await server.offer()).profiles
    expect(PROFILES["info"] in profiles, f"the profiles are {list(profiles)}")


@RULES.annex(
    "info-operation",
    18,
    "at least one operation of Table 48 is announced",
    "there is nothing to ask otherwise",
)
async def _(server: Server) -> None:
    found = [one for one in KINDS if one in (await server.offer()).operations]
    expect(found != [], f"none of {', '.join(KINDS)} is announced")


@RULES.annex(
    "info-formats",
    19,
    "each operation of GetFeatureInfo declares Format with its MIME types",
    "a client asks for what it can read",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    for name in (one for one in KINDS if one in offer.operations):
        values = offer.operations[name].parameters.get("format", ())
        expect(values != (), f"{name} declares no values of Format")
        for one in values:
            expect("/" in one, f"{name} has the format {one!r}, which is no MIME type")


@RULES.annex(
    "info-layer-extension",
    20,
    "layers have at most one InfoLayerExtension, at least one of them has it",
    "it says whether a layer can be queried; Annex A prints the name of the scene extension here",
)
async def _(server: Server) -> None:
    found = 0
    for one in everywhere((await server.offer()).root, "Layer"):
        own = children(child(one, "Extensions"), "InfoLayerExtension")
        expect(len(own) < 2, f"layer {text(one, 'Identifier')} has {len(own)} of them")
        for each in own:
            expect(space(each) == INFO, f"it is in the namespace {space(each)!r}")
            found += 1
    expect(found > 0, "no layer has an InfoLayerExtension")


@RULES.annex(
    "info-parameters",
    21,
    "each operation of GetFeatureInfo declares the parameters of Table 50",
    "a client knows what it can ask for",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    for name in (one for one in KINDS if one in offer.operations):
        must_declare(offer.operations[name], TABLE_50)


async def _declares(server: Server, name: str, table: tuple[str, ...]) -> None:
    must_declare(require(await server.offer(), name), (*TABLE_50, *table))


async def _needs(server: Server, name: str, *parameters: str) -> None:
    """Expect an exception about each parameter that is left out."""
    layer = await queryable(server)
    good = await request_for(server, name, layer)
    (await server.ask(name, good)).must_be_good()
    for one in parameters:
        reply = await server.ask(name, {**good, one: None})
        reply.must_fail("MissingParameterValue", locator=one)


@RULES.annex(
    "info-ray-request",
    22,
    "GetFeatureInfoByRay declares the parameters of Table 51",
    "a client knows what it can ask for",
)
async def _(server: Server) -> None:
    await _declares(server, BY_RAY, TABLE_51)


@RULES.annex(
    "info-position-request",
    23,
    "GetFeatureInfoByPosition declares the parameters of Table 52",
    "a client knows what it can ask for",
)
async def _(server: Server) -> None:
    await _declares(server, BY_PLACE, TABLE_52)


@RULES.annex(
    "info-id-request",
    24,
    "GetFeatureInfoByObjectId declares the parameters of Table 53",
    "a client knows what it can ask for",
)
async def _(server: Server) -> None:
    await _declares(server, BY_ID, TABLE_53)


@RULES.shall(
    "info-ray-mandatory",
    "11.4, Tables 50 and 51",
    "GetFeatureInfoByRay is answered; without one of its mandatory parameters it is an exception",
    "MissingParameterValue names the parameter",
)
async def _(server: Server) -> None:
    names = ("layers", "format", "crs", "width", "height", "projection", "imagePosition")
    await _needs(server, BY_RAY, *names)


@RULES.shall(
    "info-position-mandatory",
    "11.5, Tables 50 and 52",
    "GetFeatureInfoByPosition is answered; without a mandatory parameter it is an exception",
    "MissingParameterValue names the parameter",
)
async def _(server: Server) -> None:
    await _needs(server, BY_PLACE, "layers", "format", "crs", "coordinate")


@RULES.shall(
    "info-id-mandatory",
    "11.6, Tables 50 and 53",
    "GetFeatureInfoByObjectId is answered; without a mandatory parameter it is an exception",
    "MissingParameterValue names the parameter",
)
async def _(server: Server) -> None:
    await _needs(server, BY_ID, "layers", "format", "objectId")


@RULES.annex(
    "info-response",
    25,
    "all queryable layers in all formats are documents of the MIME type, or exceptions",
    "Tables 54 to 57 say what is in them; at least one is no exception",
)
async def _(server: Server) -> None:
    read, refused = 0, ""
    for name, good in (await good_requests(server))[:_MOST]:
        for media in await formats(server, name):
            reply = await server.ask(name, {**good, "format": media})
            if reply.exceptions:
                reply.must_be_a_sound_report()
                refused = str(reply)
                continue
            must_be_sound(reply, media)
            read += 1
    expect(read > 0, f"every GetFeatureInfo is an exception: {refused}")


@RULES.family(
    "info-class",
    "info",
    "A.7",
    "an operation of Table 48 is declared beside the core class and scene, view or both",
    "information is about what is portrayed",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    expect(any(one in offer.operations for one in KINDS), "no operation of Table 48 is declared")
    portrays = any(PROFILES[one] in offer.profiles for one in ("scene", "view"))
    expect(portrays, "neither scene nor view is declared")


async def _each(server: Server, changes: Mapping[str, str], *codes: str, locator: str = "") -> None:
    """Expect an exception of every operation when parameters are changed."""
    offer = await server.offer()
    for name in (one for one in KINDS if one in offer.operations):
        if name == BY_ID and "crs" in changes:
            continue
        good = await request_for(server, name, await queryable(server))
        reply = await server.ask(name, {**good, **changes})
        reply.must_fail(*codes, locator=locator)


@RULES.shall(
    "info-unknown-layer",
    "11.7.3, Table 58",
    "a layer that the server does not have is UnknownLayer with its identifier as locator",
    "Table 58 has this code",
)
async def _(server: Server) -> None:
    await _each(server, {"layers": _UNKNOWN}, "UnknownLayer", locator=_UNKNOWN)


@RULES.shall(
    "info-unknown-crs",
    "11.7.3, Table 58",
    "a CRS that the server does not have is CRSNotSupported",
    "Table 58 has this code",
)
async def _(server: Server) -> None:
    await _each(server, {"crs": "EPSG:99999999"}, "CRSNotSupported")


@RULES.shall(
    "info-unknown-format",
    "11.7.3, Table 58",
    "a format that is not advertised is FormatNotSupported",
    "Table 58 has this code",
)
async def _(server: Server) -> None:
    await _each(server, {"format": "text/conformance"}, "FormatNotSupported")


@RULES.shall(
    "info-not-queryable",
    "11.1",
    "a layer that is not queryable is OperationNotSupported",
    "the text demands this code",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    silent = next((one for one in offer.layers if not one.queryable and one.crs), None)
    if silent is None:
        raise Skipped("every layer is queryable")
    for name in (one for one in KINDS if one in offer.operations):
        good = await request_for(server, name, await queryable(server))
        reply = await server.ask(name, {**good, "layers": silent.id})
        reply.must_fail("OperationNotSupported")


@RULES.shall(
    "info-incomplete-position",
    "8.1.2",
    "a position with a missing or empty number is InvalidParameterValue, locator its parameter",
    "the text demands this code and this locator",
)
async def _(server: Server) -> None:
    require(await server.offer(), BY_PLACE)
    good = await request_for(server, BY_PLACE, await queryable(server))
    for value in ("1,,3", "1", "1,2,x"):
        reply = await server.ask(BY_PLACE, {**good, "coordinate": value})
        reply.must_fail("InvalidParameterValue", locator="coordinate")


@RULES.shall(
    "info-image-position",
    "11.4.3, 7.3.2",
    "an image position outside of width and height, or between pixels, is an exception",
    "x and y are whole numbers, at most Width-1 and Height-1",
)
async def _(server: Server) -> None:
    require(await server.offer(), BY_RAY)
    good = await request_for(server, BY_RAY, await queryable(server))
    for value in (f"{good['width']},0", f"0,{good['height']}", "-1,0", "0.5,0.5", "0"):
        reply = await server.ask(BY_RAY, {**good, "imagePosition": value})
        reply.must_fail("InvalidParameterValue", locator="imagePosition")
    for value in ("0,0", f"{int(good['width'] or 1) - 1},{int(good['height'] or 1) - 1}"):
        (await server.ask(BY_RAY, {**good, "imagePosition": value})).must_be_good()


@RULES.shall(
    "info-id-only",
    "11.3.3",
    "idOnly=true brings the identifiers and no attributes, of the same feature",
    "clients that only want the id save the rest",
)
async def _(server: Server) -> None:
    hit = await some_hit(server)
    found = read_features(await server.ask(hit.operation, {**hit.request, "idOnly": "true"}))
    expect(found != [], "nothing was found with idOnly")
    expect(
        found[0].attributes == (), f"there are attributes with idOnly: {found[0].attributes[:3]}"
    )
    mine, theirs = (
        (hit.found.object_id, hit.found.feature_id),
        (
            found[0].object_id,
            found[0].feature_id,
        ),
    )
    expect(mine == theirs, f"with idOnly it is {theirs}, without {mine}")


@RULES.shall(
    "info-feature-count",
    "11.3.2",
    "featureCount limits the features of each layer; 1 where it is no positive whole number",
    "the text says so: it is no error",
)
async def _(server: Server) -> None:
    await xml_format(server, BY_PLACE)
    good = await request_for(server, BY_PLACE, await queryable(server))
    for value, most in (("2", 2), ("0", 1), ("-3", 1), ("x", 1), (None, 1)):
        reply = await server.ask(BY_PLACE, {**good, "featureCount": value})
        found = read_features(reply)
        expect(len(found) <= most, f"featureCount={value} brought {len(found)}; {reply}")


@RULES.shall(
    "info-formats-agree",
    "11.3.4",
    "all formats tell of the same feature",
    "the format is a way to say it, not what is said",
)
async def _(server: Server) -> None:
    hit = await some_hit(server)
    for media in await formats(server, hit.operation):
        kind = media.partition(";")[0].strip().lower()
        if kind in XML:
            continue
        reply = await server.ask(hit.operation, {**hit.request, "format": media})
        must_be_sound(reply, media)
        names = [name for name in (hit.found.object_id, hit.found.feature_id) if name]
        shown = any(name.encode() in reply.body for name in names)
        values = [value for _, value in hit.found.attributes if len(value) > 3]
        told = any(value.encode() in reply.body for value in values)
        expect(shown or told or not (names or values), f"it does not tell of {names}; {reply}")


@RULES.shall(
    "info-exception-format",
    "11.3.5",
    "exceptions=text/xml is taken; one that is not offered is an exception",
    "a client must not get what it cannot read",
)
async def _(server: Server) -> None:
    hit = await some_hit(server)
    bad = {**hit.request, "layers": _UNKNOWN, "exceptions": "text/xml"}
    (await server.ask(hit.operation, bad)).must_be_a_sound_report().must_fail("UnknownLayer")
    (await server.ask(hit.operation, {**hit.request, "exceptions": "text/conformance"})).must_fail()
