"""Checks of the view class: what is announced, requests, and exceptions of GetView."""

from typing import Final

from gotapi_core.conformance.model import Failed, Skipped, expect
from gotapi_portrayal.conformance.checks.declared import TABLE_24, TABLE_45, must_declare
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import ImageLayer, flag, require
from gotapi_portrayal.conformance.pixels import must_be
from gotapi_portrayal.conformance.requirements import PROFILES
from gotapi_portrayal.conformance.server import SIZE, Server
from gotapi_portrayal.conformance.xmlread import (
    VIEW,
    child,
    children,
    everywhere,
    space,
    text,
)

RULES = ServerChecks()

NAME: Final = "GetView"
UNKNOWN: Final = "conformance-unknown"
_MOST: Final = 8  # layers for which every image layer and format is asked


async def color(server: Server) -> tuple[ImageLayer, str]:
    """Return the image layer COLOR, and a format of it, PNG if there is one."""
    offer = await server.offer()
    require(offer, NAME)
    found = offer.image("COLOR")
    png = [one for one in found.formats if one.lower().startswith("image/png")]
    return found, (png or list(found.formats) or ["image/png"])[0]


async def good_view(server: Server) -> dict[str, str | None]:
    """Return a good GetView of COLOR."""
    image, media = await color(server)
    return await server.view(image, media)


def changed(good: dict[str, str | None], old: str, new: str) -> dict[str, str | None]:
    """Return a GetView with something else in its portrayal."""
    before = good["portrayals"] or ""
    assert old in before, (old, before)
    return {**good, "portrayals": before.replace(old, new)}


@RULES.annex(
    "view-profile",
    12,
    "ServiceIdentification has the Profile of the view extension",
    "a client chooses servers by it",
)
async def _(server: Server) -> None:
    profiles = (await server.offer()).profiles
    expect(PROFILES["view"] in profiles, f"the profiles are {list(profiles)}")


@RULES.annex(
    "view-operation",
    13,
    "GetView is announced with the parameters of Tables 24 and 45",
    "a client knows what it can ask for",
)
async def _(server: Server) -> None:
    operation = (await server.offer()).operations.get(NAME)
    if operation is None:
        raise Failed("the operations have no GetView")
    must_declare(operation, (*TABLE_24, *TABLE_45))


@RULES.annex(
    "view-capabilities-extension",
    14,
    "PortrayalCapabilities has one ViewPortrayalCapabilitiesExtension, as Tables 41 to 44",
    "image layers, formats and projections stand in it",
)
async def _(server: Server) -> None:
    section = child((await server.offer()).root, "PortrayalCapabilities")
    found = children(child(section, "Extensions"), "ViewPortrayalCapabilitiesExtension")
    expect(len(found) == 1, f"there are {len(found)} of them")
    expect(space(found[0]) == VIEW, f"it is in the namespace {space(found[0])!r}")
    for one in everywhere(found[0], "AvailableImageLayer"):
        name = text(one, "Identifier")
        expect(name != "", "an image layer has no identifier")
        media = [text(each) for each in children(one, "AvailableFormat")]
        expect(media != [] and "" not in media, f"image layer {name} has the formats {media}")
    for name in ("NearPlaneHint", "FarPlaneHint"):
        hint = flag(found[0], name)
        expect(hint == "" or _positive(hint), f"{name} is {hint!r}, not a positive number")


@RULES.annex(
    "view-color",
    14,
    "image layer COLOR is there",
    "at least this one shall be supported (Table 41)",
    "10.3.4, Table 41",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    require(offer, NAME)
    names = [one.id.rpartition("/")[2].upper() for one in offer.image_layers]
    expect("COLOR" in names, f"the image layers are {names}")


@RULES.annex(
    "view-request",
    15,
    "GetView with its mandatory parameters is answered; without Portrayals it is an exception",
    "Tables 24 and 45 say which are mandatory",
)
async def _(server: Server) -> None:
    good = await good_view(server)
    (await server.ask(NAME, good)).must_be_good()
    reply = await server.ask(NAME, {**good, "portrayals": None})
    reply.must_fail("MissingParameterValue", locator="portrayals")


@RULES.annex(
    "view-portrayal-complete",
    15,
    "a portrayal without one of its mandatory components is an exception",
    "Table 46 says which are mandatory",
    "10.4.3, Table 46",
)
async def _(server: Server) -> None:
    good = await good_view(server)
    parts = (good["portrayals"] or "").split(";")
    for place in range(len(parts)):
        rest = ";".join(parts[:place] + parts[place + 1 :])
        reply = await server.ask(NAME, {**good, "portrayals": rest})
        reply.must_fail()


@RULES.annex(
    "view-response",
    16,
    "all layers in all image layers and formats are pictures of the MIME type, or exceptions",
    "a picture that cannot be read is none; at least one is no exception",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    require(offer, NAME)
    read, refused = 0, ""
    for layer in [one for one in offer.layers if one.boxes][:_MOST]:
        for image in offer.image_layers:
            for media in image.formats:
                reply = await server.ask(NAME, await server.view(image, media, layer=layer))
                if reply.exceptions:
                    reply.must_be_a_sound_report()
                    refused = str(reply)
                    continue
                try:
                    must_be(reply, media, SIZE)
                except Skipped:
                    expect(reply.body != b"", f"it is empty; {reply}")
                read += 1
    expect(read > 0, f"every GetView is an exception: {refused}")


@RULES.annex(
    "view-exceptions",
    16,
    "faulty GetViews are exception reports as OWS Common has them",
    "clients read nothing else",
)
async def _(server: Server) -> None:
    good = await good_view(server)
    for changes in (
        {"portrayals": "WIDTH=1"},
        {"layers": UNKNOWN},
        {"crs": "EPSG:99999999"},
        {"backgroundColor": "red"},
    ):
        (await server.ask(NAME, {**good, **changes})).must_be_a_sound_report()


@RULES.family(
    "view-class",
    "view",
    "A.5",
    "GetView is declared and has a format, beside the core class",
    "the class is made of both",
)
async def _(server: Server) -> None:
    offer = await server.offer()
    expect(NAME in offer.operations, "GetView is not declared")
    expect(any(one.formats for one in offer.image_layers), "GetView has no format")


def _positive(words: str) -> bool:
    try:
        return float(words) > 0
    except ValueError:
        return False
