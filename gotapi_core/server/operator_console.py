"""The web console's own access to services: an application like any other, which the operator sees.

The console is the operator's page, so nobody else is asked: signed in, it is allowed everything
there is, until a day after it was last signed in. It is listed among the applications, with what it
did, and can be limited or revoked there. It stays one application, so that what was made in it is
still its own after signing in anew, and when a plug-in comes.
"""

from typing import Final

import msgspec

from gotapi_auth import tokens
from gotapi_auth.grants import DAY
from gotapi_auth.operator import OperatorAccess
from gotapi_core.host.supervisor import PluginState
from gotapi_core.hub import Hub
from gotapi_core.protocol.identity import normalise_origin
from gotapi_core.server.asgi import Headers, Scope
from gotapi_core.server.operator_api import ApiError, Caller, Nothing, decode_body

NAME: Final = "gotapi-hub console"


class Given(msgspec.Struct, frozen=True):
    """The console's token, as its SDK keeps it; `expires` in seconds since 1970."""

    application: str
    value: str
    scopes: tuple[str, ...]
    expires: float


class Dropped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token that the console gives back when its user signs out."""

    value: str


class ConsoleAccess:
    """The actions `console-token` and `drop-console-token` of the operator API."""

    def __init__(self, hub: Hub, access: OperatorAccess) -> None:
        self._hub = hub
        self._access = access
        self.actions = {"console-token": self._token, "drop-console-token": self._drop}

    async def _token(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        if caller is not Caller.PAGE:
            raise ApiError(403, "Only the console may do this; other programs ask for access.")
        decode_body(raw or b"{}", Nothing)
        origin = normalise_origin(f"{scope['scheme']}://{headers['host']}")
        # Nobody else has this clientId, or whoever calls itself so would grow with the console.
        client_id = self._access.derived(f"the console at {origin}")
        auth, asked = self._hub.auth, tuple(sorted(self._hub.offered_scopes() | self._coming()))
        mine = await auth.admit(client_id, origin, NAME, asked, DAY)
        issued = await auth.issue(mine.id, asked)
        scopes = tuple(name for name, _ in issued.scopes)
        given = Given(mine.id, issued.access_token, scopes, issued.expire_ms / 1000)
        members: dict[str, object] = msgspec.to_builtins(given)
        return members

    async def _drop(
        self, raw: bytes, caller: Caller, scope: Scope, headers: Headers
    ) -> dict[str, object]:
        value = decode_body(raw, Dropped).value[: tokens.MAX_SECRET]
        await self._hub.auth.drop_token(tokens.digest(value))
        return {}

    def _coming(self) -> set[str]:
        """What plug-ins offer that start later: a new approval would be another application."""
        known = (one for one in self._hub.registry if one.health.state is not PluginState.PENDING)
        return {profile for one in known for profile in one.manifest.profiles}
