"""GotAPI-5: one WebSocket, its session, and the pump that empties its outbox.

Several sockets of one application are served side by side. A socket that takes nothing for too
long, or whose outbox overflows, is closed alone; the others never notice.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable

from gotapi_auth.server import AuthEvent, Revoked
from gotapi_core.hub import Hub
from gotapi_core.protocol.delivery import Offer, Outbox
from gotapi_core.protocol.errors import GotapiError, TooManyRequests
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.session import (
    TOKEN_DEADLINE,
    Action,
    Authorise,
    Close,
    CloseCode,
    Session,
)
from gotapi_core.protocol.session import Send as SendFrame
from gotapi_core.server.asgi import Receive, Send

log = logging.getLogger(__name__)

PATH = "/gotapi/websocket"
CLOSE_TIME = 1.0  # seconds from the decision to close to the end of the connection
_SWEEP = 0.5  # seconds between two looks at the tokens' ends; wall clocks jump


class Sockets:
    """All open WebSockets of the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open: set[Socket] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._stopping = False
        hub.auth.subscribe(self._hear)

    async def serve(
        self, identity: Identity, receive: Receive, send: Send, abort: Callable[[], None]
    ) -> None:
        """Serve one WebSocket until it closes; `abort` cuts a connection that takes nothing."""
        await receive()  # websocket.connect
        if self._stopping or len(self._open) >= self._hub.settings.server.sockets:
            await send({"type": "websocket.close", "code": 1013, "reason": ""})
            return
        await send({"type": "websocket.accept"})
        socket = Socket(self._hub, self, identity, send, abort)
        self._open.add(socket)
        self._none_open.clear()
        if self._sweeper is None:
            self._sweep()
        try:
            await socket.run(receive)
        finally:
            self._open.discard(socket)
            if not self._open:
                self._none_open.set()
            # The closing handshake gets a moment; a peer that reads nothing never ends it.
            asyncio.get_running_loop().call_later(CLOSE_TIME, abort)

    def count_all(self) -> int:
        """Count the open sockets."""
        return len(self._open)

    def count(self, application: str, *, but: "Socket") -> int:
        """Count the open sockets of an application except one."""
        return sum(one.application == application for one in self._open if one is not but)

    async def close(self) -> None:
        """Close every socket because the hub stops; waits a moment for them."""
        self._stopping = True
        for socket in self._open:
            socket.close(CloseCode.GOING_AWAY, "the hub stops", within=CLOSE_TIME)
        if self._sweeper is not None:
            self._sweeper.cancel()
        try:
            async with asyncio.timeout(CLOSE_TIME):
                await self._none_open.wait()
        except TimeoutError:
            log.info("%d WebSockets are cut because the hub stops", len(self._open))

    def _hear(self, event: AuthEvent) -> None:
        if isinstance(event, Revoked):
            for socket in tuple(self._open):
                if socket.token_id in event.token_ids:
                    socket.revoked()

    def _sweep(self) -> None:
        """Close the sockets whose token's time is over; comes again while there are sockets."""
        now = self._hub.clock()
        for socket in tuple(self._open):
            if socket.expires <= now:
                socket.revoked()
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(_SWEEP, self._sweep) if self._open else None


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
        self._session = Session(time.monotonic(), TOKEN_DEADLINE)
        self._outbox = Outbox(hub.settings.server.event_queue)
        self._wake = asyncio.Event()
        self._closing: Close | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._attached = False
        self.application = ""
        self.token_id = ""
        self.expires = math.inf  # by the hub's clock

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
            if self._cut is not None:
                self._cut.cancel()
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
        """Close the socket because its token is no longer good; what waits is not sent."""
        self._outbox = Outbox(self._hub.settings.server.event_queue)
        self._do(self._session.revoked())

    def close(self, code: int, reason: str, *, within: float | None = None) -> None:
        """Close the socket after what waits, or cut it when that takes too long."""
        if self._closing is not None:
            return
        self._closing = Close(code, reason)
        patience = self._hub.settings.server.stall_time if within is None else within
        self._cut = asyncio.get_running_loop().call_later(patience, self._abort)
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
                    self.close(code, reason, within=CLOSE_TIME)
        if self._session.open and self.application:
            self._attach()

    def _authorise(self, token: str) -> GotapiError | None:
        try:
            access = self._hub.auth.authenticate(token, self._identity)
            limit = self._hub.settings.server.sockets_per_application
            if self._sockets.count(access.application_id, but=self) >= limit:
                raise TooManyRequests(f"This application has {limit} WebSockets; close one first")
        except GotapiError as error:
            return error
        if self.application and self.application != access.application_id:
            self._hub.listeners.detach(self.application, self)
            self._attached = False
        self.application = access.application_id
        self.token_id = access.token_id
        self.expires = access.expires
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
