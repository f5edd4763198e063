"""Who listens to which events: starts a stream for its first listener, ends it after the last.

An application listens (PUT) and its events go to every WebSocket it has open. Each WebSocket has a
bounded outbox of its own, so a slow one never holds up another (DWAPI-3DP 7.2.3, 7.3.3).
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from contextlib import aclosing
from typing import Protocol

from gotapi_core.host.supervisor import Supervisor
from gotapi_core.plugin.context import Call
from gotapi_core.protocol.errors import GotapiError
from gotapi_core.protocol.frames import event_error_frame, event_frame
from gotapi_core.protocol.routes import Route
from gotapi_core.protocol.subscriptions import Stream, Subscriptions

log = logging.getLogger(__name__)


class Ear(Protocol):
    """The sending side of one WebSocket."""

    def offer(self, frame: bytes, key: str | None) -> None:
        """Queue a frame; one with a key may be replaced by a newer one with the same key."""


class Listeners:
    """The table of streams, their running generators, and the sockets that hear them."""

    def __init__(self, linger_time: float) -> None:
        self._linger_time = linger_time
        self._subscriptions = Subscriptions()
        self._running: dict[Stream, asyncio.Task[None]] = {}
        self._latest: dict[Stream, tuple[bytes, str | None]] = {}
        self._ears: dict[str, set[Ear]] = defaultdict(set)
        self._lingering: dict[str, asyncio.TimerHandle] = {}

    def listen(
        self,
        application: str,
        stream: Stream,
        supervisor: Supervisor,
        route: Route,
        call: Call,
        params: Mapping[str, object],
    ) -> None:
        """Add an application to a stream; the latest value, if there is one, goes out at once."""
        first = self._subscriptions.add(stream, application)
        if not self._ears.get(application):
            self._linger(application)
        if first:
            run = self._run(stream, supervisor, route, call, params)
            self._running[stream] = asyncio.create_task(run, name=f"events {stream.name.path}")
        elif stream in self._latest:
            self._offer(application, *self._latest[stream])

    def unlisten(self, application: str, stream: Stream) -> None:
        """Take an application off a stream; one it does not listen to is no error."""
        if self._subscriptions.remove(stream, application):
            self._end(stream)

    def unlisten_all(self, application: str) -> None:
        """Take an application off everything it listens to."""
        timer = self._lingering.pop(application, None)
        if timer is not None:
            timer.cancel()
        for stream in self._subscriptions.remove_all(application):
            self._end(stream)

    def attach(self, application: str, ear: Ear) -> None:
        """Send an application's events to a socket too, beginning with the latest values."""
        self._ears[application].add(ear)
        timer = self._lingering.pop(application, None)
        if timer is not None:
            timer.cancel()
        for stream in self._subscriptions.streams_of(application):
            if stream in self._latest:
                ear.offer(*self._latest[stream])

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
        """End every stream."""
        for timer in self._lingering.values():
            timer.cancel()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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
        supervisor: Supervisor,
        route: Route,
        call: Call,
        params: Mapping[str, object],
    ) -> None:
        key = f"{stream.service_id} {stream.name.path} {stream.params_key}"
        try:
            async with aclosing(supervisor.events(route, call, params)) as events:
                async for event in events:
                    frame = event_frame(stream.service_id, stream.name, event.members)
                    self._publish(stream, frame, None if event.durable else key)
        except GotapiError as error:
            log.info("events of %s ended: %s", key, error.message)
            self._publish(stream, event_error_frame(stream.service_id, stream.name, error), None)
        # the generator is over (not cancelled): nobody listens to it any more
        for application in list(self._subscriptions.subscribers(stream)):
            self._subscriptions.remove(stream, application)
        self._running.pop(stream, None)
        self._latest.pop(stream, None)

    def _publish(self, stream: Stream, frame: bytes, key: str | None) -> None:
        self._latest[stream] = (frame, key)
        for application in self._subscriptions.subscribers(stream):
            self._offer(application, frame, key)

    def _offer(self, application: str, frame: bytes, key: str | None) -> None:
        for ear in tuple(self._ears.get(application, ())):
            ear.offer(frame, key)

    def _end(self, stream: Stream) -> None:
        self._latest.pop(stream, None)
        task = self._running.pop(stream, None)
        if task is not None:
            task.cancel()
