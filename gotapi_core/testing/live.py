"""A real hub on a free port, behind a real uvicorn, in the caller's event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from gotapi_core.host.loader import Loaded
from gotapi_core.hub import Hub
from gotapi_core.paths import paths_under
from gotapi_core.plugin.base import Plugin
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.server.app import App
from gotapi_core.server.listen import listen
from gotapi_core.server.secure import SecureDoor
from gotapi_core.server.serve import HubServer, serve
from gotapi_core.settings import convert_settings
from gotapi_core.store import Store
from gotapi_core.tls.addresses import lan_addresses

_PATIENCE = 10.0  # seconds a test waits for what should come at once


class LiveHub:
    """A running hub; `url` is where it answers."""

    def __init__(
        self, hub: Hub, app: App, server: HubServer, url: str, door: SecureDoor | None = None
    ) -> None:
        self.door = door
        self.hub = hub
        self.app = app
        self.server = server
        self.url = url

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rpartition(":")[2])

    async def allow(self, code: str | None = None) -> None:
        """Approve a request as the operator would; the first that waits where no code is given."""
        await self.hub.auth.approve(code or await self.next_request())

    async def approve_plugin(self, plugin_id: str) -> None:
        """Approve a plug-in as it is now, as the operator would, and wait until it was started."""
        digest = self.hub.desk.named_card(plugin_id).digest
        await self.hub.desk.approve(plugin_id, digest)

    async def next_request(self) -> str:
        """Return the code of the request that waits for the operator, as soon as one does."""
        added = asyncio.Event()
        unsubscribe = self.hub.auth.subscribe(lambda _: added.set())
        try:
            async with asyncio.timeout(_PATIENCE):
                while not (waiting := self.hub.auth.requests()):
                    await added.wait()
        finally:
            unsubscribe()
        return waiting[0].code


def loaded(plugin_type: type[Plugin], *, profiles: Mapping[str, str] | None = None) -> Loaded:
    """Return a plug-in class as the loader would have loaded it."""
    names = plugin_type.routes.profiles()
    manifest = Manifest(
        id=plugin_type.id,
        name=plugin_type.name,
        version=plugin_type.version,
        module=plugin_type.__module__,
        profiles=names,
        surfaces=plugin_type.routes.paths(),
    )
    words = profiles or dict.fromkeys(names, f"use {plugin_type.name}")
    return Loaded(manifest, plugin_type=plugin_type, profiles=dict(words))


def as_loaded(plugin: type[Plugin] | Loaded) -> Loaded:
    """Return what a hub takes: a class as the loader would have loaded it, a loaded one as is."""
    return plugin if isinstance(plugin, Loaded) else loaded(plugin)


@asynccontextmanager
async def live_hub(
    home: Path,
    plugins: Sequence[type[Plugin] | Loaded] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    clock: Callable[[], float] = time.time,
    port: int = 0,
    addresses: Callable[[], tuple[str, ...]] | None = None,
) -> AsyncIterator[LiveHub]:
    """Run a hub with these plug-ins and settings, its files under `home`, until the block ends.

    Where the settings switch TLS on, `door` is its TLS door; `addresses` stands in for the
    addresses of this machine on local networks.
    """
    paths = paths_under(home)
    paths.prepare()
    chosen = convert_settings(dict(settings or {}), source="test settings")
    parts = [as_loaded(one) for one in plugins]
    with ExitStack() as stack:
        store = stack.enter_context(Store(paths.store))
        hub = Hub(settings=chosen, paths=paths, store=store, clock=clock, plugins=parts)
        sockets = listen(chosen.server.host, port)
        for one in sockets:
            stack.callback(one.close)
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        door = None
        if chosen.tls.enabled:
            door = SecureDoor(chosen, paths, clock, addresses=addresses or lan_addresses)
            stack.callback(door.release)
            door.prepare()
        ready: asyncio.Future[LiveHub] = asyncio.get_running_loop().create_future()

        def on_ready(app: App, server: HubServer) -> None:
            ready.set_result(LiveHub(hub, app, server, url, door))

        running = asyncio.create_task(serve(hub, sockets, door=door, on_ready=on_ready))
        either: set[asyncio.Future[Any]] = {running, ready}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        live = ready.result()
        try:
            yield live
        finally:
            live.server.should_exit = True
            await running
