"""The members of serviceinformation and system, for both lineages of clients."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from gotapi_core import __version__
from gotapi_core.faces.catalog import Catalog, Source
from gotapi_core.faces.schemas import Json
from gotapi_core.host.supervisor import Supervisor
from gotapi_core.hub import BASE_SCOPES
from gotapi_core.protocol.messages import Service
from gotapi_core.protocol.routes import Route

_RADIOS: Mapping[str, str] = {
    "wifi": "wifi", "wi-fi": "wifi", "bluetooth": "bluetooth", "ble": "ble", "nfc": "nfc",
}  # fmt: skip
_MOST_KEPT = 64  # descriptions; a plug-in has one, or one for each kind of its services


class Information:
    """Describes services; a description is made once for each set of routes."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, tuple[str, ...], tuple[Route, ...]], dict[str, Json]] = {}

    async def members(self, service: Service, routes: Sequence[Route]) -> dict[str, object]:
        """Return what serviceinformation says of a service with these routes."""
        return {
            **service.to_wire(),
            "supports": list(service.scopes),
            "supportApis": await self._apis(service, tuple(routes)),
            "connect": connection(service),
            "attributes": [
                {
                    "method": str(method),
                    "path": route.name.uri,
                    "type": route.kind.value,
                    "summary": route.summary,
                }
                for route in routes
                for method in route.methods
            ],
        }

    async def _apis(self, service: Service, routes: tuple[Route, ...]) -> dict[str, Json]:
        plugin_id = service.id.rpartition(".")[2]
        key = (plugin_id, service.scopes, routes)
        if key not in self._made:
            made = await asyncio.to_thread(_describe, *key)
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            self._made[key] = made
        return self._made[key]


def connection(service: Service) -> dict[str, bool]:
    """Return which radio a service is reached by now; all false for one on a cable."""
    radio = _RADIOS.get(service.type.lower()) if service.online else None
    return {one: one == radio for one in ("wifi", "bluetooth", "ble", "nfc")}


def system_members(plugins: Iterable[Supervisor]) -> dict[str, object]:
    """Return what system says of the hub and the plug-ins that run in it."""
    found = [one for one in plugins if one.ready]
    supported = {profile for one in found for profile in one.description.routes.profiles()}
    return {
        "supports": sorted(supported | BASE_SCOPES),
        "plugins": [
            {
                "id": one.id,
                "name": one.description.name,
                "version": one.description.version,
                "supports": list(one.description.routes.profiles()),
                "packageName": one.manifest.module or one.id,
            }
            for one in found
        ],
    }


def _describe(
    plugin_id: str, profiles: tuple[str, ...], routes: tuple[Route, ...]
) -> dict[str, Json]:
    from gotapi_core.faces.swagger import swagger  # late: few hubs are ever asked

    source = Source(plugin_id, plugin_id, "", routes)
    return swagger(Catalog((), [source], __version__), plugin_id, profiles)
