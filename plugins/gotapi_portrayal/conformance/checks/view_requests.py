"""Checks of the view class: how GetView is asked for, and what must be refused."""

from typing import Final
from urllib.parse import quote

from gotapi_core.conformance.model import Skipped, expect
from gotapi_portrayal.conformance.checks.view import NAME, UNKNOWN, changed, color, good_view
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import ImageLayer, require
from gotapi_portrayal.conformance.pixels import must_be
from gotapi_portrayal.conformance.reply import Reply
from gotapi_portrayal.conformance.server import SIZE, Server, document, portrayed

RULES = ServerChecks()

_SUGGESTED: Final = ("COLOR", "DEPTH", "OBJECTID", "NORMAL", "MASK")


@RULES.shall(
    "view-size",
    "10.4.3",
    "a picture has exactly the width and height that were asked for",
    "pixels are addressed by them",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    for size in ((1, 1), (33, 17), (128, 5)):
        must_be(await server.ask(NAME, await server.view(image, media, size=size)), media, size)


@RULES.shall(
    "view-bad-size",
    "10.4.3",
    "a width or height that is no positive whole number is an exception",
    "Table 46 has the type PositiveInteger",
)
async def _(server: Server) -> None:
    good = await good_view(server)
    for value in ("0", "-5", "1.5", "x", ""):
        bad = changed(good, f"WIDTH={SIZE[0]};", f"WIDTH={value};")
        (await server.ask(NAME, bad)).must_fail()


@RULES.sane(
    "view-huge",
    "safety",
    "a picture of a million times a million pixels is refused at once",
    "one request must not take all memory",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    good = await server.view(image, media, size=(1_000_000, 1_000_000))
    reply = await server.ask(NAME, good)
    expect(not reply.good, f"it was answered: {reply.status} {reply.media}")


@RULES.shall(
    "view-projections",
    "10.2.2",
    "Perspective and Orthographic are answered where they are advertised; others are exceptions",
    "what is advertised must work",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    camera = await server.camera()
    lenses = {"Perspective": camera.perspective(), "Orthographic": camera.orthographic(SIZE)}
    offer = await server.offer()
    known = [one.name for one in offer.projections] or list(lenses)
    for name in (one for one in known if one in lenses):
        good = await server.view(image, media, projection=lenses[name])
        must_be(await server.ask(NAME, good), media, SIZE)
    other = await server.view(image, media, projection=f"Conformance{lenses['Perspective'][11:]}")
    (await server.ask(NAME, other)).must_fail()


@RULES.shall(
    "view-projection-size",
    "10.7.1",
    "a projection with more or fewer values than its parameters is an exception",
    "the size of the tuple shall be the number of parameters plus one",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    lens = (await server.camera()).perspective()
    for bad in (f"{lens},1", lens.rpartition(",")[0], "Perspective"):
        (await server.ask(NAME, await server.view(image, media, projection=bad))).must_fail()


@RULES.shall(
    "view-field-of-view",
    "10.2.2",
    "without field of view the default is used, with one of the two the other follows",
    "both are optional",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    camera = await server.camera()
    lens = camera.perspective(None).split(",")
    for fovx, fovy in (("", ""), ("60", ""), ("", "60"), ("60", "50")):
        lens[-4:-2] = [fovx, fovy]
        good = await server.view(image, media, projection=",".join(lens))
        must_be(await server.ask(NAME, good), media, SIZE)


@RULES.shall(
    "view-planes",
    "10.2.2",
    "without near and far plane the defaults are used",
    "both are optional",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    lens = (await server.camera()).perspective().split(",")
    good = await server.view(image, media, projection=",".join([*lens[:-2], "", ""]))
    must_be(await server.ask(NAME, good), media, SIZE)


@RULES.sane(
    "view-degenerate",
    "10.2.2",
    "a camera that looks at itself, planes in the wrong order and no numbers are exceptions",
    "there is no such view",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    lens = (await server.camera()).perspective().split(",")
    itself = [*lens[:4], *lens[1:4], *lens[7:]]
    planes = [*lens[:-2], "100", "1"]
    strange = [lens[0], "nan", *lens[2:]]
    for bad in (itself, planes, strange):
        good = await server.view(image, media, projection=",".join(bad))
        (await server.ask(NAME, good)).must_fail()


@RULES.shall(
    "view-lists-match",
    "10.4.3, Table 46",
    "Formats and Qualities with another length than ImageLayers are exceptions",
    "format n is for image layer n",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    lens = (await server.camera()).perspective()
    good = await server.view(image, media)
    two = portrayed([(image.id, media)], lens, SIZE).replace(
        f"IMAGELAYERS={image.id}", f"IMAGELAYERS={image.id},{image.id}"
    )
    (await server.ask(NAME, {**good, "portrayals": two})).must_fail()
    qualities = f"{good['portrayals']};QUALITIES=90,90"
    (await server.ask(NAME, {**good, "portrayals": qualities})).must_fail()


@RULES.shall(
    "view-unknown-image-layer",
    "10.4.3",
    "an image layer or a format that is not advertised is an exception",
    "each entry shall refer to what the service metadata has",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    for bad in (
        await server.view(ImageLayer(UNKNOWN, ()), media),
        await server.view(image, "image/conformance"),
    ):
        (await server.ask(NAME, bad)).must_fail()


@RULES.shall(
    "view-qualities",
    "10.4.3",
    "Qualities from 0 to 100, empty, or of a format without any, are taken; others are exceptions",
    "the parameter shall be ignored where a format has no quality",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    jpeg = next((one for one in image.formats if one.lower() == "image/jpeg"), media)
    sizes = []
    for kind, value in ((jpeg, "5"), (jpeg, "100"), (jpeg, ""), (media, "50")):
        good = await server.view(image, kind)
        reply = await server.ask(
            NAME, {**good, "portrayals": f"{good['portrayals']};QUALITIES={value}"}
        )
        must_be(reply, kind, SIZE)
        sizes.append(len(reply.body))
    if jpeg == "image/jpeg":
        expect(sizes[0] <= sizes[1], f"quality 5 has {sizes[0]} bytes, 100 has {sizes[1]}")
    good = await server.view(image, jpeg)
    for value in ("101", "-1", "a"):
        bad = {**good, "portrayals": f"{good['portrayals']};QUALITIES={value}"}
        (await server.ask(NAME, bad)).must_fail()


@RULES.shall(
    "view-kvp-names",
    "10.7.1, Table 47",
    "names of parameters and of components count in any case",
    "any parameter name capitalization shall be allowed",
)
async def _(server: Server) -> None:
    good = await good_view(server)
    names = {name.upper(): value for name, value in good.items() if name != "portrayals"}
    portrayal = good["portrayals"] or ""
    for key in ("WIDTH", "HEIGHT", "PROJECTION", "IMAGELAYERS", "FORMATS"):
        portrayal = portrayal.replace(f"{key}=", f"{key.lower()}=")
    _, media = await color(server)
    must_be(await server.ask(NAME, {**names, "PortRayals": portrayal}), media, SIZE)


@RULES.shall(
    "view-kvp-parameters",
    "10.7.1",
    "a MIME type with parameters, encoded as the text has it, is understood",
    "the example of the text is image%2Fpng%3Bmode=32Bit",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    require(offer, NAME)
    for image in offer.image_layers:
        for media in (one for one in image.formats if ";" in one and "=" in one):
            lens = (await server.camera()).perspective()
            plain = portrayed([(image.id, "CONFORMANCE")], lens, SIZE)
            word = quote(media, safe="=").replace("bit", "Bit")
            good = await server.view(image, media)
            reply = await server.ask(
                NAME, {**good, "portrayals": plain.replace("CONFORMANCE", word)}
            )
            must_be(reply, media, SIZE)
            return
    raise Skipped("no image layer has a format with parameters")


@RULES.shall(
    "view-blank",
    "8.4.1 Exceptions",
    "with exceptions=blank an error is a uniform picture of the format, or 204",
    "clients that know no exception reports show nothing instead of breaking",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    good = await server.view(image, media)
    reply = await server.ask(NAME, {**good, "styles": UNKNOWN, "exceptions": "blank"})
    if reply.status == 204:
        return
    found = must_be(reply, media, SIZE)
    expect(len(found.convert("RGBA").getcolors(1 << 20) or []) == 1, f"it is not blank: {reply}")


@RULES.shall(
    "view-inimage",
    "10.4.4",
    "with exceptions=inimage an error is a picture of the format with words drawn on it",
    "clients that show pictures show the reason",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    good = await server.view(image, media, size=(320, 120))
    for value in ("inimage", "INIMAGE"):
        reply = await server.ask(NAME, {**good, "styles": UNKNOWN, "exceptions": value})
        found = must_be(reply, media, (320, 120))
        colours = len(found.convert("RGB").getcolors(1 << 20) or [])
        expect(colours > 1, f"the picture has no words: {reply}")


@RULES.shall(
    "view-overall-styles",
    "8.4.1 OverallStyles, Background",
    "every advertised background and overall style is taken, another overall style is not",
    "what is advertised must work",
)
async def _(server: Server) -> None:
    good = await good_view(server)
    _, media = await color(server)
    offer = await server.offer()
    for name in offer.backgrounds[:8]:
        must_be(await server.ask(NAME, {**good, "background": name}), media, SIZE)
    for name in offer.overall_styles[:12]:
        must_be(await server.ask(NAME, {**good, "overallStyles": name}), media, SIZE)
    (await server.ask(NAME, {**good, "overallStyles": UNKNOWN})).must_fail()


@RULES.shall(
    "view-post-xml",
    "10.7.2",
    "GetView in XML is answered where POST is announced",
    "what is announced must work",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    layer = await server.layer()
    camera = await server.camera(layer)
    last: Reply | None = None
    # The text's example has elements and blanks, the schema commas, X1, X2 and X3.
    for example in (True, False):
        inner = _portrayal_xml(layer.id, layer.ground().crs, image.id, media, example)
        places = {
            name: " ".join(map(str, one)) if example else _coordinates(one)
            for name, one in (("POC", camera.poc), ("POI", camera.poi))
        }
        body = document(NAME, inner.format(**places), "view", version="1.0", request=NAME)
        last = await server.post(NAME, body)
        if last.good:
            break
    assert last is not None
    must_be(last, media, SIZE)


def _coordinates(place: tuple[float, ...]) -> str:
    return "".join(f"<core:X{n}>{one}</core:X{n}>" for n, one in enumerate(place, 1))


def _portrayal_xml(layer: str, crs: str, image: str, media: str, example: bool) -> str:
    named = "<ows:Identifier>{}</ows:Identifier>" if example else "{}"
    formats = f"<view:Format>{media}</view:Format>" if example else media
    return (
        f"<core:CRS>{crs}</core:CRS><core:Layers>{named.format(layer)}</core:Layers>"
        f"<view:Portrayals><view:Portrayal><view:Width>{SIZE[0]}</view:Width>"
        f"<view:Height>{SIZE[1]}</view:Height><view:PerspectiveProjection>"
        "<view:POC>{POC}</view:POC><view:POI>{POI}</view:POI></view:PerspectiveProjection>"
        f"<view:ImageLayers>{named.format(image)}</view:ImageLayers>"
        f"<view:Formats>{formats}</view:Formats></view:Portrayal></view:Portrayals>"
    )


@RULES.shall(
    "view-image-layer-formats",
    "10.2.1, Table 36",
    "every suggested image layer has PNG, and 24 or 32 bits are said as mode",
    "Table 36 has the canonical names",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    require(offer, NAME)
    for image in offer.image_layers:
        if image.id.rpartition("/")[2].upper() not in _SUGGESTED:
            continue
        known = {one.replace(" ", "").lower() for one in image.formats}
        for one in known:
            bare = one.partition(";")[0]
            expect(bare in known, f"image layer {image.id} has {one}, but not {bare}")


@RULES.shall(
    "view-projection-parameters",
    "10.3.4, Table 43",
    "advertised projections have a TypeName, and parameters in the order of Tables 39 and 40",
    "values of a projection come in the order of the service metadata (10.7.1)",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    require(offer, NAME)
    for one in offer.projections:
        expect(one.name != "", "a projection has no TypeName")
        order = [
            each
            for each in ("POC", "POI", "UP", "FOVX", "FOVY", "LEFT", "RIGHT", "BOTTOM", "TOP")
            if any(name.upper().startswith(each) for name in one.parameters)
        ]
        met = list(
            dict.fromkeys(
                each
                for name in one.parameters
                for each in order
                if name.upper() == each or name.upper().startswith(f"{each}.")
            )
        )
        expect(met == [each for each in order if each in met], f"{one.name} has the order {met}")
