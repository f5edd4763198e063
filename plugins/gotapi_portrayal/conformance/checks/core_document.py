"""Checks of the metadata document: GetCapabilities answers, and what stands in it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from gotapi_core.conformance.model import Skipped, expect
from gotapi_portrayal.conformance.crs import crs_key
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.requirements import OPERATIONS, PROFILES
from gotapi_portrayal.conformance.server import Server
from gotapi_portrayal.conformance.xmlread import (
    CORE,
    OWS,
    Element,
    child,
    children,
    everywhere,
    local,
    numbers,
    space,
    text,
)

RULES = ServerChecks()

_SECTIONS = {
    "ServiceIdentification": OWS,
    "ServiceProvider": OWS,
    "OperationsMetadata": OWS,
    "Languages": OWS,
    "Contents": CORE,
    "PortrayalCapabilities": CORE,
}
_OF_LAYER = frozenset(
    {"Title", "Abstract", "Keywords", "WGS84BoundingBox", "Identifier", "BoundingBox", "Metadata"}
    | {"AvailableCRS", "AvailableLOD", "AvailableStyle", "DeliveryOption", "Extensions", "Layer"}
)
_OF_PORTRAYAL = frozenset(
    {"OverallStyle", "Background", "AvailableSpatialSelection", "AvailableLODScheme", "Extensions"}
    | {"AvailableLODSelection", "DeliveryOption", "ViewpointHint", "SupportsBoundingBoxConversion"}
)


@RULES.annex(
    "core-getcapabilities",
    1,
    "GetCapabilities with service and request alone answers with a metadata document",
    "it is the first request of every client",
)
async def _(server: Server) -> None:
    reply = (await server.capabilities()).must_be_good()
    expect("xml" in reply.kind, f"it was sent as {reply.media!r}; {reply}")
    root = reply.xml()
    expect(
        local(root) == "Capabilities" and space(root) == CORE,
        f"the root element is {root.tag}, not Capabilities of {CORE}",
    )


@RULES.annex(
    "core-capabilities-structure",
    2,
    "the document has version 1.0 and the sections of Table 10, each once, in its order",
    "clients find the parts by their names",
)
async def _(server: Server) -> None:
    root = (await server.offer()).root
    # The text fixes 1.0; the posted schema takes three numbers only.
    version = root.get("version", "")
    expect(version in ("1.0", "1.0.0"), f"version is {version!r}, not 1.0")
    sequence = root.get("updateSequence")
    expect(sequence is None or sequence != "", "updateSequence is empty")
    names = [local(one) for one in children(root)]
    for one in children(root):
        wanted = _SECTIONS.get(local(one))
        expect(wanted is not None, f"{local(one)} is no section of Table 10")
        expect(space(one) in (wanted, ""), f"{local(one)} is in the namespace {space(one)!r}")
    expect(len(set(names)) == len(names), f"a section comes twice: {names}")
    order = [name for name in _SECTIONS if name in names]
    expect(names == order, f"the sections come as {names}, Table 10 has {order}")
    for name in ("ServiceIdentification", "OperationsMetadata"):
        expect(name in names, f"there is no {name}")


@RULES.annex(
    "core-service-identification",
    2,
    "ServiceIdentification says ServiceType 3DPS, and its version",
    "a client knows by it what it talks to",
)
async def _(server: Server) -> None:
    section = child((await server.offer()).root, "ServiceIdentification")
    kind = text(section, "ServiceType")
    expect(kind.upper().removeprefix("OGC:") == "3DPS", f"ServiceType is {kind!r}")
    versions = [text(one) for one in children(section, "ServiceTypeVersion")]
    expect(
        any(one in ("1.0", "1.0.0") for one in versions),
        f"ServiceTypeVersion has no 1.0: {versions}",
    )


@RULES.annex(
    "core-operations",
    2,
    "every operation has a name of the text and an absolute address for GET or POST",
    "clients call what is announced, where it is announced",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    expect("GetCapabilities" in offer.operations, "GetCapabilities is not among the operations")
    counted = Counter(
        one.get("name", "")
        for one in children(child(offer.root, "OperationsMetadata"), "Operation")
    )
    expect(max(counted.values()) == 1, f"an operation comes twice: {dict(counted)}")
    for one in offer.operations.values():
        expect(one.name != "", "an operation has no name")
        expect(bool(one.get or one.post), f"{one.name} has neither Get nor Post")
        for url in filter(None, (one.get, one.post)):
            parts = urlsplit(url)
            fits = parts.scheme in ("http", "https") and bool(parts.netloc)
            expect(fits, f"{one.name} has the address {url!r}")


@RULES.annex(
    "core-layers",
    2,
    "every layer has one identifier, unique on this server, and the components of Table 12",
    "requests name layers by it",
)
async def _(server: Server) -> None:
    contents = child((await server.offer()).root, "Contents")
    if contents is None:
        raise Skipped("there is no section Contents, which is optional")
    identifiers: list[str] = []
    for one in everywhere(contents, "Layer"):
        found = [text(each) for each in children(one, "Identifier")]
        expect(len(found) == 1 and found[0] != "", f"a layer has the identifiers {found}")
        identifiers += found
        for each in children(one):
            expect(local(each) in _OF_LAYER, f"layer {found[0]} has a {local(each)}")
    _unique(identifiers, "layer")
    for one in everywhere(contents, "Layer"):
        styles = [text(each, "Identifier") for each in children(one, "AvailableStyle")]
        expect("" not in styles, f"a style of layer {text(one, 'Identifier')} has no identifier")
        _unique(styles, f"style of layer {text(one, 'Identifier')}")


@RULES.annex(
    "core-layer-crs",
    2,
    "every layer has at least one AvailableCRS, its own or inherited, one name in each",
    "without a CRS nothing can be asked for",
    "8.2.2 AvailableCRS",
)
async def _(server: Server) -> None:
    for layer in (await server.offer()).layers:
        expect(layer.crs != (), f"layer {layer.id} has no AvailableCRS")
        for name in layer.crs:
            expect(" " not in name, f"layer {layer.id} has AvailableCRS {name!r}")


@RULES.annex(
    "core-layer-boxes",
    2,
    "bounding boxes have a CRS of the layer and two corners of as many numbers, low before high",
    "clients build their first request from them",
    "8.2.2, Table 12",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    known = {layer.id: {crs_key(one) for one in layer.crs} for layer in offer.layers}
    for one in everywhere(offer.root, "Layer"):
        name = text(one, "Identifier")
        for box in children(one, "BoundingBox", "WGS84BoundingBox"):
            low, high = (
                numbers(text(box, end), f"a box of {name}")
                for end in ("LowerCorner", "UpperCorner")
            )
            expect(len(low) == len(high) and len(low) >= 2, f"{name} has a box {low} to {high}")
            ordered = all(a <= b for a, b in zip(low, high, strict=True))
            expect(ordered, f"{name} has a box from {low} to {high}")
            crs = box.get("crs")
            if crs and name in known:
                expect(crs_key(crs) in known[name], f"{name} has a box in {crs}, which is not its")


@RULES.annex(
    "core-default-style",
    2,
    "of several styles of a layer, one and only one is the default",
    "clients that send no style know what they get",
    "8.2.2 AvailableStyle",
)
async def _(server: Server) -> None:
    for one in everywhere((await server.offer()).root, "Layer"):
        styles = children(one, "AvailableStyle")
        defaults = [each for each in styles if _said(each, "IsDefault") in ("true", "1")]
        if len(styles) > 1:
            name = text(one, "Identifier")
            expect(len(defaults) == 1, f"layer {name} has {len(defaults)} default styles")


@RULES.annex(
    "core-references",
    2,
    "LODs and delivery options of layers are among those of PortrayalCapabilities",
    "their meaning is written there only",
    "8.2.2 AvailableLOD, DeliveryOption",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    for layer in offer.layers:
        for lod in layer.lods:
            expect(lod in offer.lods, f"layer {layer.id} has LOD {lod}, which no scheme has")
        for option in layer.options:
            short = {one.rpartition("/")[2] for one in offer.options}
            known = option in offer.options or option.rpartition("/")[2] in short
            expect(
                known, f"layer {layer.id} has the delivery option {option}, which is not defined"
            )


@RULES.annex(
    "core-portrayal-capabilities",
    2,
    "PortrayalCapabilities has the components of Tables 14 to 19, with unique identifiers",
    "requests name styles, backgrounds and options by them",
    "8.2.2, Table 14",
)
async def _(server: Server) -> None:
    section = child((await server.offer()).root, "PortrayalCapabilities")
    for one in children(section):
        expect(local(one) in _OF_PORTRAYAL, f"PortrayalCapabilities has a {local(one)}")
    for kind in ("OverallStyle", "Background", "AvailableLODScheme", "DeliveryOption"):
        found = [text(one, "Identifier") for one in children(section, kind)]
        expect("" not in found, f"a {kind} has no identifier")
        _unique(found, kind)
    for one in children(section, "AvailableLODScheme"):
        lods = [text(each) for each in children(one, "LOD")]
        expect(lods != [] and "" not in lods, f"a LOD scheme has the LODs {lods} (Table 16)")
    flag = text(section, "SupportsBoundingBoxConversion")
    expect(flag in ("", "true", "false", "1", "0"), f"SupportsBoundingBoxConversion is {flag!r}")


@RULES.annex(
    "core-viewpoint-hints",
    2,
    "viewpoint hints have a POC and a POI of three numbers, which are not the same",
    "clients begin with such a view",
    "8.2.2, Table 19",
)
async def _(server: Server) -> None:
    section = child((await server.offer()).root, "PortrayalCapabilities")
    for hint in children(section, "ViewpointHint"):
        places = []
        for name in ("POC", "POI", "Up", "UP"):
            for one in children(hint, name):
                place = tuple(_coordinates(one))
                expect(len(place) == 3, f"{name} of a viewpoint hint has {len(place)} numbers")
                places.append((name, place))
        found = dict(places)
        expect({"POC", "POI"} <= set(found), f"a viewpoint hint only has {sorted(found)}")
        expect(found["POC"] != found["POI"], "POC and POI of a viewpoint hint are the same")


@RULES.family(
    "core-class",
    "core",
    "A.1",
    "the server supports the scene class, the view class or both, with their operations",
    "a server that portrays nothing is no portrayal service",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    said = [name for name, url in PROFILES.items() if url in offer.profiles and name != "info"]
    expect(said != [], f"no Profile for scene or view: {list(offer.profiles)}")
    for name in said:
        for operation in OPERATIONS[name]:
            expect(operation in offer.operations, f"it says {name}, but has no {operation}")


def _said(element: Element, name: str) -> str:
    return (text(element, name) or element.get(name[:1].lower() + name[1:], "")).lower()


def _coordinates(element: Element) -> Iterator[float]:
    parts = [text(element, f"X{n}") for n in (1, 2, 3)]
    yield from numbers(" ".join(parts) if any(parts) else text(element), "a viewpoint hint")


def _unique(names: Iterable[str], what: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    expect(not twice, f"more than one {what} is called {', '.join(twice)}")
