"""What a plug-in does with services of other plug-ins, for an application and with its grant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from gotapi_auth.server import Access, Application
from gotapi_core.plugin.context import Others
from gotapi_core.protocol.errors import NotAuthorized, OutOfScope
from gotapi_core.protocol.messages import Method, Service
from gotapi_core.protocol.names import Name

if TYPE_CHECKING:
    from gotapi_core.hub import Ask, Hub


class HubOthers(Others):
    """Checks both what the plug-in may call, and what the application was allowed."""

    def __init__(
        self, hub: Hub, plugin_id: str, calls: Sequence[str], ask: Callable[..., Ask]
    ) -> None:
        self._hub = hub
        self._plugin_id = plugin_id
        self._calls = frozenset(calls)
        self._ask = ask

    async def services(self, application: str) -> Sequence[Service]:
        access = self._access(application)
        found = await self._hub.discover(access)
        return [one for one in found if not self._calls.isdisjoint(one.scopes)]

    async def call(
        self,
        application: str,
        method: Method,
        profile: str,
        attribute: str,
        service_id: str,
        params: Mapping[str, object],
        *,
        base_url: str = "",
    ) -> Mapping[str, object]:
        name = Name(profile, None, attribute)
        if name.profile not in self._calls:
            raise NotAuthorized(
                f"Plug-in '{self._plugin_id}' does not call profile '{name.profile}': the "
                "manifest does not name it in [rights] calls"
            )
        ask = self._ask(method, name, service_id, params, base_url)
        return await self._hub.call(self._access(application), ask)

    def _access(self, application: str) -> Access:
        """Return the grant an application has now, but only of the profiles to be called."""
        found = (one for one in self._hub.auth.applications() if one.id == application)
        holder: Application | None = next(found, None)
        if holder is None:
            raise OutOfScope("The application's access has ended; ask the user again")
        return Access(
            application_id=holder.id,
            origin=holder.origin,
            token_id="",
            scopes=frozenset(holder.scopes) & self._calls,
            expires=holder.expires,
        )
