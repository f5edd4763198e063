"""The server under test, as a client sees it: what it offers, and requests built from that."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from gotapi_core.conformance.model import Failed, Skipped
from gotapi_portrayal.conformance.camera import Camera, camera_over
from gotapi_portrayal.conformance.http import Transport
from gotapi_portrayal.conformance.offer import (
    ImageLayer,
    LayerOffer,
    Offer,
    any_layer,
    read_offer,
    require,
)
from gotapi_portrayal.conformance.reply import Reply
from gotapi_portrayal.conformance.xmlread import XLINK

T = TypeVar("T")

SIZE: Final = (96, 64)  # of pictures: large enough to see objects, small enough for anybody
_SAFE: Final = ",:/"
_NAMESPACES: Final = " ".join(
    f'xmlns:{name}="http://www.opengis.net/3dps/1.0/{name}"'
    for name in ("core", "scene", "view", "info")
)


class Server:
    """One server; what several checks need is asked for once, failures too."""

    def __init__(self, url: str, transport: Transport) -> None:
        self.url = url
        self._transport = transport
        self._once: dict[str, asyncio.Task[Any]] = {}

    async def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Reply:
        """Send one request as it is."""
        return await self._transport.send(method, url, headers or {}, body)

    async def once(self, name: str, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what a coroutine returned when it was first asked for."""
        if name not in self._once:
            self._once[name] = asyncio.ensure_future(make())
        result: T = await asyncio.shield(self._once[name])
        return result

    def at(self, pairs: Iterable[tuple[str, str]], url: str = "") -> str:
        """Return the address of a request in KVP; values are percent-encoded but for `,:/`."""
        query = "&".join(f"{name}={quote(value, safe=_SAFE)}" for name, value in pairs)
        return join(url or self.url, query)

    async def get(self, **parameters: str) -> Reply:
        """Ask GetCapabilities or another operation of the service by KVP, as given."""
        return await self.send("GET", self.at(parameters.items()))

    async def capabilities(self, **parameters: str) -> Reply:
        """Ask for the metadata document, with further parameters."""
        return await self.get(service="3DPS", request="GetCapabilities", **parameters)

    async def offer(self) -> Offer:
        """Return what the server offers; raises Skipped where that cannot be read."""
        try:
            return await self.once("offer", self._offer)
        except Failed as error:
            raise Skipped(f"GetCapabilities could not be used: {error}") from None

    async def _offer(self) -> Offer:
        reply = await self.capabilities()
        return read_offer(reply.must_be_good().xml())

    async def layer(self) -> LayerOffer:
        """Return a layer to try things with."""
        return any_layer(await self.offer())

    async def ask(self, operation: str, parameters: Mapping[str, str | None]) -> Reply:
        """Ask an operation by KVP at the address it announces; None leaves a parameter out."""
        return await self.send("GET", await self.address(operation, parameters))

    async def address(self, operation: str, parameters: Mapping[str, str | None]) -> str:
        """Return the address of a request; portrayals are written as they are given."""
        found = require(await self.offer(), operation)
        fixed = {"service": "3DPS", "version": "1.0", "request": operation}
        words = []
        for name, value in {**fixed, **parameters}.items():
            if value is not None:
                raw = name.lower() == "portrayals"
                words.append(f"{name}={value if raw else quote(value, safe=_SAFE)}")
        return join(self._near(found.get), "&".join(words))

    async def post(self, operation: str, document: str, where: str = "") -> Reply:
        """Send an operation as XML to the address it announces; Skipped where it has none."""
        url = where or require(await self.offer(), operation).post
        if not url:
            raise Skipped(f"{operation} does not announce HTTP POST")
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()
        return await self.send("POST", self._near(url), {"Content-Type": "text/xml"}, body)

    def _near(self, url: str) -> str:
        """Return an announced address where it is that of the server that was to be checked."""
        same = urlsplit(url).netloc == urlsplit(self.url).netloc
        return url if url and same else self.url

    async def scene(self, layer: LayerOffer, format_: str) -> dict[str, str | None]:
        """Return the parameters of a GetScene for all of a layer."""
        require(await self.offer(), "GetScene")
        return {"crs": layer.ground().crs, "layers": layer.id, "format": format_}

    async def camera(self, layer: LayerOffer | None = None, *, turn: bool = False) -> Camera:
        """Return a camera that has all of a layer in the picture."""
        return camera_over((layer or await self.layer()).ground(), turn)

    async def view(
        self,
        image: ImageLayer | str = "COLOR",
        format_: str = "",
        *,
        layer: LayerOffer | None = None,
        projection: str = "",
        size: tuple[int, int] = SIZE,
    ) -> dict[str, str | None]:
        """Return the parameters of a GetView of one image layer."""
        offer = await self.offer()
        require(offer, "GetView")
        chosen = offer.image(image) if isinstance(image, str) else image
        over = layer or await self.layer()
        lens = projection or camera_over(over.ground()).perspective()
        portrayal = portrayed(
            [(chosen.id, format_ or (*chosen.formats, "image/png")[0])], lens, size
        )
        return {"crs": over.ground().crs, "layers": over.id, "portrayals": portrayal}

    async def portrayal(self, over: LayerOffer | None = None) -> tuple[str, dict[str, str | None]]:
        """Return a portrayal operation of the server, and the parameters of a good request."""
        offer = await self.offer()
        layer = over or await self.layer()
        if "GetScene" in offer.operations and layer.formats:
            return "GetScene", await self.scene(layer, layer.formats[0])
        if "GetView" in offer.operations:
            return "GetView", await self.view(layer=layer)
        raise Skipped("the server has neither GetScene nor GetView")


def portrayed(
    images: Iterable[tuple[str, str]], projection: str, size: tuple[int, int], more: str = ""
) -> str:
    """Return one portrayal by the grammar of 10.7.1; MIME types are encoded, as it demands."""
    pairs = list(images)
    layers = ",".join(quote(image, safe="") for image, _ in pairs)
    formats = ",".join(quote(media, safe="") for _, media in pairs)
    return (
        f"WIDTH={size[0]};HEIGHT={size[1]};PROJECTION={projection};IMAGELAYERS={layers};"
        f"FORMATS={formats}{more}"
    )


def join(url: str, query: str) -> str:
    """Return an address with a query; announced ones may end with `?` or `&`."""
    sign = "&" if "?" in url else "?"
    return f"{url}{'' if url.endswith(('?', '&')) else sign}{query}"


def document(name: str, inner: str, prefix: str = "core", **attributes: str) -> str:
    """Return a request in XML; components are in the namespace core unless they say otherwise."""
    given = {"service": "3DPS"} | attributes
    words = " ".join(f'{key}="{value}"' for key, value in given.items())
    ows = f'xmlns:ows="http://www.opengis.net/ows/2.0" xmlns:xlink="{XLINK}"'
    return f"<{prefix}:{name} {_NAMESPACES} {ows} {words}>{inner}</{prefix}:{name}>"
