"""The web console's own access to services: an application like any other, which the operator sees.

The console is the operator's page, so nobody else is asked: signed in, it is allowed everything
there is, for a day at most. It is listed among the applications, with what it did, and can be
revoked there.
"""

import asyncio
import logging
from typing import Final

import msgspec

from gotapi_auth.grants import Lifetime
from gotapi_core.host.supervisor import PluginState
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import Lineage
from gotapi_core.protocol.identity import Identity, normalise_origin
from gotapi_core.server.asgi import Headers, Scope
from gotapi_core.server.operator_api import ApiError, Caller, Nothing, decode_body

log = logging.getLogger(__name__)

NAME: Final = "gotapi-hub console"
_LIFE: Final = 60.0  # seconds in which its request is answered: by the next line


class Given(msgspec.Struct, frozen=True, rename="camel"):
    """The console's token, as its SDK keeps it; `expires` in seconds since 1970."""

    application: str
    value: str
    client_id: str
    scopes: tuple[str, ...]
    expires: float


class ConsoleAccess:
    """The action `console-token` of the operator API."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._one_by_one = asyncio.Lock()  # tabs that open together are one application
        self.actions = {"console-token": self._token}

    async def _token(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        if caller is not Caller.PAGE:
            raise ApiError(403, "Only the console may do this; other programs ask for access.")
        decode_body(raw or b"{}", Nothing)
        origin = normalise_origin(f"{scope['scheme']}://{headers['host']}")
        identity = Identity(origin, Lineage.STATUS, browser=True)
        async with self._one_by_one:
            given: dict[str, object] = msgspec.to_builtins(await self._given(identity))
        return given

    async def _given(self, identity: Identity) -> Given:
        auth = self._hub.auth
        asked = tuple(sorted(self._hub.offered_scopes() | self._coming()))
        client_id = await auth.grant(identity)
        mine = [
            one for one in auth.applications() if (one.origin, one.name) == (identity.origin, NAME)
        ]
        chosen = next((one.id for one in mine if set(asked) <= set(one.scopes)), None)
        if chosen is None:
            client = auth.client(client_id, identity)
            code = auth.begin(client, asked, NAME, _LIFE).code
            replaced = [one.id for one in mine]  # a plug-in has come that they do not reach
            chosen = (await auth.approve(code, Lifetime.DAY, replace=replaced)).id
            log.info("operator page: the console has access as %s", chosen)
        issued = await auth.issue(chosen, asked)
        scopes = tuple(name for name, _ in issued.scopes)
        return Given(chosen, issued.access_token, client_id, scopes, issued.expire_ms / 1000)

    def _coming(self) -> set[str]:
        """What plug-ins offer that start later: a new approval would be another application."""
        known = (one for one in self._hub.registry if one.health.state is not PluginState.PENDING)
        return {profile for one in known for profile in one.manifest.profiles}
