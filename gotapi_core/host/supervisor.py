"""One supervisor a plug-in: its state, its time limits, and the guard around everything it does."""

import asyncio
import enum
import logging
import traceback
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

import msgspec

from gotapi_core.host.begun import Begun
from gotapi_core.host.plugin_tokens import PluginTokens
from gotapi_core.host.port import Description, PluginGone, Port, PortEvent
from gotapi_core.host.restart import Crashes
from gotapi_core.plugin.context import Call, Context
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.errors import (
    GotapiError,
    IllegalServerState,
    PluginDisabled,
    PluginSuspended,
    TimedOut,
    TooManyRequests,
    UnknownError,
)
from gotapi_core.protocol.messages import Service, SurfaceReply, SurfaceRequest
from gotapi_core.protocol.routes import Route

log = logging.getLogger(__name__)

T = TypeVar("T")

_MOST_WORDS = 500  # characters of what a plug-in says that it does

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class PluginState(enum.Enum):
    """Where a plug-in is in its life."""

    FOUND = "found"
    PENDING = "pending"  # the operator has not approved it as it is now: nothing of it runs
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    SUSPENDED = "suspended"  # its process is gone and will be back
    QUARANTINED = "quarantined"  # it crashed too often: off until the operator turns it on
    STOPPED = "stopped"


TRANSITIONS: Mapping[PluginState, frozenset[PluginState]] = {
    PluginState.FOUND: frozenset(
        {PluginState.STARTING, PluginState.FAILED, PluginState.PENDING, PluginState.STOPPED}
    ),
    PluginState.PENDING: frozenset({PluginState.STARTING, PluginState.FAILED, PluginState.STOPPED}),
    PluginState.STARTING: frozenset(
        {PluginState.READY, PluginState.FAILED, PluginState.SUSPENDED, PluginState.STOPPED}
    ),
    PluginState.READY: frozenset({PluginState.FAILED, PluginState.SUSPENDED, PluginState.STOPPED}),
    PluginState.SUSPENDED: frozenset(
        {PluginState.STARTING, PluginState.QUARANTINED, PluginState.STOPPED}
    ),
    PluginState.QUARANTINED: frozenset({PluginState.STARTING, PluginState.STOPPED}),
    PluginState.FAILED: frozenset({PluginState.STARTING, PluginState.STOPPED}),
    PluginState.STOPPED: frozenset(
        {PluginState.STARTING, PluginState.PENDING, PluginState.STOPPED, PluginState.FAILED}
    ),
}


class CallLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one plug-in may take: seconds for each thing asked of it, and calls at once."""

    call: Seconds = 60.0  # as both known GotAPI servers
    in_flight: Annotated[int, msgspec.Meta(ge=1)] = 64
    discovery: Seconds = 2.0
    start: Seconds = 10.0  # a plug-in that opens hardware does so in the background
    stop: Seconds = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """A snapshot for the operator."""

    state: PluginState
    reason: str
    detail: str  # traceback, for the operator only


@dataclass(frozen=True, slots=True)
class Held:
    """Why a plug-in must not start now, and the state it has meanwhile."""

    state: PluginState
    reason: str


Gate = Callable[[], Awaitable[Held | None]]
"""Asked before each start, also before one after a crash."""


class Supervisor:
    """Keeps one plug-in: starts it, asks it, and turns its faults into GotAPI errors."""

    def __init__(
        self,
        manifest: Manifest,
        port: Port | None,
        limits: CallLimits,
        on_state: Callable[["Supervisor"], None],
        crashes: Crashes | None = None,
    ) -> None:
        self.manifest = manifest
        self.id = manifest.id
        self._port = port
        self._limits = limits
        self._on_state = on_state
        self._health = Health(PluginState.FOUND, "", "")
        self._in_flight = 0
        self._open = False  # whether the port was started and is still to be stopped
        self._known: Sequence[Service] = ()
        self._context: Context | None = None
        self._crashes = crashes or Crashes()
        self._minder: asyncio.Task[None] | None = None  # waits for the end, or for a new start
        self._moved = asyncio.Event()  # set, and replaced by another, at each change of state
        self.gate: Gate | None = None
        self.tokens = PluginTokens()
        self.settings_schema: Mapping[str, Any] | None = None  # as it last described them

    @property
    def health(self) -> Health:
        """The plug-in's state and, where it failed, why."""
        return self._health

    @property
    def ready(self) -> bool:
        """Whether the plug-in answers."""
        return self._health.state is PluginState.READY

    @property
    def description(self) -> Description:
        """What the running plug-in offers; raises PluginDisabled where it is not running."""
        return self._running().description

    @property
    def comes_by_itself(self) -> bool:
        """Whether the plug-in connects to the hub, which cannot start it."""
        return self._port is not None and self._port.comes_by_itself

    def busy(self) -> str:
        """Return what a stop would end, in the plug-in's words; it never raises."""
        if self._port is None or not self.ready:
            return ""
        try:
            return str(self._port.busy())[:_MOST_WORDS]
        except Exception:  # the boundary
            log.exception("plug-in %s cannot say whether it is busy", self.id)
            return ""

    def fail(self, reason: str, detail: str = "") -> None:
        """Mark the plug-in as failed; its services stay known as offline."""
        log.error("plug-in %s failed: %s", self.id, reason)
        self._move(PluginState.FAILED, reason, detail)

    async def start(self, context: Context) -> None:
        """Start the plug-in; a fault is kept in `health`, it never raises."""
        if self._port is None:
            return
        self._context = context
        await self._begin(self._port, context)

    def equip(self, manifest: Manifest, port: Port | None) -> None:
        """Run this from the next start on; the plug-in must not be running."""
        self.manifest = manifest
        self._port = port

    async def hold(self, held: Held) -> None:
        """Stop the plug-in, if it runs, and keep it so until it is started again."""
        if self._health.state is not PluginState.STOPPED:
            await self.stop()
            if self._health.state not in (PluginState.STOPPED, PluginState.FOUND):
                self._move(PluginState.STOPPED)
        if (self._health.state, self._health.reason) != (held.state, held.reason):
            self._move(held.state, held.reason)

    def forget_crashes(self) -> None:
        """Begin anew: the operator turned the plug-in on."""
        self._crashes.forget()

    async def enable(self) -> None:
        """Start a plug-in that is off or waits, at once; its crashes are forgotten.

        Raises IllegalServerState where it runs, or never could.
        """
        if self._port is None or self._context is None:
            raise IllegalServerState(
                f"plug-in '{self.id}' cannot be started: "
                + (self._health.reason or "it was never connected")
                + "; repair that and restart the hub, or the plug-in"
            )
        if self._health.state in (PluginState.READY, PluginState.STARTING):
            raise IllegalServerState(f"plug-in '{self.id}' is {self._health.state.value}")
        self._crashes.forget()
        await self._forget_minder()
        await self._begin(self._port, self._context)

    async def _begin(self, port: Port, context: Context) -> None:
        before = self._health.state
        held = None if self.gate is None else await self.gate()
        if self._health.state is not before:
            return  # stopped meanwhile
        if held is not None:
            await self.hold(held)
            return
        self._move(PluginState.STARTING)
        self._open = True
        reason = detail = ""
        crashed = False
        try:
            await _bounded(port.start(context), self._limits.start)
        except _TooLate:
            reason = f"it did not start within {self._limits.start:g} s"
            crashed = port.restarts
        except PluginGone as error:
            reason, detail, crashed = error.message, port.detail, True
        except Exception as error:  # the boundary: whatever a plug-in raises stays here
            reason, detail = _describe(error), traceback.format_exc()
        if reason:
            await self._stop_port()
        if self._health.state is not PluginState.STARTING:
            return  # stopped meanwhile
        if crashed:
            self._suspend(port, reason, detail)
        elif reason:
            self.fail(reason, detail)
        else:
            self.settings_schema = port.description.settings
            self._move(PluginState.READY)
            if port.restarts:
                self._mind(self._await_end(port))

    async def _await_end(self, port: Port) -> None:
        reason = await port.gone()
        self._suspend(port, f"it {reason}", port.detail)

    def _suspend(self, port: Port, reason: str, detail: str) -> None:
        log.error("plug-in %s is gone: %s", self.id, reason)
        now = asyncio.get_running_loop().time()
        delay = self._crashes.crashed(now) if port.crashed else 0.0
        self._move(PluginState.SUSPENDED, reason, detail)
        if delay is None:
            minutes = self._crashes.within / 60
            reason = (
                f"it crashed too often within {minutes:g} minutes, the last time: {reason}. Turn "
                f"it on again with: gotapi plugins enable {self.id}"
            )
            self._move(PluginState.QUARANTINED, reason, detail)
        self._mind(self._restart(port, delay))

    async def _restart(self, port: Port, delay: float | None) -> None:
        await self._stop_port()
        if delay is not None and self._context is not None and not port.comes_by_itself:
            await asyncio.sleep(delay)
            await self._begin(port, self._context)

    def _mind(self, work: Coroutine[Any, Any, None]) -> None:
        self._minder = asyncio.create_task(work, name=f"the minder of plug-in {self.id}")

    async def _forget_minder(self) -> None:
        minder, self._minder = self._minder, None
        if minder is not None and minder is not asyncio.current_task():
            minder.cancel()
            await asyncio.gather(minder, return_exceptions=True)

    async def stop(self) -> None:
        """Stop the plug-in; a fault is logged."""
        if self._health.state in (
            PluginState.READY,
            PluginState.STARTING,
            PluginState.SUSPENDED,
            PluginState.QUARANTINED,
        ):
            self._move(PluginState.STOPPED)
        await self._forget_minder()
        await self._stop_port()

    async def services(self) -> Sequence[Service]:
        """Ask for the services; raises nothing: a late or failing plug-in's are shown offline."""
        if not self.ready or self._port is None:
            return self._offline()
        try:
            found = tuple(await _bounded(self._port.services(), self._limits.discovery))
            if found != self._known:
                self._known = _checked(found)
        except _TooLate:
            log.warning("plug-in %s did not answer discovery in time", self.id)
            return self._offline()
        except Exception:  # the boundary
            log.exception("plug-in %s failed to answer discovery", self.id)
            return self._offline()
        return self._known

    def known_service(self, own_id: str) -> Service | None:
        """Return a service of the last discovery; offline where the plug-in does not run."""
        for service in self._known if self.ready else self._offline():
            if service.id == own_id:
                return service
        return None

    async def call(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Make a one-shot call within the limits; raises only GotapiError."""
        port = self._running()
        if port.description.gives_tokens:
            return await self._guarded(self.tokens.call(port, route, call, params))
        return await self._guarded(port.call(route, call, params))

    async def surface(self, route: Route, request: SurfaceRequest) -> SurfaceReply:
        """Pass a raw request to a surface within the limits; raises only GotapiError."""
        return await self._guarded(self._running().surface(route, request))

    async def events(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        """Run an event stream for as long as it is wanted; raises only GotapiError.

        One whose plug-in crashed begins again when the plug-in is back.
        """
        while True:
            moved = self._moved
            try:
                async with aclosing(self._events(route, call, params)) as values:
                    async for value in values:
                        yield value
                return
            except PluginGone:
                await moved.wait()
                await self._back()

    async def _back(self) -> None:
        """Return when the plug-in answers again; raises where it will not by itself."""
        while not self.ready:
            if self._health.state not in (PluginState.SUSPENDED, PluginState.STARTING):
                self._running()
            await self._moved.wait()

    async def _events(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        try:
            async with aclosing(self._stream(route, call, params)) as values:
                async for value in values:
                    yield value
        except GotapiError:
            raise
        except asyncio.CancelledError as error:
            if _cancelled():
                raise
            raise self._fault(error) from error
        except (Exception, SystemExit) as error:  # the boundary
            raise self._fault(error) from error

    def _stream(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        port = self._running()
        if port.description.gives_tokens:
            return self.tokens.events(port, route, call, params)
        return port.events(route, call, params)

    async def _guarded(self, answer: Coroutine[Any, Any, T]) -> T:
        if self._in_flight >= self._limits.in_flight:
            answer.close()
            raise TooManyRequests(
                f"plug-in '{self.id}' already works on {self._in_flight} requests; try again"
            )
        self._in_flight += 1
        try:
            return await _bounded(answer, self._limits.call)
        except GotapiError:
            raise
        except _TooLate as error:
            raise TimedOut(
                f"plug-in '{self.id}' did not answer within {self._limits.call:g} s"
            ) from error
        except Exception as error:  # the boundary
            raise self._fault(error) from error
        finally:
            self._in_flight -= 1

    def _fault(self, error: BaseException) -> UnknownError:
        log.error("plug-in %s raised", self.id, exc_info=error)
        return UnknownError(
            f"plug-in '{self.id}' failed with {type(error).__name__}; the hub's log has the details"
        )

    def _running(self) -> Port:
        if self._port is None or not self.ready:
            reason = f": {self._health.reason}" if self._health.reason else ""
            if self._health.state is PluginState.SUSPENDED:
                raise PluginSuspended(f"plug-in '{self.id}' will be back soon{reason}")
            raise PluginDisabled(f"plug-in '{self.id}' is {self._health.state.value}{reason}")
        return self._port

    def _offline(self) -> Sequence[Service]:
        reason = self._health.reason or f"plug-in '{self.id}' does not answer"
        return tuple(
            msgspec.structs.replace(service, online=False, reason=reason) for service in self._known
        )

    def _move(self, state: PluginState, reason: str = "", detail: str = "") -> None:
        current = self._health.state
        if state not in TRANSITIONS[current]:
            raise IllegalServerState(f"plug-in '{self.id}' cannot go from {current} to {state}")
        self._health = replace(self._health, state=state, reason=reason, detail=detail)
        self._moved.set()
        self._moved = asyncio.Event()
        self._on_state(self)

    async def _stop_port(self) -> None:
        if self._port is None or not self._open:
            return
        try:
            await _bounded(self._port.stop(), self._limits.stop)
        except _TooLate:
            log.error("plug-in %s did not stop within %g s", self.id, self._limits.stop)
        except Exception:  # the boundary
            log.exception("plug-in %s did not stop cleanly", self.id)
        self._open = False  # not where it was cancelled: whoever did that sees it to its end


class _TooLate(Exception):  # noqa: N818 - no error of ours: its callers say what it means
    """A plug-in did not answer within its limit."""


async def _bounded(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Await what a plug-in does; raises _TooLate, and any other exception as an Exception."""
    limit: asyncio.Timeout | None = None
    try:
        begun = Begun(work)
        if begun.done:
            return begun.value
        async with asyncio.timeout(seconds) as limit:
            return await begun
    except asyncio.CancelledError as error:
        if _cancelled():
            raise
        raise RuntimeError("it waited for a task of its own that was cancelled") from error
    except SystemExit as error:
        raise RuntimeError("it called sys.exit()") from error
    except Exception as error:
        if limit is not None and limit.expired():
            raise _TooLate from error
        raise


def _cancelled() -> bool:
    """Tell whether a CancelledError is meant for us; a plug-in's cancelled task raises one too."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _checked(found: Iterable[Service]) -> tuple[Service, ...]:
    """Return a plug-in's services; raises TypeError or ValueError: each must be fit to be sent."""
    services: dict[str, Service] = {}
    for service in found:
        if not isinstance(service, Service):
            raise TypeError(f"services() gave {type(service).__name__}, not Service")
        fit = msgspec.convert(msgspec.structs.asdict(service), Service)
        if not fit.id or fit.id in services:
            raise ValueError(f"services() gave the id {fit.id!r} twice or without characters")
        scopes = tuple(scope.lower() for scope in fit.scopes)  # as names are compared
        services[fit.id] = msgspec.structs.replace(fit, scopes=scopes)
    return tuple(services.values())


def _describe(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
