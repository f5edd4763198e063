"""The plug-in: OGC's 3D Portrayal Service at `/3dps`, and profile `3dps` over its layers."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from math import isfinite
from urllib.parse import quote
from uuid import uuid4

import msgspec

from gotapi_core.plugin import (
    Call,
    Context,
    Durable,
    Plugin,
    Service,
    SurfaceReply,
    SurfaceRequest,
    delete,
    event,
    get,
    post,
    surface,
)
from gotapi_core.protocol.errors import (
    GotapiError,
    IllegalServerState,
    InvalidParameter,
    UnknownService,
)
from gotapi_portrayal.answers import Answer
from gotapi_portrayal.data.store import FILE_NAME
from gotapi_portrayal.data.types import Layer, SceneError, Triple
from gotapi_portrayal.lending import LENT, Lender, Wanted
from gotapi_portrayal.model import (
    CapabilitiesParams,
    DocumentResult,
    FeatureInfoParams,
    LayerEntry,
    LayerParams,
    LayerResult,
    LayersResult,
    PortrayalSettings,
    SceneParams,
    TakeParams,
    ViewParams,
)
from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.errors import Code, OwsError
from gotapi_portrayal.request.fields import Fields
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.request.types import GetView
from gotapi_portrayal.service import PortrayalService
from gotapi_portrayal.surface import EDITION, PATH, SCOPE, PortrayalSurface

LOOK = 1.0  # seconds between looks whether another process changed a layer; one takes 0.1 ms
CALM = 1.0  # seconds between two pictures of a view that changes all the time, at least
WHOLE = "3dps"
"""The service that stands for all layers, also where there is none; no layer can be named so."""
_ANSWER = "answer-"  # how the names of files begin that live for one request


class PortrayalPlugin(Plugin):
    """City models, terrain and models as scenes, by OGC 3DPS 1.0."""

    id = "portrayal"
    name = "3D scenes"
    version = EDITION
    _stopped = False

    async def start(self, context: Context) -> None:
        await super().start(context)
        settings: PortrayalSettings = context.settings
        for left in context.folder.glob(f"{_ANSWER}*"):
            left.unlink()
        folder = settings.folder(context.folder)
        self.service = PortrayalService(folder, settings.service())
        self._lender = Lender(
            context.collection(LENT), context.folder, folder / FILE_NAME,
            self.service, time.time,
        )  # fmt: skip
        await self._lender.load()
        self._surface = PortrayalSurface(self.service)
        self._sequence, self._layers = await asyncio.to_thread(self.service.glance.layers)
        self._changed = asyncio.Condition()
        context.spawn(self._watch())

    async def stop(self) -> None:
        self._stopped = True
        if hasattr(self, "service"):
            await asyncio.to_thread(self.service.close)

    def services(self) -> Sequence[Service]:
        settings: PortrayalSettings = self.context.settings
        found = ((WHOLE, settings.title), *((one.name, one.title) for one in self._layers))
        return [
            Service(id=name, name=title or name, type=SCOPE, scopes=(SCOPE,))
            for name, title in found
        ]

    @surface(PATH, scope=SCOPE)
    async def portrayal(self, request: SurfaceRequest) -> SurfaceReply:
        """Answer as a 3D Portrayal Service; public layers need no token."""
        return await self._surface.answer(request)

    @get("3dps", "layers")
    async def layers(self, call: Call) -> LayersResult:
        """List the layers, and where the 3D Portrayal Service is."""
        self._layer(call)
        return self._listed(call.base_url + PATH)

    @event("3dps", "layers")
    async def layer_events(self, call: Call) -> AsyncIterator[Durable[LayersResult]]:
        """Tell whenever a layer came, went or changed."""
        seen = self._sequence
        while True:
            async with self._changed:
                while self._sequence == seen:
                    await self._changed.wait()
                seen = self._sequence
            yield Durable(self._listed(""))

    @post("3dps", "layer")
    async def add_layer(self, call: Call, params: LayerParams) -> LayerResult:
        """Show a model of the application as a layer, for a while; in place of an earlier one."""
        self._layer(call)
        file = await self.context.blobs.open(params.uri, application=call.application)
        wanted = Wanted(
            params.layer, params.title, params.parent, params.crs, _place(params.at), params.scale,
            params.lifetime,
        )  # fmt: skip
        layer = await self._lender.put(call.application, wanted, file)
        await self._look()
        return LayerResult(layer=_entry(layer))

    @delete("3dps", "layer")
    async def take_layer(self, call: Call, params: TakeParams) -> None:
        """Take a layer out that the application has put in."""
        self._layer(call)
        await self._lender.take(call.application, params.layer)
        await self._look()

    @get("3dps", "capabilities")
    async def capabilities(self, call: Call, params: CapabilitiesParams) -> DocumentResult:
        """Give the metadata document of the 3D Portrayal Service, all layers included."""
        self._layer(call)
        return await self._document(call, "GetCapabilities", params, None)

    @get("3dps", "scene")
    async def scene(self, call: Call, params: SceneParams) -> DocumentResult:
        """Give a scene of one or more layers as a file (GetScene)."""
        return await self._document(call, "GetScene", params, self._layer(call))

    @get("3dps", "view")
    async def view(self, call: Call, params: ViewParams) -> DocumentResult:
        """Give pictures of one or more layers as a file (GetView)."""
        return await self._document(call, "GetView", params, self._layer(call))

    @event("3dps", "view")
    async def view_events(self, call: Call, params: ViewParams) -> AsyncIterator[DocumentResult]:
        """Give pictures now, and again whenever a layer in them came or changed."""
        query = query_of("GetView", msgspec.to_builtins(params), self._layer(call))
        fields = read_query(query)
        seen, shown = -1, ""
        while True:
            async with self._changed:
                while self._sequence == seen:
                    await self._changed.wait()
                seen = self._sequence
            tag = await self._tag(fields)
            if tag and tag != shown:
                yield await self._published(call, "GetView", await self._answer(fields, ""))
                shown = tag
                await asyncio.sleep(CALM)

    @get("3dps", "featureInfo")
    async def feature_info(self, call: Call, params: FeatureInfoParams) -> DocumentResult:
        """Give attributes of features: by object id, by position or by a ray (GetFeatureInfo)."""
        kind = "ObjectId" if params.object_id else "Ray" if params.image_position else "Position"
        name = f"GetFeatureInfoBy{kind}"
        return await self._document(call, name, params, self._layer(call))

    def _layer(self, call: Call) -> str:
        """Return the layer that a call is for, "" for all of them."""
        if call.service_id == WHOLE:
            return ""
        if call.service_id not in {layer.name for layer in self._layers}:
            raise UnknownService
        return call.service_id

    def _listed(self, url: str) -> LayersResult:
        entries = tuple(_entry(layer) for layer in self._layers)
        return LayersResult(url=url, update_sequence=self._sequence, layers=entries)

    async def _document(
        self, call: Call, operation: str, params: msgspec.Struct, layer: str | None
    ) -> DocumentResult:
        query = query_of(operation, msgspec.to_builtins(params), layer)
        found = await self._answer(read_query(query), call.base_url + PATH)
        return await self._published(call, operation, found)

    async def _tag(self, fields: Fields) -> str:
        """Return what changes with the layers of a view, "" as long as one of them is not there."""
        try:
            shelf = await asyncio.to_thread(self.service.shelf, private=True)
            request = read_fields(fields)
            assert isinstance(request, GetView)
            selection = await asyncio.to_thread(self.service.select, shelf, request)
        except OwsError as error:
            if error.code is Code.UNKNOWN_LAYER:
                return ""
            raise _told(error) from error
        return await self.service.views().etag(request, selection)

    async def _published(self, call: Call, operation: str, found: Answer) -> DocumentResult:
        media = found.media.removesuffix("; charset=utf-8")
        path = self.context.folder / f"{_ANSWER}{uuid4().hex}"
        try:
            await asyncio.to_thread(path.write_bytes, found.body)
            uri = await self.context.blobs.publish(
                path, operation, media, call.application, base_url=call.base_url
            )
        finally:
            path.unlink(missing_ok=True)
        return DocumentResult(uri=uri, mime_type=media, size=len(found.body))

    async def _answer(self, fields: Fields, url: str) -> Answer:
        """Answer as the surface does, with all layers; raises errors of GotAPI."""
        try:
            request = read_fields(fields)
            shelf = await asyncio.to_thread(self.service.shelf, private=True)
            if isinstance(request, GetView):
                selection = await asyncio.to_thread(self.service.select, shelf, request)
                drawn = await self.service.views().view(request, selection)
                return Answer(drawn.body, drawn.content_type)
            answer = partial(self.service.answer, private=True, shelf=shelf)
            return await asyncio.to_thread(answer, request, url)
        except OwsError as error:
            raise _told(error) from error

    async def _watch(self) -> None:
        """Notice what `gotapi scenes` and other plug-ins do to the store."""
        while not self._stopped:
            await asyncio.sleep(LOOK)
            try:
                await self._lender.expire()
                await self._look()
            except (
                SceneError,
                IllegalServerState,
                sqlite3.Error,
                OSError,
            ) as error:  # written just now, or damaged
                self.context.log.warning("the scenes cannot be looked at: %s", error)

    async def _look(self) -> None:
        if await asyncio.to_thread(self.service.glance.sequence) == self._sequence:
            return
        found = await asyncio.to_thread(self.service.glance.layers)
        async with self._changed:
            self._sequence, self._layers = found
            self._changed.notify_all()
        self.context.services_changed()


def _told(error: OwsError) -> GotapiError:
    """Return an exception of OWS as one of GotAPI."""
    kind = IllegalServerState if error.status >= 500 else InvalidParameter
    return kind(f"{error.code.value}: {error.text}")


def query_of(operation: str, params: Mapping[str, str], layer: str | None) -> bytes:
    """Return the KVP of parameters by their names; commas stay, they separate lists.

    Without `layers` it is for `layer`, of which "" stands for all, and None for an operation
    that has none.
    """
    given = {name: value for name, value in params.items() if value}
    if layer is not None:
        given.setdefault("layers", layer)
    pairs = {"service": "3DPS", "version": "1.0", "request": operation} | given
    return "&".join(f"{name}={quote(value, safe=',')}" for name, value in pairs.items()).encode()


def _place(text: str) -> Triple | None:
    if not text:
        return None
    try:
        east, north, height = map(float, text.split(","))
    except ValueError:
        raise InvalidParameter(f"at: '{text[:80]}' is no east, north, height") from None
    if not (isfinite(east) and isfinite(north) and isfinite(height)):
        raise InvalidParameter(f"at: '{text[:80]}' has a number without end")
    return east, north, height


def _entry(layer: Layer) -> LayerEntry:
    return LayerEntry(
        service_id=layer.name,
        title=layer.title,
        kind=layer.kind,
        crs=layer.crs.name,
        lower_corner=layer.box.low,
        upper_corner=layer.box.high,
        features=layer.features,
        triangles=layer.triangles,
        version=layer.version,
        lods=layer.lods,
        public=layer.public,
    )
