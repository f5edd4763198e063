"""Checks of the view class: several pictures in one answer (3DPS 10.5.1)."""

from collections.abc import Sequence

from gotapi_core.conformance.model import Failed, Skipped, expect
from gotapi_portrayal.conformance.checks.view import NAME, color
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.multipart import Part, read_parts
from gotapi_portrayal.conformance.offer import require
from gotapi_portrayal.conformance.pixels import picture
from gotapi_portrayal.conformance.reply import same_type
from gotapi_portrayal.conformance.server import SIZE, Server, portrayed

RULES = ServerChecks()


async def _images(server: Server) -> list[tuple[str, str]]:
    """Return image layers with a format each; at least two, or raises Skipped."""
    offer = await server.offer()
    require(offer, NAME)
    if not offer.many_views:
        raise Skipped("SupportsMultipleViews is false")
    found = [(one.id, one.formats[-1]) for one in offer.image_layers if one.formats]
    if len(found) < 2:
        raise Skipped("there is only one image layer")
    return found[:5]


async def _portrayals(server: Server, *portrayals: str) -> dict[str, str | None]:
    layer = await server.layer()
    return {"crs": layer.ground().crs, "layers": layer.id, "portrayals": "@".join(portrayals)}


@RULES.shall(
    "view-multipart",
    "10.5.1",
    "several image layers come as multipart/mixed with the boundary of the text, in their order",
    "a client reads part n as image layer n",
)
async def _(server: Server) -> None:
    images = await _images(server)
    lens = (await server.camera()).perspective()
    good = await _portrayals(server, portrayed(images, lens, SIZE))
    parts = read_parts(await server.ask(NAME, good))
    _must_match(parts, [(media, SIZE) for _, media in images])


@RULES.shall(
    "view-several-portrayals",
    "10.5.1",
    "several portrayals come as parts, portrayal after portrayal",
    "the resulting image layers shall have the same order as in the request",
)
async def _(server: Server) -> None:
    images = (await _images(server))[:2]
    lens = (await server.camera()).perspective()
    sizes = ((40, 30), (24, 48))
    good = await _portrayals(server, *(portrayed(images, lens, size) for size in sizes))
    parts = read_parts(await server.ask(NAME, good))
    _must_match(parts, [(media, size) for size in sizes for _, media in images])


@RULES.shall(
    "view-all-or-nothing",
    "10.5.1",
    "if one picture cannot be made there is an exception and no part",
    "a client must not take part 2 for image layer 3",
)
async def _(server: Server) -> None:
    images = await _images(server)
    lens = (await server.camera()).perspective()
    bad = [*images[:1], ("conformance-unknown", images[0][1])]
    reply = await server.ask(NAME, await _portrayals(server, portrayed(bad, lens, SIZE)))
    expect(reply.kind != "multipart/mixed", f"it was answered in part: {reply}")
    reply.must_fail()
    second = portrayed(images[:1], lens, SIZE), portrayed(images[:1], lens, (0, 0))
    (await server.ask(NAME, await _portrayals(server, *second))).must_fail()


@RULES.shall(
    "view-single-part",
    "10.5",
    "one image layer of one portrayal is the picture itself, no multipart message",
    "browsers show it as it is",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    good = await server.view(image, media, size=(50, 40))
    reply = (await server.ask(NAME, good)).must_be_good()
    expect(not reply.kind.startswith("multipart/"), f"one picture came as {reply.media}")


@RULES.shall(
    "view-grammar",
    "10.7.1",
    "portrayals that do not fit the grammar are exceptions",
    "what is guessed is wrong one day",
)
async def _(server: Server) -> None:
    image, media = await color(server)
    good = await server.view(image, media)
    one = good["portrayals"] or ""
    for bad in ("", f"{one}@", f"@{one}", f"{one};WIDTH=5", f"{one};CONFORMANCE=1", "WIDTH"):
        (await server.ask(NAME, {**good, "portrayals": bad})).must_fail()


def _must_match(parts: Sequence[Part], wanted: Sequence[tuple[str, tuple[int, int]]]) -> None:
    expect(len(parts) == len(wanted), f"{len(wanted)} pictures were asked for, {len(parts)} came")
    for place, (part, (media, size)) in enumerate(zip(parts, wanted, strict=True), 1):
        fits = same_type(part.media.partition(";")[0], media.partition(";")[0])
        expect(fits, f"part {place} is {part.media}, asked for {media}")
        try:
            picture(part.body, media, size)
        except Failed as error:
            raise Failed(f"part {place}: {error}") from None
        except Skipped:
            expect(part.body != b"", f"part {place} is empty")
