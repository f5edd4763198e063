"""Checks of GetResourceById, which is optional; ids are taken from the server's own answers."""

import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urljoin, urlsplit

from gotapi_core.conformance.model import Skipped, expect
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import require
from gotapi_portrayal.conformance.pixels import picture
from gotapi_portrayal.conformance.reply import Reply
from gotapi_portrayal.conformance.scenes import READERS, read_scene
from gotapi_portrayal.conformance.server import Server

RULES = ServerChecks()

NAME: Final = "GetResourceById"
_UNKNOWN: Final = "conformance-unknown"
_MARK: Final = re.compile(r"request=GetResourceById", re.IGNORECASE)
_ENDS: Final = re.compile(r"[\s\"'<>\\]")
_LONG: Final = 2000  # characters of an address, before and after the mark
_MOST: Final = 6  # resources that are fetched
_LOOKED: Final = 4 * 1024 * 1024  # bytes of a scene that are searched for links


@RULES.annex(
    "core-resource-request",
    3,
    "GetResourceById without ResourceId or OutputFormat is MissingParameterValue, locator its name",
    "both are mandatory here, other than in OWS Common",
)
async def _(server: Server) -> None:
    require(await server.offer(), NAME)
    for missing, given in (
        ("resourceId", {"outputFormat": "image/png"}),
        ("outputFormat", {"resourceId": _UNKNOWN}),
    ):
        reply = await server.ask(NAME, given)
        reply.must_fail("MissingParameterValue", locator=missing)


@RULES.annex(
    "core-resource-unknown",
    3,
    "a resource that there is not is an exception, and so are tricks with paths",
    "an id is a name in the service, not a file",
)
async def _(server: Server) -> None:
    require(await server.offer(), NAME)
    for name in (
        _UNKNOWN,
        "../../../etc/hostname",
        "..%2f..%2fetc%2fhostname",
        "file:///etc/passwd",
    ):
        reply = await server.ask(NAME, {"resourceId": name, "outputFormat": "text/plain"})
        reply.must_fail()


@RULES.annex(
    "core-resource-response",
    4,
    "resources that scenes refer to are documents of the MIME type that was asked for",
    "a scene without its textures and tiles is none",
)
async def _(server: Server) -> None:
    require(await server.offer(), NAME)
    for url in await _links(server):
        reply = (await server.send("GET", url)).must_be_good()
        wanted = _format(url)
        kind = wanted.partition(";")[0].strip().lower()
        expect(reply.kind == kind, f"asked for {wanted}, got {reply.media!r}; {reply}")
        expect(reply.body != b"", f"the resource is empty; {reply}")
        if kind in READERS:
            read_scene(reply.body, kind)
        elif kind.startswith("image/"):
            picture(reply.body, kind)


@RULES.annex(
    "core-resource-format",
    4,
    "a resource in another MIME type than it has is an exception, or of that type",
    "the format shall be used for validation (8.5.3)",
)
async def _(server: Server) -> None:
    require(await server.offer(), NAME)
    url = (await _links(server))[0]
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    lower = {name.lower(): value for name, value in query.items()}
    asked = {"resourceId": lower.get("resourceid", ""), "outputFormat": "text/conformance"}
    reply = await server.ask(NAME, asked)
    expect(not reply.good or reply.kind == "text/conformance", f"it was answered: {reply}")


def _format(url: str) -> str:
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    found = {name.lower(): value for name, value in query}
    return found.get("outputformat", "").replace(" ", "+")  # a raw + in a query reads as a blank


async def _links(server: Server) -> list[str]:
    """Return addresses of resources that occur in scenes and in the metadata document."""
    return await server.once("resources", lambda: _found(server))


async def _found(server: Server) -> list[str]:
    replies = [await server.capabilities()]
    offer = await server.offer()
    if "GetScene" in offer.operations:
        for layer in offer.layers[:2]:
            replies += await _scenes(server, layer.id)
    links: dict[str, None] = {}
    for reply in replies:
        text = reply.body[:_LOOKED].decode("utf-8", "replace")
        for found in _addresses(text):
            url = urljoin(server.url, html.unescape(found))
            if urlsplit(url).netloc == urlsplit(server.url).netloc and _format(url):
                links.setdefault(url)
    if not links:
        raise Skipped("no answer refers to a resource that GetResourceById has")
    return list(links)[:_MOST]


def _addresses(text: str) -> Iterator[str]:
    """Yield what stands around each mark up to a quote, a bracket or a blank."""
    for mark in _MARK.finditer(text):
        before = _ENDS.split(text[max(0, mark.start() - _LONG) : mark.start()])[-1]
        after = _ENDS.split(text[mark.start() : mark.start() + _LONG], maxsplit=1)[0]
        yield before + after


async def _scenes(server: Server, name: str) -> list[Reply]:
    offer = await server.offer()
    layer = next(one for one in offer.layers if one.id == name)
    replies = []
    for media in layer.formats:
        good = await server.scene(layer, media)
        replies.append(await server.ask("GetScene", good))
        if layer.options:
            options = {"deliveryOptions": layer.options[0]}
            replies.append(await server.ask("GetScene", {**good, **options}))
    return replies
