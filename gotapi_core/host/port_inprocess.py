"""The in-process port: the plug-in lives on the hub's own event loop."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from gotapi_core.host.dispatch import Dispatcher
from gotapi_core.host.port import Description, Port, PortEvent
from gotapi_core.plugin.base import Plugin
from gotapi_core.plugin.context import Call, Context
from gotapi_core.plugin.tokens import GivesTokens, gives_tokens
from gotapi_core.protocol.errors import InvalidProfile
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
            gives_tokens=gives_tokens(plugin_type),
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

    async def create_client(self, origin: str, service_id: str) -> str:
        return await self._giver().create_client(origin, service_id)

    async def request_access_token(
        self, client_id: str, application_name: str, scopes: Sequence[str]
    ) -> str:
        return await self._giver().request_access_token(client_id, application_name, scopes)

    def _giver(self) -> GivesTokens:
        if not isinstance(self._plugin, GivesTokens):
            raise InvalidProfile("this plug-in gives no tokens")
        return self._plugin

    def busy(self) -> str:
        return self._plugin.busy() if self._plugin is not None else ""

    async def stop(self) -> None:
        plugin, self._plugin, self._dispatcher = self._plugin, None, None
        if plugin is not None:
            await plugin.stop()

    def _running(self) -> Dispatcher:
        if self._dispatcher is None:
            raise RuntimeError("the port is not started")
        return self._dispatcher
