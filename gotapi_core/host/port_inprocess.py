"""The in-process port: the plug-in lives on the hub's own event loop."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from gotapi_core.host.dispatch import Dispatcher
from gotapi_core.host.port import Description, Port, PortEvent
from gotapi_core.plugin.base import Plugin
from gotapi_core.plugin.context import Call, Context
from gotapi_core.protocol.messages import Service, SurfaceReply, SurfaceRequest
from gotapi_core.protocol.routes import Route


class InProcessPort(Port):
    """Calls the plug-in's methods directly; for plug-ins the operator trusts with the process."""

    def __init__(self, plugin_type: type[Plugin]) -> None:
        self._plugin_type = plugin_type
        self._plugin: Plugin | None = None  # made by `start`: its constructor may raise
        self._dispatcher: Dispatcher | None = None
        self._description = Description(
            id=plugin_type.id,
            name=plugin_type.name,
            version=plugin_type.version,
            routes=plugin_type.routes,
        )

    @property
    def description(self) -> Description:
        return self._description

    async def start(self, context: Context) -> None:
        self._plugin = self._plugin_type()
        self._dispatcher = Dispatcher(self._plugin)
        await self._plugin.start(context)

    async def services(self) -> Sequence[Service]:
        return await self._running().services()

    async def call(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> Mapping[str, object]:
        return await self._running().call(route, call, params)

    def events(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        return self._running().events(route, call, params)

    async def surface(self, route: Route, request: SurfaceRequest) -> SurfaceReply:
        return await self._running().surface(route, request)

    async def stop(self) -> None:
        plugin, self._plugin, self._dispatcher = self._plugin, None, None
        if plugin is not None:
            await plugin.stop()

    def _running(self) -> Dispatcher:
        if self._dispatcher is None:
            raise RuntimeError("the port is not started")
        return self._dispatcher
