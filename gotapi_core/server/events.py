"""All open WebSockets, and GotAPI-5: one WebSocket and its session.

Several sockets of one application are served side by side.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from gotapi_auth.server import AuthEvent, Changed, Revoked
from gotapi_core.hub import Hub
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
from gotapi_core.server.pump import CLOSE_TIME, Pump

log = logging.getLogger(__name__)

PATH = "/gotapi/websocket"
_SWEEP = 0.5  # seconds between two looks at the tokens' ends; wall clocks jump


class Sockets:
    """All open WebSockets of the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open: dict[Pump, None] = {}  # the oldest first
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._stopping = False
        hub.auth.subscribe(self._hear)

    async def serve(
        self,
        receive: Receive,
        send: Send,
        abort: Callable[[], None],
        make: Callable[["Sockets"], Pump],
    ) -> None:
        """Serve one WebSocket until it closes; `abort` cuts a connection that takes nothing."""
        await receive()  # websocket.connect
        if self._stopping or len(self._open) >= self._hub.settings.server.sockets:
            await send({"type": "websocket.close", "code": 1013, "reason": ""})
            return
        await send({"type": "websocket.accept"})
        socket = make(self)
        self._open[socket] = None
        self._none_open.clear()
        if self._sweeper is None:
            self._sweep()
        try:
            await socket.run(receive)
        finally:
            del self._open[socket]
            if not self._open:
                self._none_open.set()
            # The closing handshake gets a moment; a peer that reads nothing never ends it.
            asyncio.get_running_loop().call_later(CLOSE_TIME, abort)

    def count_all(self) -> int:
        """Count the open sockets."""
        return len(self._open)

    def make_room(self, application: str, newcomer: Pump) -> None:
        """Close the oldest sockets of an application, where it has one too many with the newcomer.

        DeviceConnect's SDK opens its next socket before the last one is closed: it is not refused.
        """
        mine = [
            one
            for one in self._open
            if one.application == application and one is not newcomer and not one.closing
        ]
        most = self._hub.settings.server.sockets_per_application
        for one in mine[: max(0, len(mine) - most + 1)]:
            reason = f"the application has more than {most} WebSockets"
            one.close(CloseCode.REPLACED, reason, within=CLOSE_TIME)

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
        elif isinstance(event, Changed):
            for socket in self._open:
                if socket.application == event.application_id:
                    socket.expires = event.expires

    def _sweep(self) -> None:
        """Close the sockets whose token's time is over; comes again while there are sockets."""
        now = self._hub.clock()
        for socket in tuple(self._open):
            if socket.expires <= now:
                socket.revoked()
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(_SWEEP, self._sweep) if self._open else None


class Socket(Pump):
    """One GotAPI-5 WebSocket: the session says what to do."""

    def __init__(
        self,
        hub: Hub,
        sockets: Sockets,
        identity: Identity,
        send: Send,
        abort: Callable[[], None],
    ) -> None:
        super().__init__(hub, identity, send, abort, sockets.make_room)
        self._session = Session(time.monotonic(), TOKEN_DEADLINE)

    def revoked(self) -> None:
        """Close the socket because its token is no longer good; what waits is not sent."""
        self._session.revoked()
        super().revoked()

    async def listen(self, receive: Receive) -> None:
        """Take frames until the client closes."""
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
                case Authorise(token=token, resume=cursor):
                    error = self.authorise(token)
                    more = self.resume(cursor) if error is None else None
                    self._do(self._session.authorised(error, more))
                case SendFrame(frame=frame):
                    self.offer(frame)
                case Close(code=code, reason=reason):
                    self.close(code, reason, within=CLOSE_TIME)
        if self._session.open and self.application:
            self.attach()
