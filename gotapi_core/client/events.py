"""GotAPI-5 for applications: one WebSocket per client, shared by everything it listens to.

The socket is opened at the first subscription. When it is lost it is opened again, with growing
delays, every stream is subscribed to again, and the hub is asked for what was missed; only when
that fails for too long do the listeners hear of it.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException

from gotapi_core.client.answers import Event, check_verdict, parse_event
from gotapi_core.client.backoff import Backoff
from gotapi_core.client.errors import (
    HubError,
    HubFault,
    HubRefused,
    HubUnreachable,
    HubUntrusted,
    TokenRejected,
)
from gotapi_core.client.proof import Proof
from gotapi_core.client.resume import Cursor, Seen
from gotapi_core.client.trust import Verifier, verification_failure
from gotapi_core.client.wire import unreachable
from gotapi_core.protocol.errors import ResultCode
from gotapi_core.protocol.identity import NATIVE_HEADER
from gotapi_core.protocol.session import CloseCode

MAX_FRAME: Final = 1024 * 1024  # bytes; the hub queues at most 256 KiB per socket
MAX_WAITING: Final = 256  # events an application has not taken yet; the oldest are dropped
OPEN: Final = 5.0  # seconds to open a socket
VERDICT: Final = 10.0  # seconds; the hub itself waits 5 s for the token
FAREWELL: Final = 5.0  # seconds to unsubscribe or close

_TRANSIENT: Final = frozenset(
    # what a hub says while it and its plug-ins are starting
    {
        ResultCode.UNKNOWN_SERVICE,
        ResultCode.TIMEOUT,
        ResultCode.ILLEGAL_SERVER_STATE,
        ResultCode.PLUGIN_SUSPENDED,
    }
)

log = logging.getLogger(__name__)

_socket_log = logging.getLogger(f"{__name__}.socket")
# At DEBUG the library would write down every frame, the one with the access token among them.
_socket_log.setLevel(logging.INFO)


class Stream(msgspec.Struct, frozen=True):
    """What is listened to."""

    profile: str
    attribute: str
    service_id: str
    params: tuple[tuple[str, str | int | float | bool], ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """How events find it: the case of names does not matter, that of ids does."""
        return self.service_id, self.profile.lower(), self.attribute.lower()


class Asker(Protocol):
    """The part of the client that the channel needs."""

    async def listen(self, method: str, stream: Stream) -> None:
        """PUT or DELETE a stream; raises HubError."""

    def reveal_token(self) -> str:
        """Return the access token; raises TokenRejected where there is none."""


class Events:
    """The events of one stream, in order: `async for event in events`.

    `dropped` counts events that came faster than they were taken, `lost` how often the connection
    was lost for so long that events may be missing: then read the state again. No event comes
    twice, unless `renew` asks for it. The iteration raises
    HubRefused when the service's events ended with a failure, TokenRejected when the token was
    revoked and HubUnreachable when the hub stayed away.
    """

    def __init__(self, stream: Stream, renew: Callable[[], Awaitable[None]]) -> None:
        self.stream = stream
        self.dropped = 0
        self.lost = 0
        self._seen = Seen()
        self._renew = renew
        self._waiting: deque[Event] = deque()
        self._changed = asyncio.Event()
        self._error: HubError | None = None

    def __aiter__(self) -> "Events":
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._error is not None:
                raise self._error
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()

    async def renew(self) -> None:
        """Ask the hub again to send these events, after a long silence; raises HubError."""
        self._seen.forget()
        await self._renew()

    def offer(self, event: Event, event_id: str = "") -> None:
        """Add an event, for the channel; one with a known id is dropped."""
        if not self._seen.first_time(event_id):
            return
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(event)
        self._changed.set()

    def fail(self, error: HubError) -> None:
        """End the iteration after the events that came already, for the channel."""
        self._error = self._error or error
        self._changed.set()


class Channel:
    """The socket, and who listens to what over it."""

    def __init__(
        self,
        url: str,
        origin: str,
        asker: Asker,
        patience: float,
        verifier: Verifier | None = None,
        proof: Proof | None = None,
    ) -> None:
        self._url = url
        self._proof = proof
        self._verifier = verifier
        self._origin = origin
        self._asker = asker
        self._patience = patience
        self._listening: dict[tuple[str, str, str], list[Events]] = {}
        self._cursor = Cursor()
        self._lock = asyncio.Lock()  # subscriptions come and go one at a time
        self._runner: asyncio.Task[None] | None = None

    async def subscribe(self, stream: Stream) -> Events:
        """Listen to a stream; raises HubError."""
        async with self._lock:
            if self._runner is None or self._runner.done():
                self._cursor = Cursor()  # nobody listened: what came meanwhile is nobody's
                socket = await self._open()  # before the PUT, so that no event is missed
                self._runner = asyncio.create_task(self._run(socket), name="gotapi events")
            events = Events(stream, lambda: self._asker.listen("PUT", stream))
            listeners = self._listening.setdefault(stream.key, [])
            listeners.append(events)
            try:
                await self._asker.listen("PUT", stream)
            except BaseException:
                self._forget(events)
                raise
        return events

    async def unsubscribe(self, events: Events, *, tell: bool) -> None:
        """Stop listening; the hub is told when this was the last listener and `tell` is true."""
        async with self._lock:
            if self._forget(events) and tell:
                # The hub notices by itself, later, should it not be there to be told.
                with contextlib.suppress(HubError, TimeoutError):
                    async with asyncio.timeout(FAREWELL):
                        await self._asker.listen("DELETE", events.stream)

    async def close(self) -> None:
        """Close the socket."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
            self._runner = None

    def _forget(self, events: Events) -> bool:
        """Take a listener off; True where its stream has none left."""
        listeners = self._listening.get(events.stream.key, [])
        if events in listeners:
            listeners.remove(events)
            if not listeners:
                del self._listening[events.stream.key]
                return True
        return False

    def _fail(self, error: HubError) -> None:
        for listeners in self._listening.values():
            for events in listeners:
                events.fail(error)
        self._listening.clear()

    async def _run(self, socket: ClientConnection | None) -> None:
        backoff = Backoff(self._patience)
        loop = asyncio.get_running_loop()
        backoff.opened(loop.time())
        error: HubError = unreachable(self._url)
        again = False
        try:
            while True:
                if socket is not None:
                    await self._serve(socket, again)
                    again = True
                    if not self._listening:
                        return
                socket = None
                delay = backoff.lost(loop.time())
                if delay is None:
                    self._fail(error)
                    return
                await asyncio.sleep(delay)
                try:
                    socket = await self._open()
                    backoff.opened(loop.time())
                    error = unreachable(self._url)
                except (TokenRejected, HubUntrusted):
                    raise
                except HubError as failure:
                    error = failure
        except HubError as failure:
            self._fail(failure)

    async def _serve(self, socket: ClientConnection, again: bool) -> None:
        """Take frames until the socket is lost; raises what makes another try useless."""
        renewing = asyncio.create_task(self._renew_all(again), name="gotapi events renewal")
        try:
            while True:
                self._hear(await socket.recv())
        except ConnectionClosed as closed:
            _check_close(closed)
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await _close(socket)

    async def _open(self) -> ClientConnection:
        token = self._asker.reveal_token()
        asked = self._proof.headers() if self._proof is not None else {}
        try:
            socket = await connect(
                self._url,
                ssl=await self._verifier.context() if self._verifier is not None else None,
                additional_headers={NATIVE_HEADER: self._origin, **asked},
                proxy=None,  # as for HTTP: the hub is local
                compression=None,
                open_timeout=OPEN,
                close_timeout=FAREWELL,
                max_size=MAX_FRAME,
                logger=_socket_log,
            )
        except InvalidHandshake as error:
            raise HubRefused(int(ResultCode.ERROR), "The hub refused the WebSocket") from error
        except (OSError, TimeoutError, WebSocketException) as error:
            refused = verification_failure(error)
            if refused is not None and self._verifier is not None:
                raise await self._verifier.explain(refused) from error
            raise unreachable(self._url) from error
        try:
            self._check(socket, asked)  # before the token is sent
            async with asyncio.timeout(VERDICT):
                await socket.send(self._cursor.token_frame(token).decode())
                verdict = check_verdict(await socket.recv())
        except BaseException as error:
            await _close(socket)
            if isinstance(error, ConnectionClosed):
                _check_close(error)
                raise HubUnreachable("The hub closed the WebSocket at once") from error
            if isinstance(error, TimeoutError):
                raise HubUnreachable("The hub did not judge the token in time") from error
            raise
        if self._cursor.opened(verdict):
            for listeners in self._listening.values():
                for events in listeners:
                    events.lost += 1
        return socket

    def _check(self, socket: ClientConnection, asked: Mapping[str, str]) -> None:
        if self._proof is not None and socket.response is not None:
            path = urlsplit(self._url).path
            fields = {name.lower(): value for name, value in socket.response.headers.raw_items()}
            self._proof.check(asked, "GET", path, socket.response.status_code, fields, b"")

    def _hear(self, frame: str | bytes) -> None:
        heard = parse_event(frame)
        if heard is None:
            log.warning("a frame of %d characters that is no event was ignored", len(frame))
            return
        event, error = heard if isinstance(heard, tuple) else (heard, None)
        event_id, event = self._cursor.take(event)
        key = (event.service_id, event.profile.lower(), event.attribute.lower())
        if error is None:
            for events in self._listening.get(key, ()):
                events.offer(event, event_id)
        else:
            for events in self._listening.pop(key, ()):
                events.fail(error)

    async def _renew_all(self, again: bool) -> None:
        """Subscribe again to every stream; failing ones are tried again while the socket lasts."""
        if not again:
            return  # the first socket: each listener subscribes by itself
        backoff = Backoff(self._patience)
        loop = asyncio.get_running_loop()
        due = [listeners[0].stream for listeners in self._listening.values()]
        while due:
            failed = [stream for stream in due if not await self._renewed(stream)]
            if not failed:
                return
            delay = backoff.lost(loop.time())
            if delay is None:
                for stream in failed:
                    self._give_up(stream, HubUnreachable("The service did not come back in time"))
                return
            await asyncio.sleep(delay)
            due = failed

    async def _renewed(self, stream: Stream) -> bool:
        """Subscribe to a stream again; False where it may work later."""
        if stream.key not in self._listening:
            return True
        try:
            await self._asker.listen("PUT", stream)
        except HubRefused as error:
            if error.code in _TRANSIENT:
                return False
            self._give_up(stream, error)
        except HubError:
            return False
        return True

    def _give_up(self, stream: Stream, error: HubError) -> None:
        for events in self._listening.pop(stream.key, ()):
            events.fail(error)


def _check_close(closed: ConnectionClosed) -> None:
    """Raise where opening the socket again would not help."""
    code = closed.rcvd.code if closed.rcvd is not None else None
    if code == CloseCode.REVOKED:
        raise TokenRejected(
            int(ResultCode.INVALID_TOKEN), "The access was revoked, or has expired"
        ) from closed
    if code == CloseCode.REPLACED:  # another try would close another one of ours
        raise HubRefused(
            int(ResultCode.ILLEGAL_SERVER_STATE),
            "This application has too many WebSockets at the hub, and this was its oldest",
        ) from closed
    sent = None if closed.rcvd_then_sent else closed.sent
    if sent is not None and sent.code == CloseCode.TOO_BIG:
        raise HubFault(f"The hub sent an event larger than {MAX_FRAME} bytes") from closed


async def _close(socket: ClientConnection) -> None:
    with contextlib.suppress(OSError, TimeoutError, WebSocketException):
        await socket.close()
