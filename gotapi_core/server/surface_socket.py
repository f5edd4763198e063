"""A WebSocket of a plug-in's own path: after one message with the token, an event's bare values."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Final

import msgspec

from gotapi_core.host.supervisor import Supervisor
from gotapi_core.hub import Hub
from gotapi_core.plugin.context import Call
from gotapi_core.protocol.errors import (
    GotapiError,
    InvalidParameter,
    Lineage,
    OutOfScope,
    error_body,
)
from gotapi_core.protocol.guarded_json import decode_object
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.routes import Route
from gotapi_core.protocol.session import TOKEN_DEADLINE, CloseCode
from gotapi_core.server.asgi import Receive, Send
from gotapi_core.server.pump import CLOSE_TIME, Pump

_FAILED: Final = 1011  # RFC 6455 7.4.1: the server cannot go on
_NORMAL: Final = 1000
_LONGEST: Final = 16384  # bytes of the first message: two tokens and a few parameters
_DEPTH: Final = 4
_KEY: Final = "value"  # a newer value replaces one that waits, unless it is durable


class SurfaceSocket(Pump):
    """One WebSocket of an event with a path of its own; its generator ends with it."""

    def __init__(
        self,
        hub: Hub,
        owner: tuple[Supervisor, Route],
        identity: Identity,
        send: Send,
        abort: Callable[[], None],
        make_room: Callable[[str, Pump], None],
        base_url: str,
    ) -> None:
        super().__init__(hub, identity, send, abort, make_room)
        self._supervisor, self._route = owner
        self._base_url = base_url

    async def listen(self, receive: Receive) -> None:
        """Take the first message, then send values until either side has enough."""
        try:
            async with asyncio.timeout(TOKEN_DEADLINE):
                message = await receive()
        except TimeoutError:
            self.close(CloseCode.POLICY, "no message with an accessToken in time")
            message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            call, params = self._begin(message.get("text"))
        except GotapiError as error:
            self._refuse(error, CloseCode.POLICY)
            await _until_gone(receive)
            return
        stream = asyncio.create_task(self._stream(call, params))
        try:
            await _until_gone(receive)
        finally:
            stream.cancel()
            await asyncio.gather(stream, return_exceptions=True)

    def _begin(self, text: str | None) -> tuple[Call, Mapping[str, object]]:
        raw = b"" if text is None else text.encode("utf-8", "replace")
        if not 0 < len(raw) <= _LONGEST:
            raise InvalidParameter('The first message must be text: {"accessToken": "..."}')
        members = dict(decode_object(raw, depth=_DEPTH))
        name = next((name for name in members if name.lower() == "accesstoken"), "")
        token = members.pop(name, "")
        error = self.authorise(token if isinstance(token, str) else "")
        if error is not None:
            raise error
        self._check_scope(token if isinstance(token, str) else "")
        service = members.get("serviceId", "")
        call = Call(
            service_id=service if isinstance(service, str) else "",
            origin=self.identity.origin,
            application=self.application,
            base_url=self._base_url,
        )
        return call, members

    def _check_scope(self, token: str) -> None:
        profile = self._route.name.profile
        if profile not in self.hub.auth.authenticate(token, self.identity).scopes:
            raise OutOfScope(f"The access token does not cover '{profile}'; ask for one that does")
        self.hub.auth.past_use.note(self.application, f"WebSocket {self._route.socket}")

    async def _stream(self, call: Call, params: Mapping[str, object]) -> None:
        try:
            events = self._supervisor.events(self._route, call, params)
            async with aclosing(events) as values:
                async for event in values:
                    self.offer(msgspec.json.encode(event.members), None if event.durable else _KEY)
                    await asyncio.sleep(0)  # one that never waits must not stop the hub
        except GotapiError as error:
            self._refuse(error, _FAILED)
        else:
            self.close(_NORMAL, "that was all")

    def _refuse(self, error: GotapiError, code: int) -> None:
        _, members = error_body(error, Lineage.STATUS)
        self.offer(msgspec.json.encode(members))
        self.close(code, error.message.encode()[:100].decode(errors="ignore"), within=CLOSE_TIME)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass  # nothing more is expected; keep-alives of clients are harmless
