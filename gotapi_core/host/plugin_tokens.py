"""The approval procedure of GotAPI, spoken to plug-ins that ask for it.

Before the first request of an application to such a plug-in: createClient gives a client id,
requestAccessToken a token for all of the plug-in's profiles, and then the request goes with that
token. Both are kept for each origin and service, and neither is ever shown to an application.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from gotapi_core.host.port import Port, PortEvent
from gotapi_core.plugin.context import Call
from gotapi_core.protocol.errors import (
    ExpiredToken,
    GotapiError,
    InvalidProfile,
    MissingToken,
    UnknownClient,
    UnknownError,
    UnknownToken,
)
from gotapi_core.protocol.routes import Route

TRIES = 3  # of one request, as DeviceConnect's server does
_MOST = 1000  # pairs of origin and service; a pair that was dropped asks again

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a plug-in gave; an empty client id says that it wants no token here."""

    client: str
    application: str  # whose request it was, by the hub's id
    token: str = ""


class PluginTokens:
    """The clients and tokens of one plug-in; `name_of` names the application of a call."""

    def __init__(self, name_of: Callable[[Call], str] = lambda call: call.origin) -> None:
        self.name_of = name_of
        self._kept: dict[_Key, _Kept] = {}
        self._lock = asyncio.Lock()

    def forget_application(self, application: str) -> None:
        """Drop what was given while an application used it, which lost its access."""
        self._kept = {
            key: kept for key, kept in self._kept.items() if kept.application != application
        }

    async def call(
        self, port: Port, route: Route, call: Call, params: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Make a one-shot call with the token that the plug-in wants."""
        for _ in range(TRIES):
            tokened = await self._tokened(port, call)
            try:
                return await port.call(route, tokened, params)
            except (ExpiredToken, UnknownClient, UnknownToken, MissingToken) as error:
                self._drop(tokened, error)
        raise _refused()

    async def events(
        self, port: Port, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        """Run an event stream with the token that the plug-in wants."""
        for _ in range(TRIES):
            tokened = await self._tokened(port, call)
            try:
                async with aclosing(port.events(route, tokened, params)) as values:
                    async for value in values:
                        yield value
                return
            except (ExpiredToken, UnknownClient, UnknownToken, MissingToken) as error:
                self._drop(tokened, error)
        raise _refused()

    async def _tokened(self, port: Port, call: Call) -> Call:
        kept = self._kept.get((call.origin, call.service_id))
        if kept is None or (kept.client and not kept.token):
            async with self._lock:  # two first requests must not make two clients
                kept = await self._ask(port, call)
        return replace(call, plugin_token=kept.token)

    async def _ask(self, port: Port, call: Call) -> _Kept:
        key = (call.origin, call.service_id)
        kept = self._kept.get(key)
        if kept is None:
            kept = _Kept(await _client(port, call), call.application)
            while len(self._kept) >= _MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = kept
        if kept.client and not kept.token:
            kept = await self._with_token(port, call, kept)
            self._kept[key] = kept
        return kept

    async def _with_token(self, port: Port, call: Call, kept: _Kept) -> _Kept:
        scopes = sorted(port.description.routes.profiles())
        name = self.name_of(call)
        try:
            token = await port.request_access_token(kept.client, name, scopes)
        except UnknownClient:  # it was forgotten there, as after a restart
            kept = _Kept(await _client(port, call), call.application)
            if not kept.client:
                return kept
            token = await port.request_access_token(kept.client, name, scopes)
        if not token:
            raise UnknownError("the plug-in gave an empty access token")
        return replace(kept, token=token)

    def _drop(self, call: Call, error: GotapiError) -> None:
        """Forget what the plug-in no longer accepts, but nothing that is newer."""
        key = (call.origin, call.service_id)
        kept = self._kept.get(key)
        if kept is None or kept.token != call.plugin_token:
            return
        if isinstance(error, ExpiredToken) and kept.client:
            self._kept[key] = replace(kept, token="")
        else:
            del self._kept[key]


async def _client(port: Port, call: Call) -> str:
    try:
        client = await port.create_client(call.origin, call.service_id)
    except InvalidProfile:  # 2: it wants none for this service
        return ""
    if not client:
        raise UnknownError("the plug-in gave an empty client id")
    return client


def _refused() -> UnknownError:
    # Not the plug-in's own code: an application would ask the hub for a new token, again and again.
    return UnknownError(f"the plug-in refused its own access token {TRIES} times")
