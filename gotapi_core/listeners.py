"""Who listens to which events: starts a stream for its first listener, ends it after the last.

An application listens (PUT) and its events go to every WebSocket it has open. Each WebSocket has a
bounded outbox of its own, so a slow one never holds up another (DWAPI-3DP 7.2.3, 7.3.3).
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from gotapi_core.host.port import PortEvent
from gotapi_core.plugin.context import Call
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.protocol.frames import event_error_frame, event_frame
from gotapi_core.protocol.names import Name
from gotapi_core.protocol.replay import EventLogs, Position
from gotapi_core.protocol.routes import Route
from gotapi_core.protocol.subscriptions import Stream, Subscriptions

log = logging.getLogger(__name__)

END_TIME = 5.0  # seconds that generators get at the hub's end to clean up behind them


class Ear(Protocol):
    """The sending side of one WebSocket."""

    def offer(self, frame: bytes, key: str | None, number: int) -> None:
        """Queue an event; one with a key may be replaced by a newer one with the same key.

        `number` is its place among the application's events.
        """


class Source(Protocol):
    """Where events come from: a plug-in's supervisor, or the hub itself."""

    def events(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        """Start a stream; closing the generator ends it. Raises only GotapiError."""


@dataclass(frozen=True, slots=True)
class _Latest:
    """The last event of a stream, and its number for each application that has heard it."""

    frame: bytes
    key: str | None
    numbers: dict[str, int] = field(default_factory=dict)


class Listeners:
    """The table of streams, their running generators, and the sockets that hear them."""

    def __init__(self, linger_time: float, end_time: float = END_TIME) -> None:
        self._linger_time = linger_time
        self._end_time = end_time
        self._subscriptions = Subscriptions()
        self._running: dict[Stream, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # those and the ones still cleaning up
        self._latest: dict[Stream, _Latest] = {}
        self._logs = EventLogs(secrets.token_hex(8))
        self._ears: dict[str, set[Ear]] = defaultdict(set)
        self._lingering: dict[str, asyncio.TimerHandle] = {}

    def listen(
        self,
        application: str,
        stream: Stream,
        source: Source,
        route: Route,
        call: Call,
        params: Mapping[str, object],
    ) -> None:
        """Add an application to a stream; the latest value, if there is one, goes out at once.

        The same source with other parameters takes the place of the one it listened to: frames do
        not tell them apart. Raises TooManyRequests.
        """
        first = self._subscriptions.add(stream, application)
        self._drop(application, stream.service_id, stream.name, keep=stream)
        if not self._ears.get(application):
            self._linger(application)
        if first:
            run = self._run(stream, source, route, call, params)
            task = asyncio.create_task(run, name=f"events {stream.name.path}")
            self._running[stream] = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif stream in self._latest:
            self._offer(application, self._latest[stream])

    def unlisten(self, application: str, service_id: str, name: Name) -> None:
        """Take an application off a source of events; not to listen to it is no error."""
        self._drop(application, service_id, name, keep=None)
        if not self._subscriptions.streams_of(application):
            self._stay(application)

    def unlisten_all(self, application: str) -> None:
        """Take an application off everything it listens to."""
        self._stay(application)
        for stream in self._subscriptions.remove_all(application):
            self._end(stream)
        self._begin_anew(application)  # no stream is told from here on

    def keep_only(self, application: str, profiles: Collection[str]) -> None:
        """Take an application off everything but these profiles, of which nothing is repeated."""
        streams = self._subscriptions.streams_of(application)
        lost = [stream for stream in streams if stream.name.profile not in profiles]
        for stream in lost:
            self.unlisten(application, stream.service_id, stream.name)
        if lost:
            self._begin_anew(application)  # else a listener could resume with lost events

    def position(self, application: str, cursor: str = "") -> Position:
        """Return where a listener that was here before goes on; attach it in the same step."""
        return self._logs.position(application, cursor, _now())

    def cursor(self, number: int) -> str:
        """Return the text that stands for an event's number."""
        return self._logs.cursor(number)

    def attach(self, application: str, ear: Ear, *, resumed: bool = False) -> None:
        """Send an application's events to a socket too, beginning with the latest values.

        One that `resumed` has had them, or gets them with what it missed.
        """
        self._ears[application].add(ear)
        self._stay(application)
        for stream in () if resumed else self._subscriptions.streams_of(application):
            if stream in self._latest:
                latest = self._latest[stream]
                ear.offer(latest.frame, latest.key, self._number(application, latest))

    def detach(self, application: str, ear: Ear) -> None:
        """Forget a socket; without any, the application's streams end after the linger time."""
        ears = self._ears.get(application, set())
        ears.discard(ear)
        if not ears:
            self._ears.pop(application, None)
            self._linger(application)

    def streams(self) -> int:
        """Count the running streams."""
        return len(self._running)

    async def close(self) -> None:
        """End every stream; returns when their generators have ended, or the time for it has."""
        for application in list(self._lingering):
            self._stay(application)
        for stream in list(self._running):
            self._end(stream)
        self._subscriptions = Subscriptions()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._end_time)
            for task in late:
                log.error("%s did not end within %g s", task.get_name(), self._end_time)

    def _begin_anew(self, application: str) -> None:
        """Let nobody go on from before."""
        self._logs.forget(application)
        for latest in self._latest.values():
            latest.numbers.pop(application, None)

    def _drop(self, application: str, service_id: str, name: Name, keep: Stream | None) -> None:
        for stream in self._subscriptions.streams_of(application):
            other = (stream.service_id, stream.name) != (service_id, name) or stream == keep
            if not other and self._subscriptions.remove(stream, application):
                self._end(stream)

    def _stay(self, application: str) -> None:
        timer = self._lingering.pop(application, None)
        if timer is not None:
            timer.cancel()

    def _linger(self, application: str) -> None:
        if application in self._lingering or not self._subscriptions.streams_of(application):
            return
        loop = asyncio.get_running_loop()
        self._lingering[application] = loop.call_later(
            self._linger_time, self.unlisten_all, application
        )

    async def _run(
        self,
        stream: Stream,
        source: Source,
        route: Route,
        call: Call,
        params: Mapping[str, object],
    ) -> None:
        key = f"{stream.service_id} {stream.name.path} {stream.params_key}"
        me = asyncio.current_task()
        try:
            async with aclosing(source.events(route, call, params)) as events:
                async for event in events:
                    if self._running.get(stream) is not me:
                        return  # its last listener left, but it went on
                    frame = event_frame(stream.service_id, stream.name, event.members)
                    self._publish(stream, frame, None if event.durable else key)
                    await asyncio.sleep(0)  # one that never waits must not stop the hub
        except GotapiError as error:
            log.info("events of %s ended: %s", key, error.message)
            if self._running.get(stream) is me:
                frame = event_error_frame(stream.service_id, stream.name, error)
                self._publish(stream, frame, None)
        if self._running.get(stream) is not me:
            return  # others may listen again, to a generator of their own
        # the generator is over (not cancelled): nobody listens to it any more
        for application in list(self._subscriptions.subscribers(stream)):
            self._subscriptions.remove(stream, application)
        self._end(stream)

    def _publish(self, stream: Stream, frame: bytes, key: str | None) -> None:
        latest = self._latest[stream] = _Latest(frame, key)
        for application in self._subscriptions.subscribers(stream):
            self._offer(application, latest)

    def _offer(self, application: str, latest: _Latest) -> None:
        number = self._number(application, latest)
        for ear in tuple(self._ears.get(application, ())):
            ear.offer(latest.frame, latest.key, number)

    def _number(self, application: str, latest: _Latest) -> int:
        if application not in latest.numbers:
            number = self._logs.append(application, latest.frame, latest.key, _now())
            latest.numbers[application] = number
        return latest.numbers[application]

    def _end(self, stream: Stream) -> None:
        self._latest.pop(stream, None)
        task = self._running.pop(stream, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
