"""The sending half of a WebSocket, whatever is spoken on it: what waits, and how it ends.

A socket that takes nothing for too long, or whose queue overflows, is closed alone; the others
never notice.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable

from gotapi_auth.server import Access
from gotapi_core.hub import Hub
from gotapi_core.protocol.delivery import Offer
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.protocol.identity import Identity
from gotapi_core.protocol.replay import Feed, Position, Sent, with_ids
from gotapi_core.protocol.session import CloseCode
from gotapi_core.server.asgi import Receive, Send

CLOSE_TIME = 1.0  # seconds from the decision to close to the end of the connection


class Pump(ABC):
    """One WebSocket of an application: an ear of it, and the task that empties its queue.

    `make_room` closes what the application has too many of, before this one is its.
    """

    def __init__(
        self,
        hub: Hub,
        identity: Identity,
        send: Send,
        abort: Callable[[], None],
        make_room: Callable[[str, "Pump"], None],
    ) -> None:
        self.hub = hub
        self.identity = identity
        self.abort = abort
        self.application = ""
        self.token_id = ""
        self.expires = math.inf  # by the hub's clock
        self._send = send
        self._make_room = make_room
        self._queue = hub.settings.server.event_queue
        self._feed = Feed(self._queue)
        self._wake = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._attached = False
        self._position: Position | None = None  # where those begin who asked for ids

    @abstractmethod
    async def listen(self, receive: Receive) -> None:
        """Take frames until the client closes."""

    async def run(self, receive: Receive) -> None:
        """Serve until either side closes."""
        tasks = [asyncio.create_task(self.pump()), asyncio.create_task(self.listen(receive))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.end()

    def offer(self, frame: bytes, key: str | None = None, number: int = 0) -> None:
        """Queue a frame; an overflow closes this socket."""
        if self._closing is not None:
            return
        if self._feed.offer(frame, key, number) is Offer.OVERFLOW:
            self.close(CloseCode.TOO_SLOW, "events come faster than they are read")
        self._wake.set()

    def revoked(self) -> None:
        """Close the socket because its token is no longer good; what waits is not sent."""
        self._feed = Feed(self._queue)
        self.close(CloseCode.REVOKED, "the access token is no longer valid", within=CLOSE_TIME)

    @property
    def closing(self) -> bool:
        """Whether it is being closed."""
        return self._closing is not None

    def close(self, code: int, reason: str, *, within: float | None = None) -> None:
        """Close the socket after what waits, or cut it when that takes too long."""
        if self._closing is not None:
            return
        self._closing = (int(code), reason)
        patience = self.hub.settings.server.stall_time if within is None else within
        self._cut = asyncio.get_running_loop().call_later(patience, self.abort)
        self._wake.set()

    def authorise(self, token: str) -> GotapiError | None:
        """Take a token; returns why it is not good, or None."""
        try:
            access = self.hub.auth.authenticate(token, self.identity)
        except GotapiError as error:
            return error
        self._make_room(access.application_id, self)
        self._belong(access)
        return None

    def resume(self, cursor: str | None) -> dict[str, object]:
        """Decide where the events begin; returns what a client that asked for ids is told.

        `attach` must follow in the same step of the loop.
        """
        if cursor is None or self._attached:
            return {}
        self._position = self.hub.listeners.position(self.application, cursor)
        return {"resumed": self._position.resumed, "resume": self._position.cursor}

    def attach(self) -> None:
        """Begin to hear the application's events."""
        if not self._attached:
            self._attached = True
            resumed = self._position is not None and self._position.resumed
            if self._position is not None:
                self._feed.start(self._position)
            self.hub.listeners.attach(self.application, self, resumed=resumed)
            self._wake.set()

    def end(self) -> None:
        """Forget the socket."""
        if self._cut is not None:
            self._cut.cancel()
        if self.application:
            self.hub.listeners.detach(self.application, self)

    async def pump(self) -> None:
        """Send what waits until the socket is closed."""
        stall = self.hub.settings.server.stall_time
        try:
            while self._closing is None or len(self._feed):
                await self._empty(stall)
                if self._closing is None:
                    self._wake.clear()
                    await self._wake.wait()
            code, reason = self._closing
            async with asyncio.timeout(stall):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except TimeoutError:
            self.abort()  # it reads nothing, so it would not read a close frame either

    def encode(self, sent: Sent) -> str:
        """Return the text of a frame, with its ids where they were asked for."""
        frame = sent.frame
        if self._position is not None and sent.number:
            cursor = self.hub.listeners.cursor
            resume = cursor(sent.settled) if sent.settled else ""
            frame = with_ids(frame, cursor(sent.number), resume)
        return frame.decode()

    async def _empty(self, stall: float) -> None:
        while (sent := self._feed.take()) is not None:
            async with asyncio.timeout(stall):
                await self._send({"type": "websocket.send", "text": self.encode(sent)})

    def _belong(self, access: Access) -> None:
        if self.application and self.application != access.application_id:
            self.hub.listeners.detach(self.application, self)
            self._attached = False
            self._position = None
            self._feed = Feed(self._queue)  # the other application's events are not this one's
        self.application = access.application_id
        self.token_id = access.token_id
        self.expires = access.expires
