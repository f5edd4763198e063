"""JSON-RPC 2.0 at `/gotapi/jsonrpc`: the same endpoints as REST, as calls over HTTP or a WebSocket.

Over HTTP a message is one call or a batch; over a WebSocket many may be under way at once, and the
events that the application listens to arrive as notifications `event`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from gotapi_core import __version__
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import (
    GotapiError,
    IllegalServerState,
    InvalidMethod,
    InvalidParameter,
    MissingToken,
    NotAuthorized,
)
from gotapi_core.protocol.identity import Identity, identify
from gotapi_core.protocol.jsonrpc import (
    Code,
    RpcCall,
    RpcFault,
    event_notification,
    fault_reply,
    gotapi_fault,
    parse_calls,
    result_reply,
    target,
)
from gotapi_core.protocol.limits import Limits
from gotapi_core.protocol.messages import success_body
from gotapi_core.protocol.names import ACCESS_TOKEN, Method, Name
from gotapi_core.protocol.params import take_common
from gotapi_core.protocol.replay import Sent
from gotapi_core.protocol.session import MAX_FAILURES, TOKEN_DEADLINE, CloseCode
from gotapi_core.server.asgi import (
    Headers,
    Receive,
    Scope,
    Send,
    read_body,
    send_bytes,
    unless_gone,
)
from gotapi_core.server.cors import cors_headers
from gotapi_core.server.endpoints import OWN_ROUTES, Endpoints, Inquiry, Members
from gotapi_core.server.files import bearer
from gotapi_core.server.mac import add_mac
from gotapi_core.server.pump import CLOSE_TIME, Pump
from gotapi_core.server.rest import PRODUCT

log = logging.getLogger(__name__)

PATH = "/gotapi/jsonrpc"
MAX_RUNNING = 16  # calls of one WebSocket at once; a further one is read when one of them is done
_TYPES = frozenset({"application/json", "application/json-rpc"})
_AUTHORIZE = "authorize"

SHORT: Mapping[str, tuple[Method, Name]] = {
    route.name.path.rpartition("/")[2]: (method, route.name)
    for route in OWN_ROUTES
    for method in route.methods
    if method is Method.GET
}
"""The hub's own methods by the last part of their path."""

Guard = Callable[[Awaitable[Members]], Awaitable[Members]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; `wait` guards what waits for the user, `authorize` is None over HTTP."""

    identity: Identity
    token: str | None
    base_url: str
    wait: Guard
    authorize: Callable[[RpcCall], Members] | None = None


class JsonRpc:
    """Answers messages, of whatever transport."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._endpoints = Endpoints(hub)
        server = hub.settings.server
        self._limits = Limits(body=server.json_size, depth=server.json_depth)
        self._stopping = asyncio.Event()

    def close(self) -> None:
        """Answer those who wait for the user, so that the server can stop."""
        self._stopping.set()

    async def http(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            caller = Caller(
                identity=identify(headers),
                token=bearer(headers),
                base_url=f"{scope['scheme']}://{headers['host']}",
                wait=lambda work: self._consent(work, receive),
            )
            body = await self._body(scope, headers, receive)
            status, reply = 200, await self.answer(body, caller)
        except GotapiError as error:
            status, reply = error.status, _encode(fault_reply(None, gotapi_fault(error)))
        if reply is None:
            await send_bytes(send, 204, b"", cors_headers(headers))
        else:
            fields = [(b"content-type", b"application/json"), *cors_headers(headers)]
            await send_bytes(send, status, reply, fields)

    async def answer(self, message: bytes, caller: Caller) -> bytes | None:
        """Answer a message; None where it has notifications only. A batch runs in its order."""
        try:
            calls, batch = parse_calls(message, self._limits)
        except RpcFault as fault:
            return _encode(fault_reply(None, fault))
        replies = [(call, await self._reply(call, caller)) for call in calls]
        wanted = [reply for call, reply in replies if call.answered]
        if not wanted:
            return None
        return _encode(wanted if batch else wanted[0])

    async def _reply(self, call: RpcCall, caller: Caller) -> dict[str, object]:
        try:
            if call.fault is not None:
                raise call.fault
            return result_reply(call, await self._members(call, caller))
        except RpcFault as fault:
            return fault_reply(call.id, fault)
        except GotapiError as error:
            return fault_reply(call.id, gotapi_fault(error))

    async def _members(self, call: RpcCall, caller: Caller) -> Members:
        common = take_common(call.params)
        if call.method == _AUTHORIZE:
            if caller.authorize is None:
                raise RpcFault(
                    Code.METHOD_NOT_FOUND,
                    "authorize is for WebSockets; over HTTP send the header Authorization: Bearer, "
                    "or accessToken among the params",
                )
            members = caller.authorize(call)
        else:
            method, name = target(call.method, SHORT)
            if common.access_token is None and caller.token is not None:
                common = msgspec.structs.replace(common, access_token=caller.token)
            inquiry = Inquiry(method, name, caller.identity, common, caller.base_url)
            work = self._endpoints.answer(inquiry)
            members = await (caller.wait(work) if name == ACCESS_TOKEN else work)
        body = success_body(PRODUCT, __version__, members)
        add_mac(self._hub, caller.identity, common, body)
        return body

    async def _consent(self, work: Awaitable[Members], receive: Receive) -> Members:
        try:
            return await unless_gone(work, receive, self._stopping)
        except TimeoutError:
            raise IllegalServerState("The hub stops; ask again when it is back") from None

    async def _body(self, scope: Scope, headers: Headers, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise InvalidMethod(f"{PATH} takes POST with a JSON body, or a WebSocket")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _TYPES:
            wrong = InvalidParameter("Send the Content-Type application/json")
            wrong.status = 415
            raise wrong
        idle = self._hub.settings.server.body_idle_time
        return await read_body(receive, headers, self._limits.body, idle)


class RpcSocket(Pump):
    """One WebSocket that speaks JSON-RPC."""

    def __init__(
        self,
        hub: Hub,
        rpc: JsonRpc,
        identity: Identity,
        send: Send,
        abort: Callable[[], None],
        make_room: Callable[[str, Pump], None],
        *,
        token: str | None,
        base_url: str,
    ) -> None:
        super().__init__(hub, identity, send, abort, make_room)
        self._rpc = rpc
        self._token = token
        self._base_url = base_url
        self._running: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._idle_since = time.monotonic()

    async def listen(self, receive: Receive) -> None:
        """Take calls until the client closes."""
        try:
            if self._token is not None:
                self._take(self._token, None)
        except GotapiError as error:
            log.info("JSON-RPC socket refused: %s", error.message)
            self.close(CloseCode.POLICY, "the Authorization header is not good", within=CLOSE_TIME)
        try:
            while (message := await self._next(receive)) is not None:
                self._begin(message)
                if len(self._running) >= MAX_RUNNING:
                    await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tuple(self._running):
                task.cancel()

    def encode(self, sent: Sent) -> str:
        """Return an event as a notification."""
        return event_notification(super().encode(sent).encode()).decode()

    async def _next(self, receive: Receive) -> str | None:
        """Return the next message; None when the client is gone."""
        while True:
            try:
                async with asyncio.timeout(self._patience()):
                    message = await receive()
            except TimeoutError:
                if self._patience() == 0:
                    late = "no call in time from an application that is not authorized"
                    self.close(CloseCode.POLICY, late, within=CLOSE_TIME)
                continue
            if message["type"] == "websocket.disconnect":
                return None
            self._idle_since = time.monotonic()
            if message.get("text") is None:
                self.close(CloseCode.UNSUPPORTED, "send JSON as text frames", within=CLOSE_TIME)
            elif self._closing is None:
                return str(message["text"])

    def _patience(self) -> float | None:
        if self.application or self._closing is not None:
            return None
        if self._running:
            return TOKEN_DEADLINE
        return max(0.0, self._idle_since + TOKEN_DEADLINE - time.monotonic())

    def _begin(self, message: str) -> None:
        task = asyncio.create_task(self._answer(message.encode("utf-8", "replace")))
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._idle_since = time.monotonic()

    async def _answer(self, message: bytes) -> None:
        caller = Caller(
            identity=self.identity,
            token=self._token,
            base_url=self._base_url,
            wait=_as_is,
            authorize=self._authorize,
        )
        reply = await self._rpc.answer(message, caller)
        if reply is None or self._closing is not None:
            return
        try:
            async with asyncio.timeout(self.hub.settings.server.stall_time):
                await self._send({"type": "websocket.send", "text": reply.decode()})
        except TimeoutError:
            self.abort()

    def _authorize(self, call: RpcCall) -> Members:
        token, cursor = take_common(call.params).access_token, call.params.get("resume")
        try:
            return self._take(token, cursor if isinstance(cursor, str) else None)
        except GotapiError:
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                reason = "too many calls of authorize without a good accessToken"
                asyncio.get_running_loop().call_soon(self.close, CloseCode.POLICY, reason)
            raise

    def _take(self, token: str | None, cursor: str | None) -> Members:
        if self._closing is not None:
            raise NotAuthorized("The socket is being closed")
        error = MissingToken() if token is None else self.authorise(token)
        if error is not None:
            raise error
        self._failures = 0
        self._token = token
        more = self.resume(cursor)
        self.attach()
        return more


async def _as_is(work: Awaitable[Members]) -> Members:
    return await work


def _encode(reply: object) -> bytes:
    return msgspec.json.encode(reply)
