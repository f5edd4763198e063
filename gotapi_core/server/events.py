"""GotAPI-5: one WebSocket, its session, and the pump that empties its outbox.

Several sockets of one application are served side by side. A socket that takes nothing for too
long, or whose outbox overflows, is closed alone; the others never notice.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

from gotapi_auth.server import AuthEvent, Revoked
from gotapi_core.hub import Hub
from gotapi_core.protocol.delivery import Offer, Outbox
from gotapi_core.protocol.errors import GotapiError, TooManyRequests
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.session import Action, Authorise, Close, CloseCode, Session
from gotapi_core.protocol.session import Send as SendFrame
from gotapi_core.server.asgi import Receive, Send

PATH = "/gotapi/websocket"


class Sockets:
    """All open WebSockets of the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open: set[Socket] = set()
        hub.auth.subscribe(self._hear)

    async def serve(
        self, identity: Identity, receive: Receive, send: Send, abort: Callable[[], None]
    ) -> None:
        """Serve one WebSocket until it closes; `abort` cuts a connection that takes nothing."""
        limit = self._hub.settings.server.sockets
        await receive()  # websocket.connect
        if len(self._open) >= limit:
            await send({"type": "websocket.close", "code": 1013, "reason": "too many sockets"})
            return
        await send({"type": "websocket.accept"})
        socket = Socket(self._hub, self, identity, send, abort)
        self._open.add(socket)
        try:
            await socket.run(receive)
        finally:
            self._open.discard(socket)

    def count(self, application: str) -> int:
        """Count the open sockets of an application."""
        return sum(socket.application == application for socket in self._open)

    def close_all(self) -> None:
        """Close every socket because the hub stops."""
        for socket in self._open:
            socket.close(CloseCode.GOING_AWAY, "the hub stops")

    def _hear(self, event: AuthEvent) -> None:
        if isinstance(event, Revoked):
            for socket in tuple(self._open):
                if socket.token_id in event.token_ids:
                    socket.revoked()


class Socket:
    """One WebSocket: the session says what to do, the pump sends what waits."""

    def __init__(
        self,
        hub: Hub,
        sockets: Sockets,
        identity: Identity,
        send: Send,
        abort: Callable[[], None],
    ) -> None:
        self._hub = hub
        self._sockets = sockets
        self._identity = identity
        self._send = send
        self._abort = abort
        self._session = Session(time.monotonic())
        self._outbox = Outbox(hub.settings.server.event_queue)
        self._wake = asyncio.Event()
        self._closing: Close | None = None
        self._attached = False
        self.application = ""
        self.token_id = ""

    async def run(self, receive: Receive) -> None:
        """Serve until either side closes."""
        pump = asyncio.create_task(self._pump())
        listen = asyncio.create_task(self._listen(receive))
        try:
            await asyncio.wait({pump, listen}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, listen):
                task.cancel()
            await asyncio.gather(pump, listen, return_exceptions=True)
            if self.application:
                self._hub.listeners.detach(self.application, self)

    def offer(self, frame: bytes, key: str | None) -> None:
        """Queue an event; an overflow closes this socket."""
        if self._closing is not None:
            return
        if self._outbox.offer(frame, key=key) is Offer.OVERFLOW:
            self.close(CloseCode.TOO_SLOW, "events come faster than they are read")
        self._wake.set()

    def revoked(self) -> None:
        """Close the socket because its token is no longer good."""
        self._do(self._session.revoked())

    def close(self, code: int, reason: str) -> None:
        """Close the socket after nothing more."""
        self._closing = self._closing or Close(code, reason)
        self._wake.set()

    async def _listen(self, receive: Receive) -> None:
        while True:
            try:
                async with asyncio.timeout(self._patience()):
                    message = await receive()
            except TimeoutError:
                self._do(self._session.tick(time.monotonic()))
                continue
            if message["type"] == "websocket.disconnect":
                self._do(self._session.closed())
                return
            text = message.get("text")
            if text is None:
                self._do(self._session.binary())
            else:
                self._do(self._session.text(text, time.monotonic()))

    def _patience(self) -> float | None:
        deadline = self._session.deadline
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Authorise(token=token):
                    self._do(self._session.authorised(self._authorise(token)))
                case SendFrame(frame=frame):
                    self.offer(frame, None)
                case Close(code=code, reason=reason):
                    self.close(code, reason)
        if self._session.open and self.application:
            self._attach()

    def _authorise(self, token: str) -> GotapiError | None:
        try:
            access = self._hub.auth.authenticate(token, self._identity)
            limit = self._hub.settings.server.sockets_per_application
            if self._sockets.count(access.application_id) >= limit:
                raise TooManyRequests(f"This application has {limit} WebSockets; close one first")
        except GotapiError as error:
            return error
        if self.application and self.application != access.application_id:
            self._hub.listeners.detach(self.application, self)
            self._attached = False
        self.application = access.application_id
        self.token_id = access.token_id
        return None

    def _attach(self) -> None:
        if not self._attached:
            self._attached = True
            self._hub.listeners.attach(self.application, self)

    async def _pump(self) -> None:
        stall = self._hub.settings.server.stall_time
        try:
            while self._closing is None or len(self._outbox):
                await self._empty(stall)
                if self._closing is None:
                    self._wake.clear()
                    await self._wake.wait()
            async with asyncio.timeout(stall):
                await self._send(
                    {
                        "type": "websocket.close",
                        "code": int(self._closing.code),
                        "reason": self._closing.reason,
                    }
                )
        except TimeoutError:
            self._abort()  # it reads nothing, so it would not read a close frame either

    async def _empty(self, stall: float) -> None:
        while (frame := self._outbox.take()) is not None:
            async with asyncio.timeout(stall):
                await self._send({"type": "websocket.send", "text": frame.decode()})
