"""What the ports to other processes share: the six calls of a port as GotAPI-4 messages."""

import asyncio
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec

from gotapi_core.host.conversation import Conversation, RefusedStart
from gotapi_core.host.described import description_of, wire_params
from gotapi_core.host.port import Description, Port, PortEvent
from gotapi_core.plugin.context import Call, Context
from gotapi_core.plugin.manifest import Manifest, ManifestError
from gotapi_core.protocol import plugin_wire as wire
from gotapi_core.protocol.messages import Service, SurfaceReply, SurfaceRequest
from gotapi_core.protocol.routes import Route

SPOOL_LIFE = 30.0  # seconds that a file of an answer stays; it is opened at once, then it may go


class WirePort(Port):
    """A port over a Conversation; a subclass brings the channel and the plug-in's process."""

    def __init__(self, manifest: Manifest, spool_root: Path) -> None:
        self._manifest = manifest
        self._spool_root = spool_root
        self._spool: Path | None = None
        self._folder = Path()
        self._conversation: Conversation | None = None
        self._description: Description | None = None

    @property
    def description(self) -> Description:
        if self._description is None:
            raise RuntimeError("the port is not started")
        return self._description

    async def start(self, context: Context) -> None:
        self._folder = context.folder
        self._drop_spool()
        self._spool = await asyncio.to_thread(_new_spool, self._spool_root, self._manifest.id)
        self._conversation = await self._connect(context, self._spool)
        try:
            describe = await asyncio.shield(self._conversation.described)
        except RefusedStart as refused:
            raise RefusedStart(f"it says: {refused}") from None
        try:
            self._description = self._described(describe)
        except ManifestError as error:
            self._conversation.refuse(str(error))
            raise

    @abstractmethod
    async def _connect(self, context: Context, spool: Path) -> Conversation:
        """Reach the plug-in and begin to feed a conversation with what it sends."""

    def _described(self, describe: wire.Describe) -> Description:
        return description_of(self._manifest, describe)

    @property
    def restarts(self) -> bool:
        return True

    async def gone(self) -> str:
        return await asyncio.shield(self._running().gone)

    async def services(self) -> Sequence[Service]:
        answer = await self._running().request(wire.Services)
        found = msgspec.convert(answer, wire.ServicesAnswer)
        return [Service(**msgspec.structs.asdict(one)) for one in found.services]

    async def call(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> Mapping[str, object]:
        sent = wire_params(route, params)
        name = route.name
        return await self._running().request(
            lambda number: wire.Call(
                number,
                route.method.value,
                name.profile,
                call.service_id,
                name.interface,
                name.attribute,
                sent,
                call.origin,
                call.application,
                call.base_url,
                call.request_code,
                call.plugin_token,
            )
        )

    async def events(
        self, route: Route, call: Call, params: Mapping[str, object]
    ) -> AsyncGenerator[PortEvent, None]:
        sent = wire_params(route, params)
        name = route.name
        stream = self._running().events(
            lambda number: wire.EventStart(
                id=number,
                profile=name.profile,
                interface=name.interface,
                attribute=name.attribute,
                service=call.service_id,
                params=sent,
                origin=call.origin,
                application=call.application,
                base_url=call.base_url,
                access_token=call.plugin_token,
            )
        )
        async with aclosing(stream) as values:
            async for value in values:
                yield value

    async def create_client(self, origin: str, service_id: str) -> str:
        answer = await self._running().request(
            lambda number: wire.CreateClient(number, origin, service_id)
        )
        return msgspec.convert(answer, wire.ClientAnswer).client_id

    async def request_access_token(
        self, client_id: str, application_name: str, scopes: Sequence[str]
    ) -> str:
        answer = await self._running().request(
            lambda number: wire.RequestAccessToken(
                number, client_id, application_name, tuple(scopes)
            )
        )
        return msgspec.convert(answer, wire.TokenAnswer).access_token

    async def surface(self, route: Route, request: SurfaceRequest) -> SurfaceReply:
        spool = self._open_spool()
        text, file = await asyncio.to_thread(_body_out, request, spool)
        try:
            answer = await self._running().request(
                lambda number: wire.Surface(
                    id=number,
                    surface=route.path,
                    method=request.method,
                    path=request.path,
                    query=request.query.decode("latin-1"),
                    headers=request.headers,
                    text=text,
                    file=file,
                    caller=request.caller,
                    base_url=request.base_url,
                )
            )
        finally:
            if file is not None and file != request.file:
                await asyncio.to_thread(Path(file).unlink, missing_ok=True)
        return self._reply(msgspec.convert(answer, wire.SurfaceAnswer), spool)

    async def stop(self) -> None:
        try:
            await self._disconnect()
        finally:
            self._drop_spool()

    async def _disconnect(self) -> None:
        conversation = self._conversation
        if conversation is None:
            return
        conversation.bye("the hub stops this plug-in")
        await asyncio.shield(conversation.gone)

    def _running(self) -> Conversation:
        if self._conversation is None:
            raise RuntimeError("the port is not started")
        return self._conversation

    def _open_spool(self) -> Path:
        if self._spool is None:
            raise RuntimeError("the port is not started")
        return self._spool

    def _drop_spool(self) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            shutil.rmtree(spool, ignore_errors=True)

    def _reply(self, answer: wire.SurfaceAnswer, spool: Path) -> SurfaceReply:
        body = (answer.text or "").encode()
        if answer.file is None:
            return SurfaceReply(status=answer.status, headers=answer.headers, body=body)
        path = Path(answer.file).resolve()
        # Whatever a plug-in names is sent out with the hub's rights, so only its own may be named.
        if path.is_relative_to(spool.resolve()):
            loop = asyncio.get_running_loop()
            loop.call_later(SPOOL_LIFE, lambda: path.unlink(missing_ok=True))
        elif not path.is_relative_to(self._folder.resolve()):
            raise PermissionError(f"{answer.file} lies neither in the spool nor in its own folder")
        return SurfaceReply(status=answer.status, headers=answer.headers, file=str(path))


def _new_spool(root: Path, plugin_id: str) -> Path:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{plugin_id}-", dir=root))


def _body_out(request: SurfaceRequest, spool: Path) -> tuple[str | None, str | None]:
    """Return the body as text or as the path of a file; bytes never travel in a message."""
    if request.file is not None or not request.body:
        return None, request.file
    if len(request.body) <= wire.TEXT:
        try:
            return request.body.decode("utf-8"), None
        except UnicodeDecodeError:
            pass
    with tempfile.NamedTemporaryFile(dir=spool, prefix="body-", delete=False) as file:
        file.write(request.body)
    return None, file.name
