"""Checks of the scene class: what is announced, and that GetScene answers it."""

from gotapi_core.conformance.model import Failed, Skipped, expect
from gotapi_portrayal.conformance.checks.declared import TABLE_24, TABLE_32, must_declare
from gotapi_portrayal.conformance.http import TooLarge
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import LayerOffer, flag, require
from gotapi_portrayal.conformance.reply import Reply, same_type
from gotapi_portrayal.conformance.requirements import PROFILES
from gotapi_portrayal.conformance.scenes import CANONICAL, read_scene
from gotapi_portrayal.conformance.server import Server, document
from gotapi_portrayal.conformance.xmlread import SCENE, child, children, everywhere, space, text

RULES = ServerChecks()

NAME = "GetScene"
_MOST = 24  # layers times formats that are asked for
_LACKS = "FormatCapabilityMissing"  # 9.5: a format may lack what a request needs


async def layers(server: Server) -> list[tuple[LayerOffer, str]]:
    """Return pairs of layer and format, first one format of each layer, then the others."""
    offer = await server.offer()
    require(offer, NAME)
    most = max((len(layer.formats) for layer in offer.layers), default=0)
    pairs = [
        (layer, layer.formats[(n + place) % len(layer.formats)])
        for n in range(most)
        for place, layer in enumerate(offer.layers)
        if n < len(layer.formats)
    ]
    if not pairs:
        raise Skipped("no layer announces a format (AvailableFormat of SceneLayerExtension)")
    return pairs[:_MOST]


def must_be_scene(reply: Reply, media: str) -> None:
    """Raise Failed unless a reply is of a MIME type, and formed by its provisions."""
    reply.must_be_good()
    fits = same_type(reply.media, media) or reply.kind == media.partition(";")[0].strip().lower()
    expect(fits, f"asked for {media}, got {reply.media!r}; {reply}")
    try:
        read_scene(reply.body, media)
    except Failed as error:
        raise Failed(f"{media}: {error} [{reply.asked}]") from None


@RULES.annex(
    "scene-profile",
    5,
    "ServiceIdentification has the Profile of the scene extension",
    "a client chooses servers by it",
)
async def _(server: Server) -> None:
    profiles = (await server.offer()).profiles
    expect(PROFILES["scene"] in profiles, f"the profiles are {list(profiles)}")


@RULES.annex(
    "scene-operation",
    6,
    "GetScene is announced with the parameters of Tables 24 and 32",
    "a client knows what it can ask for",
)
async def _(server: Server) -> None:
    operation = (await server.offer()).operations.get(NAME)
    if operation is None:
        raise Failed("the operations have no GetScene")
    must_declare(operation, (*TABLE_24, *TABLE_32))


@RULES.annex(
    "scene-layer-extension",
    7,
    "layers have at most one SceneLayerExtension, at least one of them has it",
    "formats and offsets of a layer stand in it",
)
async def _(server: Server) -> None:
    found = 0
    for one in everywhere((await server.offer()).root, "Layer"):
        own = children(child(one, "Extensions"), "SceneLayerExtension")
        expect(len(own) < 2, f"layer {text(one, 'Identifier')} has {len(own)} of them")
        for each in own:
            expect(space(each) == SCENE, f"it is in the namespace {space(each)!r}")
            found += 1
    expect(found > 0, "no layer has a SceneLayerExtension")


@RULES.annex(
    "scene-mime-types",
    8,
    "every layer has formats; each with parameters also without, and by its name of Table 29",
    "clients that know the canonical name only find the format",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    require(offer, NAME)
    parents = {
        text(one, "Identifier") for one in everywhere(offer.root, "Layer") if children(one, "Layer")
    }
    for layer in offer.layers:
        expect(layer.formats != () or layer.id in parents, f"layer {layer.id} has no format")
        known = {one.replace(" ", "").lower() for one in layer.formats}
        for one in known:
            expect("/" in one, f"layer {layer.id} has the format {one!r}, which is no MIME type")
            bare = one.partition(";")[0]
            expect(bare in known, f"layer {layer.id} has {one}, but not {bare}")
            canonical = CANONICAL.get(bare, bare)
            expect(
                canonical in known, f"layer {layer.id} has {one}, but not {canonical} (Table 29)"
            )


@RULES.annex(
    "scene-capabilities-extension",
    9,
    "PortrayalCapabilities has one ScenePortrayalCapabilitiesExtension",
    "it says whether any offset will do",
)
async def _(server: Server) -> None:
    section = child((await server.offer()).root, "PortrayalCapabilities")
    found = children(child(section, "Extensions"), "ScenePortrayalCapabilitiesExtension")
    expect(len(found) == 1, f"there are {len(found)} of them")
    expect(space(found[0]) == SCENE, f"it is in the namespace {space(found[0])!r}")
    said = flag(found[0], "SupportsArbitraryOffset")
    expect(said in ("", "true", "false", "1", "0"), f"SupportsArbitraryOffset is {said!r}")


@RULES.annex(
    "scene-request",
    10,
    "GetScene with its mandatory parameters is answered; without Format it is an exception",
    "Tables 24 and 32 say which are mandatory",
)
async def _(server: Server) -> None:
    layer, media = (await layers(server))[0]
    good = await server.scene(layer, media)
    (await server.ask(NAME, good)).must_be_good()
    reply = await server.ask(NAME, {**good, "format": None})
    reply.must_fail("MissingParameterValue", locator="format")


@RULES.annex(
    "scene-response",
    11,
    "all layers in all formats are documents of the MIME type, or exceptions; one is no exception",
    "a scene that cannot be read is none",
)
async def _(server: Server) -> None:
    read, unread, refused = 0, "", ""
    for layer, media in await layers(server):
        try:
            reply = await server.ask(NAME, await server.scene(layer, media))
        except TooLarge as error:
            unread = str(error)
            continue
        if reply.exceptions:
            reply.must_be_a_sound_report()
            refused = str(reply)
            continue
        try:
            must_be_scene(reply, media)
            read += 1
        except Skipped as error:
            unread = str(error)
    if not read and unread:
        raise Skipped(unread)
    expect(read > 0, f"every GetScene is an exception: {refused}")


@RULES.family(
    "scene-class",
    "scene",
    "A.3",
    "GetScene is declared and has a format, beside the core class",
    "the class is made of both",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    expect(NAME in offer.operations, "GetScene is not declared")
    declared = offer.operations[NAME].parameters.get("format", ())
    expect(bool(declared) or any(layer.formats for layer in offer.layers), "GetScene has no format")


@RULES.shall(
    "scene-unknown-format",
    "9.3.3",
    "a format that is not advertised is an exception",
    "the client must not take it for what it asked for",
)
async def _(server: Server) -> None:
    layer, _media = (await layers(server))[0]
    good = await server.scene(layer, "model/conformance-unknown")
    (await server.ask(NAME, good)).must_fail()


@RULES.shall(
    "scene-not-empty",
    "9.4",
    "a scene of all of a layer has something to see, in every format",
    "an empty document fits its schema too",
)
async def _(server: Server) -> None:
    seen, reason = 0, "every GetScene is an exception"
    for layer, media in await layers(server):
        try:
            reply = await server.ask(NAME, await server.scene(layer, media))
            if not reply.good:
                continue
            shape = read_scene(reply.body, media)
        except (TooLarge, Skipped) as error:
            reason = str(error)
            continue
        except Failed as error:
            raise Skipped(f"it could not be read: {error}") from None
        expect(not shape.empty, f"{media} of layer {layer.id} is empty [{reply.asked}]")
        seen += 1
    if not seen:
        raise Skipped(reason)


@RULES.shall(
    "scene-blank",
    "8.4.1 Exceptions",
    "with exceptions=blank an error is a valid document of the format without content, or 204",
    "clients that know no exception reports show nothing instead of breaking",
)
async def _(server: Server) -> None:
    tried = ""
    for layer, media in await layers(server):
        good = await server.scene(layer, media)
        bad = {**good, "styles": "conformance-unknown", "exceptions": "blank"}
        reply = await server.ask(NAME, bad)
        if reply.status == 204:
            continue
        expect(
            reply.status == 200 and not reply.exceptions, f"expected a blank document, got {reply}"
        )
        kind = media.partition(";")[0].strip().lower()
        expect(reply.kind == kind, f"expected {media}, got {reply.media!r}; {reply}")
        try:
            expect(read_scene(reply.body, media).triangles == 0, f"it is not blank: {reply}")
        except Skipped as error:
            tried = str(error)
    if tried:
        raise Skipped(tried)


@RULES.shall(
    "scene-viewpoints",
    "9.3.4",
    "Viewpoints takes 11 values for each viewpoint; another number of them is an exception",
    "the text demands that their number is divisible by 11",
)
async def _(server: Server) -> None:
    layer, media = (await layers(server))[0]
    good = await server.scene(layer, media)
    camera = await server.camera(layer)
    places = ",".join(f"{one:.3f}" for one in (*camera.poi, *camera.poc))
    one = f"Conformance,{places},0,0,1,60"
    for value in (one, f"{one},{one}"):
        reply = await server.ask(NAME, {**good, "viewpoints": value})
        if _LACKS not in {each.code for each in reply.exceptions}:
            reply.must_be_good()
    (await server.ask(NAME, {**good, "viewpoints": f"Conformance,{places}"})).must_fail()


@RULES.shall(
    "scene-options",
    "8.4.1 DeliveryOptions",
    "every delivery option of a layer is taken, and the answer is a document of its format",
    "what is advertised must work",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    require(offer, NAME)
    tried = 0
    for layer in offer.layers[:4]:
        for option in layer.options:
            for media in layer.formats[:4]:
                good = await server.scene(layer, media)
                reply = await server.ask(NAME, {**good, "deliveryOptions": option})
                if reply.status == 200 and not reply.exceptions:
                    tried += 1
                    expect(reply.body != b"", f"it is empty; {reply}")
                    continue
                lacks = {one.code for one in reply.exceptions} <= {_LACKS}
                expect(bool(reply.exceptions) and lacks, f"{option} is advertised: {reply}")
    if not tried:
        raise Skipped("no layer has a delivery option that a format can have")


@RULES.shall(
    "scene-post-xml",
    "9.6",
    "GetScene in XML is answered where POST is announced",
    "what is announced must work",
)
async def _(server: Server) -> None:
    require(await server.offer(), NAME)
    layer, media = (await layers(server))[0]
    crs = layer.ground().crs
    reply = None
    # The text's examples have elements in lists, the schema has one text with commas.
    for named in (layer.id, f"<ows:Identifier>{layer.id}</ows:Identifier>"):
        inner = (
            f"<core:CRS>{crs}</core:CRS><core:Layers>{named}</core:Layers>"
            f"<scene:Format>{media}</scene:Format>"
        )
        body = document(NAME, inner, "scene", version="1.0", request=NAME)
        reply = await server.post(NAME, body)
        if reply.good:
            break
    assert reply is not None
    must_be_scene(reply, media)
