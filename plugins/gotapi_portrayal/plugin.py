"""The plug-in: OGC's 3D Portrayal Service at `/3dps`, and profile `3dps` over its layers."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
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
    event,
    get,
    surface,
)
from gotapi_core.protocol.errors import IllegalServerState, InvalidParameter, UnknownService
from gotapi_portrayal.answers import Answer
from gotapi_portrayal.data.types import Layer, SceneError
from gotapi_portrayal.model import (
    CapabilitiesParams,
    DocumentResult,
    FeatureInfoParams,
    LayerEntry,
    LayersResult,
    PortrayalSettings,
    SceneParams,
    ViewParams,
)
from gotapi_portrayal.request.core import read_fields
from gotapi_portrayal.request.errors import OwsError
from gotapi_portrayal.request.fields import Fields
from gotapi_portrayal.request.kvp import read_query
from gotapi_portrayal.request.types import GetView
from gotapi_portrayal.service import PortrayalService
from gotapi_portrayal.surface import EDITION, PATH, SCOPE, PortrayalSurface

LOOK = 1.0  # seconds between looks whether another process changed a layer; one takes 0.1 ms
_ANSWER = "answer-"  # how the names of files begin that live for one request


class PortrayalPlugin(Plugin):
    """City models, terrain and models as scenes, by OGC 3DPS 1.0."""

    id = "portrayal"
    name = "3D scenes"
    version = EDITION

    async def start(self, context: Context) -> None:
        await super().start(context)
        settings: PortrayalSettings = context.settings
        for left in context.folder.glob(f"{_ANSWER}*"):
            left.unlink()
        self.service = PortrayalService(settings.folder(context.folder), settings.service())
        self._surface = PortrayalSurface(self.service)
        self._sequence, self._layers = await asyncio.to_thread(self.service.glance.layers)
        self._changed = asyncio.Condition()
        context.spawn(self._watch())

    async def stop(self) -> None:
        if hasattr(self, "service"):
            await asyncio.to_thread(self.service.close)

    def services(self) -> Sequence[Service]:
        return [
            Service(id=one.name, name=one.title or one.name, type=SCOPE, scopes=(SCOPE,))
            for one in self._layers
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

    @get("3dps", "capabilities")
    async def capabilities(self, call: Call, params: CapabilitiesParams) -> DocumentResult:
        """Give the metadata document of the 3D Portrayal Service, all layers included."""
        self._layer(call)
        return await self._document(call, "GetCapabilities", params, "")

    @get("3dps", "scene")
    async def scene(self, call: Call, params: SceneParams) -> DocumentResult:
        """Give a scene of one or more layers as a file (GetScene)."""
        return await self._document(call, "GetScene", params, self._layer(call))

    @get("3dps", "view")
    async def view(self, call: Call, params: ViewParams) -> DocumentResult:
        """Give pictures of one or more layers as a file (GetView)."""
        return await self._document(call, "GetView", params, self._layer(call))

    @get("3dps", "featureInfo")
    async def feature_info(self, call: Call, params: FeatureInfoParams) -> DocumentResult:
        """Give attributes of features: by object id, by position or by a ray (GetFeatureInfo)."""
        kind = "ObjectId" if params.object_id else "Ray" if params.image_position else "Position"
        name = f"GetFeatureInfoBy{kind}"
        return await self._document(call, name, params, self._layer(call))

    def _layer(self, call: Call) -> str:
        if call.service_id not in {layer.name for layer in self._layers}:
            raise UnknownService
        return call.service_id

    def _listed(self, url: str) -> LayersResult:
        entries = tuple(_entry(layer) for layer in self._layers)
        return LayersResult(url=url, update_sequence=self._sequence, layers=entries)

    async def _document(
        self, call: Call, operation: str, params: msgspec.Struct, layer: str
    ) -> DocumentResult:
        query = query_of(operation, msgspec.to_builtins(params), layer)
        found = await self._answer(read_query(query), call.base_url + PATH)
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
            kind = IllegalServerState if error.status >= 500 else InvalidParameter
            raise kind(f"{error.code.value}: {error.text}") from error

    async def _watch(self) -> None:
        """Notice what `gotapi scenes` and other plug-ins do to the store."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self._look()
            except (SceneError, sqlite3.Error, OSError) as error:  # written just now, or damaged
                self.context.log.warning("the scenes cannot be looked at: %s", error)

    async def _look(self) -> None:
        if await asyncio.to_thread(self.service.glance.sequence) == self._sequence:
            return
        found = await asyncio.to_thread(self.service.glance.layers)
        async with self._changed:
            self._sequence, self._layers = found
            self._changed.notify_all()
        self.context.services_changed()


def query_of(operation: str, params: Mapping[str, str], layer: str) -> bytes:
    """Return the KVP of parameters by their names; commas stay, they separate lists."""
    given = {name: value for name, value in params.items() if value}
    if layer:
        given.setdefault("layers", layer)
    pairs = {"service": "3DPS", "version": "1.0", "request": operation} | given
    return "&".join(f"{name}={quote(value, safe=',')}" for name, value in pairs.items()).encode()


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
