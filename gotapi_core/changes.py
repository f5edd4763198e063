"""Which services came, went or changed: the event `servicediscovery/onservicechange`.

Plug-ins announce a change; while somebody listens the hub also asks them now and then, for those
that do not.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from gotapi_core.host.port import PortEvent
from gotapi_core.plugin.context import Call
from gotapi_core.protocol.messages import Service
from gotapi_core.protocol.routes import Route

POLL: Final = 10.0  # seconds between two looks for changes that nobody announced
_GATHER: Final = 0.05  # seconds for announcements that come together; a hub of printers has several


class ServiceChanges:
    """A source of events for `Listeners`, beside the plug-ins: one stream per application.

    `discover` returns every service; `scopes` those of an application, which hears of no other.
    """

    def __init__(
        self,
        discover: Callable[[], Awaitable[Sequence[Service]]],
        scopes: Callable[[str], Collection[str]],
        poll: float = POLL,
    ) -> None:
        self._discover = discover
        self._scopes = scopes
        self._poll = poll
        self._known: dict[str, Service] = {}
        self._heard: set[asyncio.Queue[tuple[Service, bool]]] = set()
        self._poked = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    def poke(self) -> None:
        """Look soon: a plug-in said that its services have changed."""
        self._poked.set()

    async def ready(self) -> None:
        """Return once the services are known with which those from then on are compared."""
        if not self._heard:
            self._known = await self._look()

    async def events(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        """Tell an application of each service of its scopes that came, went or changed."""
        queue: asyncio.Queue[tuple[Service, bool]] = asyncio.Queue()
        self._heard.add(queue)
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch(), name="service changes")
        try:
            while True:
                service, there = await queue.get()
                if not set(service.scopes).isdisjoint(self._scopes(call.application)):
                    members = {"networkService": {**service.to_wire(), "state": there}}
                    yield PortEvent(members, durable=True)  # the newest one says nothing of others
        finally:
            self._heard.discard(queue)
            if not self._heard:
                self._watcher.cancel()
                self._watcher = None

    async def _watch(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._poll):
                    await self._poked.wait()
                await asyncio.sleep(_GATHER)
            except TimeoutError:
                pass  # time for a look of our own
            self._poked.clear()
            found = await self._look()
            for change in differences(self._known, found):
                for queue in self._heard:
                    queue.put_nowait(change)
            self._known = found

    async def _look(self) -> dict[str, Service]:
        return {service.id: service for service in await self._discover()}


def differences(
    before: Mapping[str, Service], after: Mapping[str, Service]
) -> list[tuple[Service, bool]]:
    """Return each service that is not as it was, and whether it is there; the gone ones first.

    One that is gone is shown as it was, offline.
    """
    gone = [
        (Service(id=one.id, name=one.name, online=False, type=one.type, scopes=one.scopes), False)
        for one in before.values()
        if one.id not in after
    ]
    return gone + [(one, True) for one in after.values() if before.get(one.id) != one]
