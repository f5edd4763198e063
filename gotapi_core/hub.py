"""The hub: plug-ins, consent and listeners put together, without a socket.

Everything is handed in: store, clock, settings and loaded plug-ins. Two hubs live side by side in
one process (tests do it).
"""

import asyncio
import logging
import secrets
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from gotapi_auth.failures import UnknownRequestError
from gotapi_auth.grants import Lifetime
from gotapi_auth.server import (
    Access,
    AuthEvent,
    AuthServer,
    AuthSettings,
    Changed,
    PendingRequest,
    RequestAdded,
    Revoked,
)
from gotapi_core.approvals import Approvals
from gotapi_core.blobs import BlobStore
from gotapi_core.changes import ServiceChanges
from gotapi_core.collection import StoredCollection
from gotapi_core.host.described import wire_params
from gotapi_core.host.loader import Loaded, settle_ids
from gotapi_core.host.ports import clear_spool, has_own_process, make_port
from gotapi_core.host.registry import Registry, public_service
from gotapi_core.host.supervisor import Supervisor
from gotapi_core.host.threads import call_soon
from gotapi_core.listeners import Listeners
from gotapi_core.others import HubOthers
from gotapi_core.paths import Paths
from gotapi_core.plugin.context import Call, Context
from gotapi_core.plugin_desk import PluginDesk
from gotapi_core.plugin_logs import PluginLogs
from gotapi_core.plugin_settings.laid import Laid
from gotapi_core.protocol.errors import GotapiError, OutOfScope
from gotapi_core.protocol.messages import Service
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.routes import Kind, Route
from gotapi_core.protocol.subscriptions import Stream
from gotapi_core.settings import Settings, SettingsError, convert_plugin_settings
from gotapi_core.socket_plugins import SocketPlugins
from gotapi_core.start_marker import StartMarker
from gotapi_core.store import Documents, Store

log = logging.getLogger(__name__)

BASE_SCOPES = frozenset({"servicediscovery", "serviceinformation", "system"})
SETTLE_TIME = 10.0  # seconds after which a start with plug-ins counts as complete
END_TIME = 5.0  # seconds that the plug-ins' background tasks get when the hub stops


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
        safe_mode: str = "",
        laid: Laid | None = None,
    ) -> None:
        """Put a hub together; `safe_mode` says why only its own plug-ins shall start.

        `laid` says what of the settings is not from the file of `paths`; without it all of the
        plug-ins' are.
        """
        self.settings = settings
        self.laid = laid or Laid(sections=settings.plugins, by="the program that runs the hub")
        self.paths = paths
        self.store = store
        self.clock = clock
        self.instance = secrets.token_hex(8)
        self.blobs = BlobStore(
            store,
            paths.blobs,
            settings.server.upload_size,
            clock,
            quota=settings.server.upload_quota,
            link_secret=paths.data / "links.secret",
            link_time=settings.server.link_time,
        )
        self.listeners = Listeners(settings.server.linger_time)
        self.registry = Registry(adopt=self._adopt)
        self.auth = AuthServer(
            store, clock, self.offered_scopes, AuthSettings(wait=settings.consent.wait)
        )
        self.changes = ServiceChanges(self._all_services, self._scopes_of)
        self._plugins = plugins
        self._loaded = settle_ids(plugins)
        self.approvals = Approvals(store, clock)
        self.desk = PluginDesk(
            self.approvals, self.registry, settings.plugin_host, self._start, safe_mode
        )
        self._marker = StartMarker(paths.data)
        self._settled: asyncio.TimerHandle | None = None
        self.socket_plugins = SocketPlugins(
            store,
            self.registry,
            settings.limits,
            paths.data,
            clock,
            self._context,
            self._on_state,
        )
        self.logs = PluginLogs()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Load what is durable, then start every plug-in; a broken one does not stop the hub."""
        logging.getLogger().addHandler(self.logs)
        await self.auth.load()
        await self.approvals.load()
        await self.blobs.open()
        clear_spool(self.paths.data)
        self._loaded = self.desk.plugins = settle_ids(self._plugins, self.desk.prefers)
        for plugin_id in set(self.settings.plugins) - set(self._loaded):
            log.warning("there are settings for a plug-in %r, but no such plug-in", plugin_id)
        for loaded in self._loaded.values():
            self.registry.add(self._supervise(loaded))
        await self.socket_plugins.load()
        self._unsubscribe = self.auth.subscribe(self._hear)
        await self._start_all()

    async def _start_all(self) -> None:
        """Start the plug-ins; a hub that dies of it begins in safe mode the next time."""
        if doubtful := self.desk.doubtful():
            self._marker.write(doubtful)
        try:
            await asyncio.gather(*(self._start(one) for one in self.registry))
        except asyncio.CancelledError:  # stopped in good order
            self._marker.clear()
            raise
        loop = asyncio.get_running_loop()
        self._settled = loop.call_later(SETTLE_TIME, self._marker.clear)

    async def stop(self) -> None:
        """End all events and stop every plug-in."""
        self._unsubscribe()
        if self._settled is not None:
            self._settled.cancel()
        self._marker.clear()
        await self.listeners.close()
        await asyncio.gather(*(one.stop() for one in self.registry))
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=END_TIME)
            for task in late:
                log.error("%s did not end within %g s", task.get_name(), END_TIME)
        await self.blobs.close()
        await self.auth.close()
        logging.getLogger().removeHandler(self.logs)

    def offered_scopes(self) -> frozenset[str]:
        """Return every scope an application can ask for."""
        return self.registry.profiles() | BASE_SCOPES

    def scope_words(self) -> dict[str, str]:
        """Return scope -> what it allows, in the words its plug-in has for the user."""
        words: dict[str, str] = {}
        for loaded in self._loaded.values():
            words.update(loaded.profiles)
        for supervisor in self.registry.ready():
            words.update(supervisor.description.words)
        return words | {
            "servicediscovery": "see which services there are",
            "serviceinformation": "see what a service can do",
            "system": "see which plug-ins the hub has",
        }

    def meant_scope(self, scope: str) -> str:
        """Return the profile that a scope name stands for (`3dprinter` means `3dp`)."""
        if scope.lower() in self.offered_scopes():
            return scope  # no plug-in can make another one's profile mean something else
        for loaded in self._loaded.values():
            if scope.lower() in loaded.manifest.aliases:
                return loaded.manifest.aliases[scope.lower()]
        return scope

    async def discover(self, access: Access) -> list[Service]:
        """Return the services that an application's scopes reach."""
        self.auth.past_use.note(access.application_id, "GET servicediscovery")
        found = await self.registry.discover()
        scopes = access.scopes
        return [service for _, service in found if not scopes.isdisjoint(service.scopes)]

    async def listen_to_changes(self, access: Access, route: Route) -> None:
        """Begin to tell an application which of its services come, go or change."""
        self.auth.past_use.note(access.application_id, f"PUT {route.name.path}")
        await self.changes.ready()
        # One stream for each application, as each sees other services.
        stream = Stream("", route.name, access.application_id)
        call = Call(service_id="", origin=access.origin, application=access.application_id)
        self.listeners.listen(access.application_id, stream, self.changes, route, call, {})

    async def information(self, access: Access, service_id: str) -> tuple[Service, list[Route]]:
        """Return a service and the routes that it answers."""
        supervisor, service = await self.registry.locate(service_id)
        if access.scopes.isdisjoint(service.scopes):
            raise _out_of_scope(access, service.scopes[0] if service.scopes else "(none)")
        self.auth.past_use.note(access.application_id, "GET serviceinformation")
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
        self.auth.past_use.note(access.application_id, f"{ask.method} {ask.name.path}")
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
        if ask.method is Method.DELETE:
            self.listeners.unlisten(access.application_id, ask.service_id, route.name)
            return {}
        key = _params_key(route, ask.params)
        if route.socket:  # what has a socket of its own is told to each application by itself
            key += access.application_id
        stream = Stream(ask.service_id, route.name, key)
        self.listeners.listen(access.application_id, stream, supervisor, route, call, ask.params)
        return {}

    def _supervise(self, loaded: Loaded) -> Supervisor:
        port = make_port(loaded, self.settings.plugin_host, self.paths.data)
        supervisor = Supervisor(loaded.manifest, port, self.settings.limits, self._on_state)
        if loaded.reason:
            supervisor.fail(loaded.reason, loaded.detail)
        return supervisor

    def _adopt(self, supervisor: Supervisor) -> None:
        self.desk.watch(supervisor)
        supervisor.tokens.name_of = self._application_name

    def _application_name(self, call: Call) -> str:
        names = (one.name for one in self.auth.applications() if one.id == call.application)
        return next(names, "") or call.origin

    async def _start(self, supervisor: Supervisor) -> None:
        loaded = self._loaded.get(supervisor.id)
        if loaded is not None and loaded.reason:  # it never can run
            return
        if not await self.desk.admit(supervisor):
            return
        loaded = self._loaded.get(supervisor.id)
        if loaded is None:  # it connects by itself
            return
        if loaded.found is not None:
            port = make_port(loaded, self.settings.plugin_host, self.paths.data)
            supervisor.equip(loaded.manifest, port)
        try:
            context = self._context(loaded)
        except (SettingsError, OSError) as error:
            supervisor.fail(str(error))
            return
        except Exception as error:  # the boundary: the settings type is the plug-in's own code
            reason = f"its settings type cannot be used: {type(error).__name__}: {error}"
            supervisor.fail(reason, traceback.format_exc())
            return
        await supervisor.start(context)

    def _context(self, loaded: Loaded) -> Context:
        plugin_id = loaded.manifest.id
        self.logs.know(loaded.manifest)
        loop = asyncio.get_running_loop()
        folder = self.paths.plugin(plugin_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        documents = Documents(self.store, f"plugin:{plugin_id}")
        return Context(
            plugin_id=plugin_id,
            settings=self._plugin_settings(loaded),
            folder=folder,
            log=logging.getLogger(f"gotapi.plugin.{plugin_id}"),
            blobs=self.blobs.for_plugin(plugin_id, folder),
            collection=lambda name: StoredCollection(documents, name),
            spawn=partial(self._spawn, f"a background task of plug-in {plugin_id}"),
            rights=loaded.manifest.rights,
            services_changed=partial(call_soon, loop, self.changes.poke),
            others=HubOthers(self, plugin_id, loaded.manifest.rights.calls, Ask),
        )

    def _plugin_settings(self, loaded: Loaded) -> Any:
        plugin_id = loaded.manifest.id
        if has_own_process(loaded, self.settings.plugin_host):  # which fits them to its type
            return dict(self.settings.plugins.get(plugin_id, {}))
        return convert_plugin_settings(self.settings, plugin_id, loaded.settings_type)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hear(self, event: AuthEvent) -> None:
        if isinstance(event, Revoked):
            for supervisor in self.registry:
                supervisor.tokens.forget_application(event.application_id)
        if isinstance(event, Revoked) and self._lost_access(event):
            self._spawn("the deletion of files", self.blobs.forget(event.application_id))
        if isinstance(event, Changed):
            # Discovery and its event need no scope; they only show what the scopes reach.
            self.listeners.keep_only(event.application_id, event.scopes | BASE_SCOPES)
        if isinstance(event, RequestAdded):
            self._spawn("the plug-ins' answer to a request", self._authorize(event.request))

    def _lost_access(self, event: Revoked) -> bool:
        # Some of its tokens may go while it stays; and what only expired comes back with a clock
        # that was wrong, or goes with its files' own time.
        return not event.expired and all(
            one.id != event.application_id for one in self.auth.applications()
        )

    async def _all_services(self) -> list[Service]:
        return [service for _, service in await self.registry.discover()]

    def _scopes_of(self, application_id: str) -> frozenset[str]:
        found = (one for one in self.auth.applications() if one.id == application_id)
        return frozenset(next((one.scopes for one in found), ()))

    async def _authorize(self, request: PendingRequest) -> None:
        """Let the plug-ins answer a request in place of the operator; mostly they abstain."""
        answers = (_asked(loaded, request) for loaded in self._loaded.values())
        plugin_id, allowed = next((one for one in answers if one[1] is not None), ("", None))
        if allowed is None:
            return
        log.warning(
            "plug-in %s %s %s (%s)",
            plugin_id,
            "allowed" if allowed else "denied",
            request.origin,
            ", ".join(request.scopes),
        )
        try:
            if allowed:
                await self.auth.approve(request.code, Lifetime.DAY)
            else:
                await self.auth.deny(request.code)
        except UnknownRequestError:
            log.info("the operator was faster")

    def _on_state(self, supervisor: Supervisor) -> None:
        health = supervisor.health
        log.info("plug-in %s is %s %s", supervisor.id, health.state.value, health.reason)
        self.changes.poke()
        for loaded in self._loaded.values():
            _tell(loaded, supervisor.id, health.state.value, health.reason)


async def _logged(name: str, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except (Exception, SystemExit):  # the boundary
        log.exception("%s failed", name)


def _asked(loaded: Loaded, request: PendingRequest) -> tuple[str, bool | None]:
    plugin_id = loaded.manifest.id
    if loaded.hooks is None:
        return plugin_id, None
    try:
        answer = loaded.hooks.gotapi_authorize(origin=request.origin, scopes=request.scopes)
    except (Exception, SystemExit):  # the boundary
        log.exception("gotapi_authorize of plug-in %s raised", plugin_id)
        return plugin_id, None
    if answer is not None and not isinstance(answer, bool):  # nothing else may allow anything
        log.error("gotapi_authorize of plug-in %s gave %r, not a bool", plugin_id, answer)
        return plugin_id, None
    return plugin_id, answer


def _params_key(route: Route, params: Mapping[str, object]) -> str:
    """Return what tells a stream from those with other parameters; raises InvalidParameter."""
    return msgspec.json.encode(wire_params(route, params), order="deterministic").decode()


def _tell(loaded: Loaded, plugin_id: str, state: str, reason: str) -> None:
    if loaded.hooks is None:
        return
    try:
        loaded.hooks.gotapi_on_state(plugin_id=plugin_id, state=state, reason=reason)
    except (Exception, SystemExit):  # the boundary: one raising hook must not stop the others
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
