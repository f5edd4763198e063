"""What the operator sees: requests, applications, services and plug-ins, and when that changes."""

import asyncio
import secrets

import msgspec

from gotapi_auth.server import Application, AuthEvent, PendingRequest
from gotapi_core.host.supervisor import Supervisor
from gotapi_core.hub import Hub
from gotapi_core.protocol.errors import TooManyRequests
from gotapi_core.protocol.messages import Service

HOLD = 25.0  # seconds a long poll waits; below the 30 s after which proxies and clients give up
TICK = 2.0  # seconds; plug-ins tell nobody of a service that came or went, so it is looked for
MAX_WAITERS = 64  # open operator pages; a browser has at most 255 WebSockets to a host
_NAME = 100  # characters shown of a plug-in's name
_COMMAND = 500  # characters shown of what it runs
_MINUTE = 60.0  # the last use is shown in minutes: a busy application must not wake every page


class ScopeView(msgspec.Struct, frozen=True):
    """A scope, and what it allows in its plug-in's words (empty where the plug-in has none)."""

    scope: str
    words: str


class KnownView(msgspec.Struct, frozen=True):
    """An approval that the origin of a request has already."""

    id: str
    name: str
    created: float


class RequestView(msgspec.Struct, frozen=True, rename="camel"):
    """A request that waits for the operator; times are seconds since 1970 (UTC)."""

    code: str
    name: str
    origin: str
    browser: bool
    scopes: tuple[ScopeView, ...]
    created: float
    deadline: float
    waiting: bool
    shows_code: bool
    known: tuple[KnownView, ...]


class ApplicationView(msgspec.Struct, frozen=True, rename="camel"):
    """An application with access."""

    id: str
    name: str
    origin: str
    scopes: tuple[str, ...]
    created: float
    expires: float
    last_used: float | None
    asked: tuple[str, ...]


class PluginView(msgspec.Struct, frozen=True):
    """A plug-in, how it is, and what it wants; `digest` is to be sent back with an approval.

    `detail` says whether there is more to read about a fault. `decided` says that it was approved,
    which may be of an earlier state of its files: then `changes` say what is another now.
    """

    id: str
    name: str
    version: str
    state: str
    reason: str
    detail: bool = False
    bundled: bool = True
    runs: str = ""
    rights: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    digest: str = ""
    decided: bool = False


class ServiceView(msgspec.Struct, frozen=True):
    """A service that plug-ins offer."""

    id: str
    name: str
    type: str
    online: bool
    scopes: tuple[str, ...]
    reason: str
    plugin: str


class Content(msgspec.Struct, frozen=True):
    """All that can change under the operator's eyes; `words` says what a scope allows."""

    requests: tuple[RequestView, ...]
    applications: tuple[ApplicationView, ...]
    plugins: tuple[PluginView, ...]
    services: tuple[ServiceView, ...]
    words: dict[str, str]


class Board:
    """The content with a revision, for those who wait for the next one.

    A revision is only ever compared for being the same. It starts at random, so that one of an
    earlier run of the hub is not taken for one of this run.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        hold: float = HOLD,
        tick: float = TICK,
        max_waiters: int = MAX_WAITERS,
    ) -> None:
        """Look at a hub; `hold` and `tick` are in seconds."""
        self._hub = hub
        self._hold = hold
        self._tick = tick
        self._max_waiters = max_waiters
        self._waiters = 0
        self._closed = False
        self._revision = secrets.randbelow(1 << 31)
        self._content: Content | None = None
        self._services: tuple[ServiceView, ...] = ()
        self._services_time = float("-inf")
        self._discovery: asyncio.Task[None] | None = None
        self._signal = asyncio.Event()
        self._unsubscribe = hub.auth.subscribe(self._on_auth)

    async def now(self) -> tuple[int, Content]:
        """Return the revision and the content as they are."""
        if self._services_time == float("-inf"):
            await asyncio.shield(self._discover())
        elif asyncio.get_running_loop().time() - self._services_time >= self._tick:
            self._discover()  # in the background: a slow plug-in must not delay a request
        content = self._build()
        if content != self._content:
            self._content = content
            self._revision += 1
        return self._revision, content

    async def next(self, since: int) -> tuple[int, Content]:
        """Return the content once its revision is not `since`, at the latest after the hold time.

        Raises TooManyRequests.
        """
        if self._waiters >= self._max_waiters:
            raise TooManyRequests(
                f"{self._waiters} operator pages are open already; close some and try again."
            )
        self._waiters += 1
        try:
            return await self._next(since)
        finally:
            self._waiters -= 1

    def close(self) -> None:
        """Answer all who wait, and keep nobody waiting from now on."""
        self._closed = True
        self._unsubscribe()
        if self._discovery is not None:
            self._discovery.cancel()
        self._wake()

    async def _next(self, since: int) -> tuple[int, Content]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._hold
        while True:
            signal = self._signal  # taken first: what comes after the look wakes it
            revision, content = await self.now()
            left = deadline - loop.time()
            if revision != since or self._closed or left <= 0:
                return revision, content
            try:
                async with asyncio.timeout(min(left, self._tick)):
                    await signal.wait()
            except TimeoutError:
                continue

    def _on_auth(self, event: AuthEvent) -> None:
        self._wake()

    def _wake(self) -> None:
        self._signal.set()
        self._signal = asyncio.Event()

    def _discover(self) -> asyncio.Task[None]:
        if self._discovery is None or self._discovery.done():
            self._discovery = asyncio.create_task(self._ask_services())
        return self._discovery

    async def _ask_services(self) -> None:
        found = await self._hub.registry.discover()
        services = tuple(_service(supervisor, service) for supervisor, service in found)
        self._services_time = asyncio.get_running_loop().time()
        if services != self._services:
            self._services = services
            self._wake()

    def _build(self) -> Content:
        auth, words = self._hub.auth, self._hub.scope_words()
        return Content(
            requests=tuple(self._request(one, words) for one in auth.requests()),
            applications=tuple(_application(one) for one in auth.applications()),
            plugins=tuple(self._plugin(one) for one in self._hub.registry),
            services=self._services,
            words=words,
        )

    def _plugin(self, one: Supervisor) -> PluginView:
        health, manifest, card = one.health, one.manifest, self._hub.desk.card(one)
        return PluginView(
            id=one.id,
            name=manifest.name[:_NAME],
            version=manifest.version[:_NAME],
            state=health.state.value,
            reason=health.reason,
            detail=bool(health.detail),
            bundled=card.bundled,
            runs=card.runs[:_COMMAND],
            rights=card.rights,
            changes=card.changes,
            digest=card.digest,
            decided=card.approved is not None,
        )

    def _request(self, request: PendingRequest, words: dict[str, str]) -> RequestView:
        return RequestView(
            code=request.code,
            name=request.application_name,
            origin=request.origin,
            browser=request.browser,
            scopes=tuple(ScopeView(one, words.get(one, "")) for one in request.scopes),
            created=request.created,
            deadline=request.deadline,
            waiting=request.waiting,
            shows_code=request.shows_code,
            known=tuple(KnownView(one.id, one.name, one.created) for one in request.known),
        )


def _application(one: Application) -> ApplicationView:
    used = one.last_used
    return ApplicationView(
        id=one.id,
        name=one.name,
        origin=one.origin,
        scopes=one.scopes,
        created=one.created,
        expires=one.expires,
        last_used=None if used is None else max(one.created, used - used % _MINUTE),
        asked=one.asked,
    )


def _service(supervisor: Supervisor, service: Service) -> ServiceView:
    return ServiceView(
        id=service.id,
        name=service.name,
        type=service.type,
        online=service.online,
        scopes=service.scopes,
        reason=service.reason,
        plugin=supervisor.manifest.name,
    )
