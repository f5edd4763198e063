"""The hub: plug-ins, consent and listeners put together, without a socket.

Everything is handed in: store, clock, settings and loaded plug-ins. Two hubs live side by side in
one process (tests do it).
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gotapi_auth.server import Access, AuthServer, AuthSettings
from gotapi_core.blobs import BlobStore
from gotapi_core.collection import StoredCollection
from gotapi_core.host.loader import Loaded
from gotapi_core.host.port_inprocess import InProcessPort
from gotapi_core.host.registry import Registry, public_service
from gotapi_core.host.supervisor import Supervisor
from gotapi_core.listeners import Listeners
from gotapi_core.paths import Paths
from gotapi_core.plugin.context import Call, Context
from gotapi_core.protocol.errors import GotapiError, OutOfScope
from gotapi_core.protocol.messages import Service
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.routes import Kind, Route
from gotapi_core.protocol.subscriptions import Stream
from gotapi_core.settings import Settings, SettingsError, convert_plugin_settings
from gotapi_core.store import Documents, Store

log = logging.getLogger(__name__)

BASE_SCOPES = frozenset({"servicediscovery", "serviceinformation", "system"})


@dataclass(frozen=True, slots=True)
class Ask:
    """An application's request to a plug-in, after its token was checked."""

    method: Method
    name: Name
    service_id: str
    params: Mapping[str, object]
    base_url: str = ""


class Hub:
    """One running hub; `start` before use, `stop` after."""

    def __init__(
        self,
        *,
        settings: Settings,
        paths: Paths,
        store: Store,
        clock: Callable[[], float],
        plugins: Sequence[Loaded],
    ) -> None:
        self.settings = settings
        self.paths = paths
        self.store = store
        self.instance = secrets.token_hex(8)
        self.blobs = BlobStore(store, paths.blobs, settings.server.upload_size, clock)
        self.listeners = Listeners(settings.server.linger_time)
        self.registry = Registry()
        self.auth = AuthServer(
            store, clock, self.offered_scopes, AuthSettings(wait=settings.consent.wait)
        )
        self._loaded = {loaded.manifest.id: loaded for loaded in plugins}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Load what is durable, then start every plug-in; a broken one does not stop the hub."""
        await self.auth.load()
        await self.blobs.open()
        for loaded in self._loaded.values():
            self.registry.add(self._supervise(loaded))
        await asyncio.gather(*(self._start(one) for one in self.registry))

    async def stop(self) -> None:
        """End all events and stop every plug-in."""
        await self.listeners.close()
        await asyncio.gather(*(one.stop() for one in self.registry))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.blobs.close()
        await self.auth.close()

    def offered_scopes(self) -> frozenset[str]:
        """Return every scope an application can ask for."""
        return self.registry.profiles() | BASE_SCOPES

    def scope_words(self) -> dict[str, str]:
        """Return scope -> what it allows, in the words its plug-in has for the user."""
        words = {
            "servicediscovery": "see which services there are",
            "serviceinformation": "see what a service can do",
            "system": "see which plug-ins the hub has",
        }
        for loaded in self._loaded.values():
            words.update(loaded.profiles)
        return words

    def meant_scope(self, scope: str) -> str:
        """Return the profile that a scope name stands for (`3dprinter` means `3dp`)."""
        for loaded in self._loaded.values():
            if scope.lower() in loaded.manifest.aliases:
                return loaded.manifest.aliases[scope.lower()]
        return scope

    async def discover(self, access: Access) -> list[Service]:
        """Return the services that an application's scopes reach."""
        found = await self.registry.discover()
        scopes = access.scopes
        return [service for _, service in found if not scopes.isdisjoint(service.scopes)]

    async def information(self, access: Access, service_id: str) -> tuple[Service, list[Route]]:
        """Return a service and the routes that it answers."""
        supervisor, service = await self.registry.locate(service_id)
        if access.scopes.isdisjoint(service.scopes):
            raise _out_of_scope(access, service.scopes[0] if service.scopes else "(none)")
        routes = supervisor.description.routes if supervisor.ready else ()
        mine = [route for route in routes if route.name.profile in service.scopes]
        return public_service(supervisor.id, service), mine

    async def call(self, access: Access, ask: Ask) -> Mapping[str, object]:
        """Answer a one-shot request, or start or stop listening; raises only GotapiError."""
        try:
            supervisor, service = await self.registry.locate(ask.service_id)
        except GotapiError:
            self.registry.check_name(ask.method, ask.name)  # the more useful error goes first
            _check_scope(access, ask.name.profile)
            raise
        route = self.registry.route(supervisor, ask.method, ask.name, service)
        _check_scope(access, ask.name.profile)
        call = Call(
            service_id=service.id,
            origin=access.origin,
            application=access.application_id,
            base_url=ask.base_url,
        )
        if route.kind is Kind.EVENT:
            return self._listen(access, ask, supervisor, route, call)
        return await supervisor.call(route, call, ask.params)

    def _listen(
        self, access: Access, ask: Ask, supervisor: Supervisor, route: Route, call: Call
    ) -> Mapping[str, object]:
        stream = Stream(ask.service_id, route.name, "")
        if ask.method is Method.DELETE:
            self.listeners.unlisten(access.application_id, stream)
        else:
            self.listeners.listen(
                access.application_id, stream, supervisor, route, call, ask.params
            )
        return {}

    def _supervise(self, loaded: Loaded) -> Supervisor:
        port = InProcessPort(loaded.plugin_type) if loaded.plugin_type is not None else None
        supervisor = Supervisor(loaded.manifest, port, self.settings.limits, self._on_state)
        if loaded.reason:
            supervisor.fail(loaded.reason, loaded.detail)
        return supervisor

    async def _start(self, supervisor: Supervisor) -> None:
        loaded = self._loaded[supervisor.id]
        if loaded.plugin_type is None:
            return
        try:
            context = self._context(loaded)
        except (SettingsError, OSError) as error:
            supervisor.fail(str(error))
            return
        await supervisor.start(context)

    def _context(self, loaded: Loaded) -> Context:
        plugin_id = loaded.manifest.id
        folder = self.paths.plugin(plugin_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        documents = Documents(self.store, f"plugin:{plugin_id}")
        return Context(
            plugin_id=plugin_id,
            settings=convert_plugin_settings(self.settings, plugin_id, loaded.settings_type),
            folder=folder,
            log=logging.getLogger(f"gotapi.plugin.{plugin_id}"),
            blobs=self.blobs.for_plugin(),
            collection=lambda name: StoredCollection(documents, name),
            spawn=self._spawn,
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a background task of a plug-in failed", exc_info=error)

    def _on_state(self, supervisor: Supervisor) -> None:
        health = supervisor.health
        log.info("plug-in %s is %s %s", supervisor.id, health.state.value, health.reason)
        for loaded in self._loaded.values():
            _tell(loaded, supervisor.id, health.state.value, health.reason)


def _tell(loaded: Loaded, plugin_id: str, state: str, reason: str) -> None:
    if loaded.hooks is None:
        return
    try:
        loaded.hooks.gotapi_on_state(plugin_id=plugin_id, state=state, reason=reason)
    except Exception:  # the boundary: one raising hook must not stop the others
        log.exception("gotapi_on_state of plug-in %s raised", loaded.manifest.id)


def _check_scope(access: Access, profile: str) -> None:
    if profile not in access.scopes:
        raise _out_of_scope(access, profile)


def _out_of_scope(access: Access, profile: str) -> OutOfScope:
    granted = ", ".join(sorted(access.scopes)) or "nothing"
    return OutOfScope(
        f"The access token covers {granted}, not '{profile}'; ask for that scope at "
        "authorization/accesstoken"
    )
