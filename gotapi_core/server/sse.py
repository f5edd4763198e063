"""Server-Sent Events: an application's events as a plain HTTP answer that does not end.

`GET /gotapi/events` is for listeners without a WebSocket, curl among them; what is listened to is
still said by PUT and DELETE. The frames are those of GotAPI-5. Each has an id, and a client that
comes back with the last one as `Last-Event-ID` gets what it missed; where the hub does not know
any more what that is, the event `reset` says so.
"""

import asyncio

from gotapi_auth.server import Access, AuthEvent, Revoked
from gotapi_core.hub import Hub
from gotapi_core.protocol.delivery import Offer
from gotapi_core.protocol.errors import GotapiError, InvalidMethod, TooManyRequests, error_body
from gotapi_core.protocol.identity import identify, lineage_of
from gotapi_core.protocol.params import parse_query, take_common
from gotapi_core.protocol.replay import Feed, Position, Sent
from gotapi_core.server.asgi import Headers, RawHeaders, Receive, Scope, Send, send_json
from gotapi_core.server.cors import cors_headers
from gotapi_core.server.files import bearer

PATH = "/gotapi/events"
BEAT = 15.0  # seconds between comments that keep proxies and clients from giving up

_HEADERS: RawHeaders = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


class EventStreams:
    """Answers `GET /gotapi/events`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open: set[EventStream] = set()
        hub.auth.subscribe(self._hear)

    async def answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Send events until the client goes, the token is revoked or the hub stops."""
        try:
            access = self._access(scope, headers)
        except GotapiError as error:
            status, members = error_body(error, lineage_of(headers))
            await send_json(send, status, members, cors_headers(headers))
            return
        fields = [*_HEADERS, *cors_headers(headers)]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        stream = EventStream(access, self._hub)
        self._open.add(stream)
        stream.attach(_cursor(scope, headers))
        try:
            await self._serve(stream, receive, send)
        finally:
            self._hub.listeners.detach(access.application_id, stream)
            self._open.discard(stream)

    def close_all(self) -> None:
        """End every stream because the hub stops."""
        for stream in self._open:
            stream.close()

    def _access(self, scope: Scope, headers: Headers) -> Access:
        if scope["method"] != "GET":
            raise InvalidMethod(f"{PATH} takes GET; PUT and DELETE an attribute to listen or stop")
        token = take_common(parse_query(scope["query_string"])).access_token or bearer(headers)
        access = self._hub.auth.authenticate(token, identify(headers))
        limit = self._hub.settings.server.sockets_per_application
        mine = sum(stream.access.application_id == access.application_id for stream in self._open)
        if mine >= limit:
            raise TooManyRequests(f"This application has {limit} event streams; close one first")
        return access

    async def _serve(self, stream: "EventStream", receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_until_gone(receive))
        pump = asyncio.create_task(stream.pump(send, self._hub.settings.server.stall_time))
        try:
            await asyncio.wait({gone, pump}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gone, pump):
                task.cancel()
            await asyncio.gather(gone, pump, return_exceptions=True)
        if not gone.done() or gone.cancelled():
            await send({"type": "http.response.body", "body": b""})

    def _hear(self, event: AuthEvent) -> None:
        if isinstance(event, Revoked):
            for stream in self._open:
                if stream.access.token_id in event.token_ids:
                    stream.close()


class EventStream:
    """One open answer: an ear of its application."""

    def __init__(self, access: Access, hub: Hub) -> None:
        self.access = access
        self._hub = hub
        self._feed = Feed(hub.settings.server.event_queue)
        self._greeting = b""
        self._wake = asyncio.Event()
        self._closed = False

    def attach(self, cursor: str) -> None:
        """Begin to hear, after a cursor where there is one."""
        listeners = self._hub.listeners
        position = listeners.position(self.access.application_id, cursor)
        self._greeting = _greeting(position, asked=bool(cursor))
        self._feed.start(position)
        listeners.attach(self.access.application_id, self, resumed=position.resumed)

    def offer(self, frame: bytes, key: str | None, number: int) -> None:
        """Queue an event; an overflow ends the stream."""
        if self._feed.offer(frame, key, number) is Offer.OVERFLOW:
            self._closed = True
        self._wake.set()

    def close(self) -> None:
        """End the stream."""
        self._closed = True
        self._wake.set()

    async def pump(self, send: Send, stall: float) -> None:
        """Send what is queued until the stream is closed or the client takes nothing."""
        await _send_piece(send, self._greeting, stall)
        while not self._closed:
            while not self._closed and (sent := self._feed.take()) is not None:
                await _send_piece(send, self._event(sent), stall)
            self._wake.clear()
            try:
                async with asyncio.timeout(BEAT):
                    await self._wake.wait()
            except TimeoutError:
                await _send_piece(send, b": still here\n\n", stall)

    def _event(self, sent: Sent) -> bytes:
        # An id says that everything up to it was sent, so not every event has one of its own.
        cursor = self._hub.listeners.cursor(sent.settled).encode() if sent.settled else b""
        return (b"id: " + cursor + b"\n" if cursor else b"") + b"data: " + sent.frame + b"\n\n"


def _cursor(scope: Scope, headers: Headers) -> str:
    """Return where the client was: an EventSource sends the header, others may use `resume`."""
    found = headers.get("last-event-id") or parse_query(scope["query_string"]).get("resume", "")
    return found.strip()


def _greeting(position: Position, *, asked: bool) -> bytes:
    if position.resumed:
        return b": resumed\n\n"
    # An id without data is no event, but a client that is cut off before the first one sends it.
    begin = b"id: " + position.cursor.encode() + b"\n"
    if asked:
        return begin + b'event: reset\ndata: {"resumed":false}\n\n'
    return b": listening\n" + begin + b"\n"


async def _send_piece(send: Send, piece: bytes, stall: float) -> None:
    async with asyncio.timeout(stall):
        await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
