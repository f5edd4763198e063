"""The plug-in: surface `/3dcapi` and profile `3dcapi`, over the creation services the hub knows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gotapi_core.plugin import Context, Plugin, Service
from gotapi_creation.book import Book
from gotapi_creation.desk import CreationDesk
from gotapi_creation.embedded_service import EmbeddedDesk
from gotapi_creation.guides import GUIDES, Guides
from gotapi_creation.jobs import Works
from gotapi_creation.model import PLUGIN, VERSION, CreationSettings
from gotapi_creation.redact import quiet
from gotapi_creation.registry import Registration, Registry, of_settings, unique_id
from gotapi_creation.routes_profile import ProfileRoutes
from gotapi_creation.routes_surface import SurfaceRoutes
from gotapi_creation.services import Known, Services
from gotapi_creation.showing import Showing

if TYPE_CHECKING:
    import httpx2


class CreationPlugin(SurfaceRoutes, ProfileRoutes, Plugin):
    """Makes models of drawings, by the embedded creation service or by others."""

    id = PLUGIN
    name = "3D contents creation"
    version = VERSION

    async def start(self, context: Context) -> None:
        await super().start(context)
        settings: CreationSettings = context.settings
        quiet()
        self._http: httpx2.AsyncClient | None = None
        self._registry = Registry(context.folder)
        self._fixed = of_settings(settings.services)
        self._embedded: EmbeddedDesk | None = None
        if settings.embedded:
            self._embedded = EmbeddedDesk(context.folder / "embedded", settings.engines)
        self.book = Book(context.collection, context.folder, time.time)
        await self.book.load()
        self.known_services = Services(
            self.registrations,
            self._client,
            settings.call_time,
            time.monotonic,
            self._embedded.ready if self._embedded is not None else None,
        )
        self.works = Works(self.book, self.known_services.reach, settings)
        self.guides = Guides(context.cache(GUIDES), self.known_services, time.monotonic)
        self.desk = CreationDesk(
            self.book,
            self.known_services,
            self.works,
            settings,
            context.blobs,
            context.others,
            self.guides,
        )
        self._showing = Showing(self.book, context.blobs, context.others, settings.keep_results)
        context.spawn(self._showing.run())
        self.works.resume()

    async def stop(self) -> None:
        if hasattr(self, "_showing"):
            self._showing.stop()
        if hasattr(self, "works"):
            await self.works.stop()
        if hasattr(self, "guides"):
            await self.guides.stop()
        if getattr(self, "_embedded", None) is not None:
            assert self._embedded is not None
            await self._embedded.stop()
        if getattr(self, "_http", None) is not None:
            assert self._http is not None
            await self._http.aclose()

    async def services(self) -> Sequence[Service]:
        return [_service(one) for one in await self.known_services.all()]

    def registrations(self) -> Sequence[Registration]:
        """Return all services: the embedded one, those of the settings, the operator's."""
        found = list(self._fixed)
        if self._embedded is not None:
            found.insert(0, self._embedded.registration())
        for one in self._registry.load():
            taken = {other.id for other in found}
            own = unique_id(one.id, taken) if one.id in taken else one.id
            found.append(Registration(own, one.url, one.name, one.key))
        return found

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            settings: CreationSettings = self.context.settings
            self._http = self.context.http.client(timeout=settings.call_time)
        return self._http


def _service(known: Known) -> Service:
    entry = known.entry
    return Service(
        id=known.id,
        name=known.registration.name or entry.name,
        online=entry.online,
        type=entry.type,
        scopes=("3dcapi", "3dmodeling"),
        manufacturer=entry.provider,
        version=entry.version,
        reason="" if entry.online else "it does not answer",
    )
