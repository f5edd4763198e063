"""The creation services the hub knows, and which of them answer; asked seldom, all at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from gotapi_creation.client import ServiceClient
from gotapi_creation.model import EMBEDDED, PLUGIN
from gotapi_creation.registry import Registration, RegistryError, unique_id
from gotapi_creation.wire import Code, CreationError, Op, Request, ServiceEntry, read_discovery
from gotapi_creation.wire.words import Folded

if TYPE_CHECKING:
    import httpx2

log = logging.getLogger("gotapi.plugin.creation")

PROBE_TIME: Final = 1.5  # seconds; the hub gives discovery two
_GOOD_FOR: Final = 30.0  # seconds an answer counts
_BAD_FOR: Final = 5.0  # seconds until a service that was down is asked again
_MOST_ENTRIES: Final = 32  # services at one address
Registrations = Callable[[], Sequence[Registration]]


class Known(msgspec.Struct, frozen=True):
    """A service: its own id in the hub, where it is, and what it says of itself."""

    id: str
    registration: Registration
    entry: ServiceEntry


class _Seen(msgspec.Struct, frozen=True):
    """The last answer of a registration."""

    until: float
    entries: tuple[ServiceEntry, ...]


class Services:
    """Finds services by id; `monotonic` gives seconds for the age of answers."""

    def __init__(
        self,
        registrations: Registrations,
        http: Callable[[], httpx2.AsyncClient],
        call_time: float,
        monotonic: Callable[[], float],
        ready: Callable[[], Awaitable[Registration]] | None = None,
    ) -> None:
        self._registrations = registrations
        self._http = http
        self._call_time = call_time
        self._monotonic = monotonic
        self._ready = ready  # starts the embedded service
        self._seen: dict[str, _Seen] = {}

    async def client(self, registration: Registration) -> ServiceClient:
        """Return a client of a registered address; raises CreationError where it cannot start."""
        if registration.id == EMBEDDED and self._ready is not None:
            registration = await self._ready()
        return ServiceClient(self._http(), registration.url, registration.key, self._call_time)

    async def all(self, request_code: int | None = None) -> list[Known]:
        """Return every service; those that do not answer in time are not online."""
        registered = self._registered()
        await asyncio.gather(*(self._probe(one, request_code) for one in registered))
        return self.known()

    def known(self) -> list[Known]:
        """Return every service as it was seen last."""
        found: list[Known] = []
        for one in self._registered():
            seen = self._seen.get(one.id)
            entries = (seen.entries if seen else ()) or (_unseen(one),)
            taken: set[str] = set()
            for entry in entries:
                own = one.id
                if len(entries) > 1:
                    own = f"{one.id}-{unique_id(entry.service_id, taken)}"
                    taken.add(own.removeprefix(f"{one.id}-"))
                found.append(Known(own, one, entry))
        return found

    def _registered(self) -> Sequence[Registration]:
        try:
            return self._registrations()
        except RegistryError as error:
            log.error("%s", error)
            return ()

    async def find(self, service_id: str) -> Known:
        """Return a service by its id, here or in the hub; the only one where none is named.

        Raises CreationError(UNKNOWN_SERVICE).
        """
        own = service_id.removesuffix(f".{PLUGIN}")
        known = self.known()
        if not own and len(known) == 1:
            return known[0]
        found = next((one for one in known if one.id == own), None)
        if found is None and own:  # it may not have been asked yet
            known = await self.all()
            found = next((one for one in known if one.id == own), None)
        if found is not None:
            return found
        names = ", ".join(f"{one.id}.{PLUGIN}" for one in known) or "none"
        wanted = f"There is no creation service '{service_id[:80]}'"
        if not service_id:
            wanted = "'serviceId' is missing"
        raise CreationError(Code.UNKNOWN_SERVICE, f"{wanted}; there is: {names}")

    async def reach(self, own_id: str) -> tuple[ServiceClient, str]:
        """Return client and remote id of a service; raises CreationError(UNKNOWN_SERVICE)."""
        for one in self.known():
            if one.id == own_id:
                return await self.client(one.registration), one.entry.service_id
        raise CreationError(
            Code.UNKNOWN_SERVICE, f"The creation service '{own_id}' is not registered any more"
        )

    async def _ask_briefly(self, registration: Registration, request: Request) -> Folded:
        try:
            async with asyncio.timeout(PROBE_TIME):
                client = await self.client(registration)
                return await client.ask(request, tries=1)
        except TimeoutError:
            raise CreationError(
                Code.SERVICE_TIMEOUT, f"no answer within {PROBE_TIME:g} s"
            ) from None

    async def _probe(self, registration: Registration, request_code: int | None) -> None:
        now = self._monotonic()
        if not registration.url:  # the embedded one, which is started when it is needed
            return
        seen = self._seen.get(registration.id)
        if seen is not None and now < seen.until:
            return
        request = Request(op=Op.DISCOVERY, request_code=request_code)
        try:
            members = await self._ask_briefly(registration, request)
            entries = read_discovery(members).services[:_MOST_ENTRIES]
            self._seen[registration.id] = _Seen(now + _GOOD_FOR, entries)
        except CreationError as error:
            log.info("creation service %s: %s", registration.id, error.message)
            before = seen.entries if seen is not None else (_unseen(registration),)
            offline = tuple(msgspec.structs.replace(one, online=False) for one in before)
            self._seen[registration.id] = _Seen(now + _BAD_FOR, offline)


def _unseen(registration: Registration) -> ServiceEntry:
    name = registration.name or registration.id
    return ServiceEntry("", name, online=registration.id == EMBEDDED)
