"""The hub's side of one GotAPI-4 connection: answers awaited, plug-in's requests served.

A port owns the channel (pipes or a WebSocket), feeds what arrives to `received`, and asks through
`request` and `events`. What the plug-in does wrong is told to it, logged, and ends the connection
where it cannot go on.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import gotapi_core
from gotapi_core.host.event_buffer import EventBuffer
from gotapi_core.host.plugin_requests import PluginRequests
from gotapi_core.host.port import PluginGone, PortEvent
from gotapi_core.plugin.context import Context
from gotapi_core.plugin.rights import Rights
from gotapi_core.protocol.errors import GotapiError, PayloadTooLarge, TooManyRequests
from gotapi_core.protocol.peer import Peer, Phase, Side
from gotapi_core.protocol.plugin_wire import (
    BEAT,
    FEATURES,
    IN_FLIGHT,
    SILENCE,
    VERSION,
    WINDOW,
    Bye,
    Cancel,
    Describe,
    Event,
    EventAck,
    EventEnd,
    EventStart,
    Fault,
    Hello,
    HubRequest,
    LocalError,
    Log,
    Members,
    Message,
    Pace,
    Ping,
    PluginRequest,
    Pong,
    RemoteError,
    Reply,
    RightsData,
    ServicesChanged,
    TooLargeError,
    Welcome,
    error_of,
    failure_of,
)

MOST_WAITING = 8 * 1024 * 1024  # bytes that a plug-in has not read yet; then calls are refused
_MOST_LINES = 200  # log lines of a plug-in within one beat; the others are counted only
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Channel(ABC):
    """What carries messages to the plug-in."""

    @abstractmethod
    def send(self, text: bytes) -> None:
        """Queue one message."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Bytes queued that the plug-in has not taken."""

    @abstractmethod
    def cut(self) -> None:
        """End it at once, with whatever is behind it."""


class RefusedStart(Exception):  # noqa: N818  # it is the plug-in's answer
    """The plug-in says that it cannot start, and why."""


class Conversation:
    """One connection with one plug-in, from `hello` to the end of the channel."""

    def __init__(self, context: Context, channel: Channel, spool: str) -> None:
        self._context = context
        self._channel = channel
        self._spool = spool
        self._loop = asyncio.get_running_loop()
        self._peer = Peer(Side.HUB)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._streams: dict[int, EventBuffer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._requests = PluginRequests(context)
        self._heard = self._loop.time()
        self._beat_due = self._heard
        self._beat: asyncio.TimerHandle | None = None
        self._lines = 0
        self._over = False
        self.cut_off = False  # the hub ended it, for a fault of the plug-in
        self.described: asyncio.Future[Describe] = self._loop.create_future()
        self.gone: asyncio.Future[str] = self._loop.create_future()

    # -- for the port ----------------------------------------------------------------------

    def received(self, text: bytes) -> None:
        """Take one message of the plug-in."""
        if self._over:
            return
        self._heard = self._loop.time()
        try:
            message = self._peer.receive(text)
        except RemoteError as error:
            self._complain(error)
            return
        if message is not None:
            self._take(message)

    def fail(self, reason: str) -> None:
        """Cut the connection: the plug-in broke a rule, hangs or takes too much."""
        if not self._over:
            self.cut_off = True
            self.lost(reason)
            self._channel.cut()

    def lost(self, reason: str) -> None:
        """Hear that the channel has ended; everybody who waits for an answer is told."""
        if self._over:
            return
        self._over = True
        if self._beat is not None:
            self._beat.cancel()
        for task in self._tasks:
            task.cancel()
        gone = f"plug-in '{self._context.plugin_id}' {reason}"
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(PluginGone(f"{gone}; try again in a moment"))
        for buffer in self._streams.values():
            buffer.end(PluginGone(gone))
        if not self.described.done():
            self.described.set_exception(PluginGone(gone))
            self.described.exception()  # seen, even where nobody asks
        if not self.gone.done():
            self.gone.set_result(reason)

    def note(self, level: str, text: str) -> None:
        """Put a line of the plug-in into the hub's log; too many in a beat are only counted."""
        self._lines += 1
        if self._lines <= _MOST_LINES:
            shown = "".join(c if c.isprintable() else " " for c in text)
            self._context.log.log(_LEVELS[level], "%s", shown)

    def refuse(self, reason: str) -> None:
        """Tell the plug-in that it is not taken as it is, and why."""
        self._send(Bye(reason[:4000], error=True))
        self._refused(reason)

    def bye(self, reason: str) -> None:
        """Ask the plug-in to end itself; `gone` tells when it has."""
        if not self._over and self._peer.phase in (Phase.STARTING, Phase.READY):
            self._send(Bye(reason))
        elif not self._over:
            self.fail("was stopped before it had said hello")

    async def request(self, make: Callable[[int], HubRequest]) -> Members:
        """Ask the plug-in; raises the GotapiError it answered, or PluginGone."""
        message = make(self._peer.next_id())
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._ask(message)
        self._waiting[message.id] = future
        try:
            reply = await future
        finally:
            if self._waiting.pop(message.id, None) is not None:
                self._cancel(message.id)
        if reply.error is not None:
            raise error_of(reply.error)
        return reply.result

    async def events(self, make: Callable[[int], EventStart]) -> AsyncGenerator[PortEvent, None]:
        """Start a stream; closing the generator ends it."""
        message = make(self._peer.next_id())
        buffer = EventBuffer()
        self._ask(message)
        self._streams[message.id] = buffer
        taken = 0
        try:
            while (event := await buffer.take()) is not None:
                yield event
                taken += 1
                if taken >= WINDOW // 2 and not buffer.ended:
                    self._send(EventAck(message.id, taken))
                    taken = 0
        finally:
            del self._streams[message.id]
            if not buffer.ended:
                self._cancel(message.id)

    # -- inside ----------------------------------------------------------------------------

    def _ask(self, message: HubRequest) -> None:
        if self._over:
            raise PluginGone(f"plug-in '{self._context.plugin_id}' is gone; try again in a moment")
        if self._channel.waiting > MOST_WAITING:
            raise TooManyRequests(
                f"plug-in '{self._context.plugin_id}' does not read what it is sent; try again"
            )
        try:
            self._send(message)
        except TooLargeError as error:
            raise PayloadTooLarge(f"the request is too large for the plug-in: {error}") from error
        except LocalError as error:
            raise PluginGone(f"plug-in '{self._context.plugin_id}' is stopping: {error}") from error

    def _send(self, message: Message) -> None:
        if not self._over:
            self._channel.send(self._peer.send(message))

    def _cancel(self, request: int) -> None:
        if not self._over and self._peer.phase is Phase.READY:
            self._send(Cancel(request))
        else:
            self._peer.abandon(request)

    def _take(self, message: Message) -> None:
        match message:
            case Reply():
                future = self._waiting.pop(message.id)
                if not future.done():
                    future.set_result(message)
            case Event():
                self._event(message)
            case EventEnd():
                error = None if message.error is None else error_of(message.error)
                self._streams[message.id].end(error)
            case Ping():
                self._send(Pong(message.n))
            case Pong():
                pass
            case Log():
                self.note(message.level, message.message)
            case ServicesChanged():
                self._context.services_changed()
            case Hello():
                self._hello(message)
            case Describe():
                if not self.described.done():
                    self.described.set_result(message)
                    self._next_beat()
            case Bye():
                self._bye(message)
            case _:
                self._serve(message)  # type: ignore[arg-type]  # the table lets only these through

    def _event(self, message: Event) -> None:
        buffer = self._streams[message.id]
        if not buffer.put(PortEvent(members=message.value, durable=message.durable)):
            self._complain(
                RemoteError(
                    f"event stream {message.id}: wait for eventAck after {WINDOW} events",
                    fatal=False,
                )
            )
            self._cancel(message.id)

    def _hello(self, message: Hello) -> None:
        if not message.versions.min <= VERSION <= message.versions.max:
            wanted = f"{message.versions.min} to {message.versions.max}"
            self.refuse(f"this hub speaks GotAPI-4 version {VERSION}, the plug-in {wanted}")
        elif message.id != self._context.plugin_id:
            self.refuse(f"'hello' says id {message.id!r}, but this is '{self._context.plugin_id}'")
        else:
            self._welcome(message)

    def _welcome(self, message: Hello) -> None:
        settings: Any = self._context.settings
        self._send(
            Welcome(
                version=VERSION,
                hub=f"gotapi-hub/{gotapi_core.__version__}",
                plugin=self._context.plugin_id,
                settings=settings if isinstance(settings, dict) else {},
                folder=str(self._context.folder),
                spool=self._spool,
                features=tuple(one for one in FEATURES if one in message.features)
                if message.features
                else FEATURES,
                pace=Pace(),
                rights=_rights(self._context.rights),
            )
        )

    def _refused(self, reason: str) -> None:
        """End before the start was complete; not a crash, so that nothing is tried again."""
        if not self.described.done():
            self.described.set_exception(RefusedStart(reason))
            self.described.exception()  # seen, even where nobody asks
        self.lost(f"could not start: {reason}")

    def _bye(self, message: Bye) -> None:
        reason = message.reason or "no reason given"
        if not self.described.done():
            self._refused(reason)
        else:
            self.lost(f"ended itself: {reason}")

    def _serve(self, message: PluginRequest) -> None:
        if self._peer.due > IN_FLIGHT:
            error = TooManyRequests(f"at most {IN_FLIGHT} requests may be open; wait for answers")
            self._send(Reply(message.id, error=failure_of(error)))
            return
        task = self._loop.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: PluginRequest) -> None:
        result, error = await _settled(self._requests.answer(message))
        if error is not None:
            reply = Reply(message.id, error=failure_of(error))
        else:
            reply = Reply(message.id, result or {})
        try:
            self._send(reply)
        except LocalError as too_large:
            self._send(Reply(message.id, error=failure_of(TooManyRequests(str(too_large)))))

    def _complain(self, error: RemoteError) -> None:
        self._context.log.error("GotAPI-4: %s", error)
        self._send(Fault(str(error)[:8000]))
        if error.fatal:
            self.fail(f"broke a rule of GotAPI-4: {error}"[:500])

    # -- heartbeat -------------------------------------------------------------------------

    def _next_beat(self) -> None:
        self._beat_due = self._loop.time() + BEAT
        self._beat = self._loop.call_at(self._beat_due, self._on_beat)

    def _on_beat(self) -> None:
        now = self._loop.time()
        if self._lines > _MOST_LINES:
            self._context.log.warning("%d more lines were left out", self._lines - _MOST_LINES)
        self._lines = 0
        if now - self._beat_due > BEAT:
            self._heard = now  # the hub itself was held up; what came meanwhile is not read yet
        if now - self._heard >= SILENCE:
            self.fail(f"hung: it sent nothing for {SILENCE:g} s")
            return
        if self._peer.phase in (Phase.READY, Phase.CLOSING):
            self._send(Ping())
        # Often enough to notice the silence when it is due, not at the beat after it.
        self._beat_due = min(now + BEAT, max(self._heard + SILENCE, now + 0.1))
        self._beat = self._loop.call_at(self._beat_due, self._on_beat)


def _rights(rights: Rights) -> RightsData:
    return RightsData(
        rights.serial_patterns, rights.bluetooth, rights.network, rights.folders, rights.calls
    )


async def _settled(
    work: Coroutine[Any, Any, Members],
) -> tuple[Members | None, GotapiError | None]:
    try:
        return await work, None
    except GotapiError as error:
        return None, error
