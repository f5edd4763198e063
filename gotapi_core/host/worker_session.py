"""The plug-in's side of one GotAPI-4 connection, for a plug-in that is a Python class."""

import asyncio
import logging
import os
import shutil
import tempfile
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

import gotapi_core
from gotapi_core.host.described import to_data
from gotapi_core.host.dispatch import Dispatcher
from gotapi_core.host.loader import Loaded
from gotapi_core.host.port import PortEvent
from gotapi_core.host.threads import call_soon
from gotapi_core.host.worker_context import (
    HubLog,
    RemoteBlobs,
    RemoteCollection,
    RemoteOthers,
    schema_of_settings,
    settings_for,
)
from gotapi_core.plugin import context as plugin_side
from gotapi_core.plugin.base import Plugin
from gotapi_core.plugin.rights import Rights
from gotapi_core.plugin.tokens import GivesTokens, gives_tokens
from gotapi_core.protocol import plugin_wire as wire
from gotapi_core.protocol.errors import GotapiError, InvalidProfile, PayloadTooLarge, UnknownError
from gotapi_core.protocol.messages import SurfaceReply, SurfaceRequest
from gotapi_core.protocol.names import Method, Name
from gotapi_core.protocol.peer import Peer, Side
from gotapi_core.protocol.routes import Kind, Route

log = logging.getLogger(__name__)

_STOP_TIME = 3.0  # seconds that running calls, and then the plug-in, get at the end


class Sink(Protocol):
    """What carries messages to the hub."""

    def send(self, text: bytes) -> None:
        """Queue one message."""


class WorkerSession:
    """One connection with the hub: a fresh plug-in, from `hello` to `bye`."""

    def __init__(self, loaded: Loaded, sink: Sink, token: str = "") -> None:
        self._loaded = loaded
        self._sink = sink
        self._token = token
        self._peer = Peer(Side.PLUGIN)
        self._plugin: Plugin | None = None
        self._dispatcher: Dispatcher | None = None
        self._spool = Path()
        self._folder = Path()
        self._waiting: dict[int, asyncio.Future[wire.Reply]] = {}
        self._work: dict[int, asyncio.Task[None]] = {}
        self._credit: dict[int, asyncio.Semaphore] = {}
        self._spawned: set[asyncio.Task[None]] = set()
        self._routes: dict[tuple[object, ...], Route] = {}
        self._handlers = list(logging.getLogger().handlers)
        self._starting: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._closed = False
        self.over = asyncio.Event()

    def begin(self) -> None:
        """Say hello."""
        manifest = self._loaded.manifest
        self._send(
            wire.Hello(
                versions=wire.Versions(wire.VERSION, wire.VERSION),
                id=manifest.id,
                name=manifest.name[:200],
                version=manifest.version[:200],
                features=wire.FEATURES,
                token=self._token,
                sdk=f"gotapi-hub/{gotapi_core.__version__} (Python)",
            )
        )

    def received(self, text: bytes) -> None:
        """Take one message of the hub."""
        try:
            message = self._peer.receive(text)
        except wire.RemoteError as error:
            log.error("the hub broke a rule of GotAPI-4: %s", error)
            return
        if message is not None:
            self._take(message)

    async def end(self, reason: str, *, error: bool = False) -> None:
        """Stop the plug-in and say bye."""
        if self._closed:
            return
        self._closed = True
        running = {*self._work.values(), *self._spawned}
        if self._starting is not None and self._starting is not asyncio.current_task():
            running.add(self._starting)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_STOP_TIME)
        if self._plugin is not None:
            try:
                await asyncio.wait_for(self._plugin.stop(), _STOP_TIME)
            except Exception:  # the boundary
                log.exception("the plug-in did not stop cleanly")
        await asyncio.sleep(0)  # what was logged goes out before the end
        self._send(wire.Bye(reason[:8000], error=error))
        logging.getLogger().handlers[:] = self._handlers
        self.over.set()

    # -- messages --------------------------------------------------------------------------

    def _send(self, message: wire.Message) -> None:
        try:
            self._sink.send(self._peer.send(message))
        except wire.LocalError as error:  # mostly an answer to what was cancelled meanwhile
            log.debug("not sent: %s", error)

    def _take(self, message: wire.Message) -> None:
        match message:
            case wire.Call():
                self._start(message.id, self._call(message))
            case wire.Ping():
                self._send(wire.Pong(message.n))
            case wire.Reply():
                future = self._waiting.pop(message.id)
                if not future.done():
                    future.set_result(message)
            case wire.CreateClient():
                self._start(message.id, self._create_client(message))
            case wire.RequestAccessToken():
                self._start(message.id, self._access_token(message))
            case wire.Services():
                self._start(message.id, self._services(message))
            case wire.EventStart():
                self._credit[message.id] = asyncio.Semaphore(message.window)
                self._start(message.id, self._events(message))
            case wire.EventAck():
                if (credit := self._credit.get(message.id)) is not None:
                    for _ in range(min(message.count, wire.WINDOW)):
                        credit.release()
            case wire.Surface():
                self._start(message.id, self._surface(message))
            case wire.Cancel():
                self._cancel(message.id)
            case wire.Welcome():
                self._starting = asyncio.create_task(self._welcome(message))
            case wire.Bye():
                self._ending = asyncio.create_task(self.end("as the hub asked"))
            case wire.Fault():
                log.error("the hub refuses a message: %s", message.message)
            case _:
                pass

    async def _ask(self, make: Callable[[int], wire.PluginRequest]) -> wire.Members:
        message = make(self._peer.next_id())
        future: asyncio.Future[wire.Reply] = asyncio.get_running_loop().create_future()
        try:
            self._sink.send(self._peer.send(message))
        except wire.TooLargeError as error:
            raise PayloadTooLarge(str(error)) from error
        except wire.LocalError as error:
            raise UnknownError(f"the hub cannot be asked now: {error}") from error
        self._waiting[message.id] = future
        try:
            reply = await future
        finally:
            if self._waiting.pop(message.id, None) is not None:
                self._peer.abandon(message.id)
        if reply.error is not None:
            raise wire.error_of(reply.error)
        return reply.result

    def _log_to_hub(self) -> None:
        handler = HubLog(self._send)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logging.getLogger().handlers[:] = [handler]  # instead of stderr, or each line came twice

    # -- the start -------------------------------------------------------------------------

    async def _welcome(self, message: wire.Welcome) -> None:
        self._log_to_hub()
        self._spool, self._folder = Path(message.spool), Path(message.folder)
        try:
            kind = self._loaded.plugin_type
            assert kind is not None  # the worker ends before, where it could not be loaded
            settings = settings_for(self._loaded.settings_type, message.settings)
            self._plugin = kind()
            self._dispatcher = Dispatcher(self._plugin)
            await self._plugin.start(self._context(settings, message.rights))
        except Exception as error:  # the boundary: whatever a plug-in raises is its answer
            log.exception("the plug-in cannot start")
            await self.end(f"{type(error).__name__}: {error}", error=True)
            return
        words = self._loaded.profiles
        described = schema_of_settings(self._loaded.settings_type)
        self._send(wire.Describe(to_data(kind.routes), words, gives_tokens(kind), described))

    def _context(self, settings: Any, rights: wire.RightsData) -> plugin_side.Context:
        plugin_id = self._loaded.manifest.id
        return plugin_side.Context(
            plugin_id=plugin_id,
            settings=settings,
            folder=self._folder,
            log=logging.getLogger(f"gotapi.plugin.{plugin_id}"),
            blobs=RemoteBlobs(self._ask),
            collection=lambda name: RemoteCollection(self._ask, name),
            spawn=lambda work: self._spawn("a background task", work),
            rights=_rights_of(rights),
            services_changed=partial(call_soon, asyncio.get_running_loop(), self._say_changed),
            others=RemoteOthers(self._ask),
        )

    def _say_changed(self) -> None:
        if not self._closed:
            self._send(wire.ServicesChanged())

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(name, work), name=name)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    # -- the work --------------------------------------------------------------------------

    def _start(self, number: int, work: Coroutine[Any, Any, wire.Reply | wire.EventEnd]) -> None:
        task = asyncio.create_task(self._run(number, work))
        self._work[number] = task
        task.add_done_callback(lambda _: self._done(number))

    async def _run(
        self, number: int, work: Coroutine[Any, Any, wire.Reply | wire.EventEnd]
    ) -> None:
        message = await work
        try:
            self._sink.send(self._peer.send(message))
        except wire.LocalError as error:  # too large, or nobody waits for it any more
            self._send(wire.Reply(number, error=wire.Failure(str(error))))

    def _done(self, number: int) -> None:
        self._work.pop(number, None)
        self._credit.pop(number, None)

    def _cancel(self, number: int) -> None:
        self._peer.forget(number)
        task = self._work.get(number)
        if task is not None:
            task.cancel()

    async def _create_client(self, message: wire.CreateClient) -> wire.Reply:
        async def answer() -> wire.Members:
            plugin = self._token_giver()
            return {"clientId": await plugin.create_client(message.package, message.service)}

        return await self._reply(message.id, answer())

    async def _access_token(self, message: wire.RequestAccessToken) -> wire.Reply:
        async def answer() -> wire.Members:
            wanted = (message.client_id, message.application_name, message.scopes)
            return {"accessToken": await self._token_giver().request_access_token(*wanted)}

        return await self._reply(message.id, answer())

    def _token_giver(self) -> GivesTokens:
        plugin = self._running_plugin()
        if not isinstance(plugin, GivesTokens):
            raise InvalidProfile("this plug-in gives no tokens")
        return plugin

    async def _services(self, message: wire.Services) -> wire.Reply:
        async def answer() -> wire.Members:
            found = await self._running().services()
            return {"services": [msgspec.to_builtins(one) for one in found]}

        return await self._reply(message.id, answer())

    async def _call(self, message: wire.Call) -> wire.Reply:
        async def answer() -> wire.Members:
            route = self._route(message.method, message)
            found = await self._running().call(route, _call_of(message), message.params)
            return dict(found)

        return await self._reply(message.id, answer())

    async def _surface(self, message: wire.Surface) -> wire.Reply:
        async def answer() -> wire.Members:
            route = self._running_plugin().routes.find_surface(message.surface)
            if route is None:
                raise UnknownError(f"there is no surface {message.surface}")
            reply = await self._running().surface(route, _request_of(message, self._spool))
            members: wire.Members = msgspec.to_builtins(
                await asyncio.to_thread(_body_back, reply, self._spool, self._folder)
            )
            return members

        return await self._reply(message.id, answer())

    async def _reply(self, number: int, work: Coroutine[Any, Any, wire.Members]) -> wire.Reply:
        try:
            return wire.Reply(number, await work)
        except GotapiError as error:
            return wire.Reply(number, error=wire.failure_of(error))
        except (Exception, SystemExit) as error:  # the boundary
            return wire.Reply(number, error=self._fault(error))

    async def _events(self, message: wire.EventStart) -> wire.EventEnd:
        try:
            route = self._route(Method.PUT, message)
            stream = self._running().events(route, _call_of(message), message.params)
            await self._pump(message.id, stream)
        except GotapiError as error:
            return wire.EventEnd(message.id, wire.failure_of(error))
        except (Exception, SystemExit) as error:  # the boundary
            return wire.EventEnd(message.id, self._fault(error))
        return wire.EventEnd(message.id)

    async def _pump(self, number: int, stream: AsyncGenerator[PortEvent, None]) -> None:
        credit = self._credit[number]
        async with aclosing(stream) as values:
            async for value in values:
                await credit.acquire()
                event = wire.Event(number, dict(value.members), value.durable)
                self._sink.send(self._peer.send(event))

    def _fault(self, error: BaseException) -> wire.Failure:
        log.error("it raised: %s", "".join(traceback.format_exception(error))[-7000:])
        return wire.Failure(
            f"plug-in '{self._loaded.manifest.id}' failed with {type(error).__name__}; the hub's "
            "log has the details"
        )

    def _route(self, method: str, message: wire.Call | wire.EventStart) -> Route:
        key = (method, message.profile, message.interface, message.attribute)
        route = self._routes.get(key)
        if route is None:
            name = Name(message.profile, message.interface, message.attribute)
            route = self._running_plugin().routes.find(Method(method), name)
            if (route.kind is Kind.EVENT) is not isinstance(message, wire.EventStart):
                raise UnknownError(f"{route.label} is asked in the wrong way")
            self._routes[key] = route
        return route

    def _running(self) -> Dispatcher:
        assert self._dispatcher is not None  # the table lets no request through before
        return self._dispatcher

    def _running_plugin(self) -> Plugin:
        assert self._plugin is not None  # as above
        return self._plugin


def _call_of(message: wire.Call | wire.EventStart) -> plugin_side.Call:
    return plugin_side.Call(
        service_id=message.service,
        origin=message.origin,
        application=message.application,
        base_url=message.base_url,
        request_code=message.request_code if isinstance(message, wire.Call) else 0,
        plugin_token=message.access_token,
    )


def _rights_of(data: wire.RightsData) -> Rights:
    serial = True if "*" in data.serial else data.serial
    return Rights(serial, data.bluetooth, data.network, data.folders, data.calls)


def _request_of(message: wire.Surface, spool: Path) -> SurfaceRequest:
    """Return the raw request as the hub got it; what it kept in memory is bytes again."""
    body, file = (message.text or "").encode(), message.file
    if file is not None and Path(file).parent == spool:
        body, file = Path(file).read_bytes(), None
    return SurfaceRequest(
        method=message.method,
        path=message.path,
        query=message.query.encode("latin-1"),
        headers=message.headers,
        body=body,
        file=file,
        caller=message.caller,
        base_url=message.base_url,
    )


def _body_back(reply: SurfaceReply, spool: Path, folder: Path) -> wire.SurfaceAnswer:
    """Return the answer as it travels: short text in the message, everything else as a file."""
    if reply.file is not None:
        path = _shared(Path(reply.file).resolve(), spool, folder)
        return wire.SurfaceAnswer(reply.status, reply.headers, file=str(path))
    if len(reply.body) <= wire.TEXT:
        try:
            text = reply.body.decode("utf-8")
            return wire.SurfaceAnswer(reply.status, reply.headers, text=text)
        except UnicodeDecodeError:
            pass
    with tempfile.NamedTemporaryFile(dir=spool, prefix="answer-", delete=False) as file:
        file.write(reply.body)
    return wire.SurfaceAnswer(reply.status, reply.headers, file=file.name)


def _shared(path: Path, spool: Path, folder: Path) -> Path:
    """Return where the hub may read a file: it takes none from elsewhere."""
    if path.is_relative_to(spool.resolve()) or path.is_relative_to(folder.resolve()):
        return path
    handle, copy = tempfile.mkstemp(dir=spool, prefix="answer-")
    os.close(handle)
    shutil.copyfile(path, copy)
    return Path(copy)


async def _logged(name: str, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except (Exception, SystemExit):  # the boundary
        log.exception("%s failed", name)
