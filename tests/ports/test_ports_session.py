"""The hub's side and the worker's side of GotAPI-4 in one loop, without a process between them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gotapi_core.collection import StoredCollection
from gotapi_core.host.conversation import Channel, Conversation, RefusedStart
from gotapi_core.host.loader import Found, load
from gotapi_core.host.port_wire import WirePort
from gotapi_core.host.worker_session import WorkerSession
from gotapi_core.plugin import Call, Context, SurfaceRequest
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.protocol.errors import GotapiError, InvalidParameter
from gotapi_core.protocol.names import Method, Name
from gotapi_core.store import Documents, Store

CALL = Call(service_id="wall", origin="http://app.example", application="A1")
Make = Callable[..., Any]


class Straight(Channel):
    """Hands each message to the other side in the next turn of the loop."""

    def __init__(self, session: WorkerSession) -> None:
        self.session = session
        self.was_cut = False

    def send(self, text: bytes) -> None:
        asyncio.get_running_loop().call_soon(self.session.received, text)

    @property
    def waiting(self) -> int:
        return 0

    def cut(self) -> None:
        self.was_cut = True


class Back:
    """The worker's sink."""

    conversation: Conversation

    def send(self, text: bytes) -> None:
        asyncio.get_running_loop().call_soon(self.conversation.received, text)


class LoopPort(WirePort):
    """A port whose worker lives in the same loop."""

    def __init__(self, manifest: Manifest, spool_root: Path, found: Found) -> None:
        super().__init__(manifest, spool_root)
        self.back = Back()
        self.session = WorkerSession(load(found), self.back)

    async def _connect(self, context: Context, spool: Path) -> Conversation:
        self.back.conversation = Conversation(context, Straight(self.session), str(spool))
        self.session.begin()
        return self.back.conversation


class NoBlobs:
    async def open(self, uri: str, *, application: str) -> Any:
        raise InvalidParameter("no blob")

    async def publish(self, path: Path, *given: object, **more: object) -> str:
        return f"http://hub/{path.name}"


class Other(msgspec.Struct):
    number: int


@pytest.fixture
def port(tmp_path: Path, echo_found: Found, caplog: pytest.LogCaptureFixture) -> Make:
    """Start the echo plug-in behind a LoopPort."""

    @asynccontextmanager
    async def make(settings: Any = None) -> AsyncIterator[LoopPort]:
        anything: Any = NoBlobs()
        root = logging.getLogger()
        before = list(root.handlers)
        hub_log = logging.getLogger("hub.echo")
        hub_log.propagate = False  # or the worker's handler, in the same process, gets it again
        hub_log.handlers[:] = [caplog.handler]
        with Store(tmp_path / "s.sqlite3") as store:
            documents = Documents(store, "plugin:echo")
            context = Context(
                plugin_id="echo",
                settings=settings or {},
                folder=tmp_path,
                log=logging.getLogger("hub.echo"),
                blobs=anything,
                collection=lambda name: StoredCollection(documents, name),
                spawn=anything,
            )
            made = LoopPort(echo_found.manifest, tmp_path / "spool", echo_found)
            try:
                await made.start(context)
                yield made
            finally:
                async with asyncio.timeout(9):
                    await made.stop()
                    await made.session.end("the test is over")
                    await made.session.over.wait()
                root.handlers[:] = before
                hub_log.handlers.clear()

    return make


def content_of(file: str | None) -> bytes:
    assert file is not None
    return Path(file).read_bytes()


def route(port: LoopPort, method: Method, attribute: str) -> Any:
    return port.description.routes.find(method, Name("echo", None, attribute))


async def test_calls_documents_and_errors(port: Make) -> None:
    async with port() as made:
        (service,) = await made.services()
        assert service.manufacturer == "hello"
        put, get = route(made, Method.PUT, "notes"), route(made, Method.GET, "notes")
        for text in ("a", "b"):
            assert await made.call(put, CALL, {"text": text}) == {"text": text}
        assert await made.call(get, CALL, {}) == {"notes": ["a", "b"]}
        await made.call(route(made, Method.DELETE, "notes"), CALL, {"text": "a"})
        assert await made.call(get, CALL, {}) == {"notes": ["b"]}
        fail = route(made, Method.GET, "fail")
        for how, said in (
            ("device", "the wall is wet"),
            ("bug", "failed with ZeroDivisionError; the hub's log has the details"),
            ("result", "larger things are files"),
        ):
            with pytest.raises(GotapiError, match=said):
                await made.call(fail, CALL, {"how": how})
        with pytest.raises(GotapiError, match="no blob"):
            await made.call(route(made, Method.POST, "blob"), CALL, {"uri": "x"})
        with pytest.raises(GotapiError, match="failed with SystemExit"):
            await made.call(route(made, Method.PUT, "misbehave"), CALL, {"how": "exit"})


async def test_a_document_that_no_longer_fits_is_skipped(port: Make) -> None:
    async with port() as made:
        collection = made.session._plugin.context.collection("notes")
        context = made.session._plugin.context
        await context.blobs.publish(context.folder / "x.bin", "x", "text/plain", "A1")
        await collection.put("odd", Other(3))
        await made.call(route(made, Method.PUT, "notes"), CALL, {"text": "good"})
        assert await made.call(route(made, Method.GET, "notes"), CALL, {}) == {"notes": ["good"]}
        with pytest.raises(GotapiError, match="larger things are files"):
            await made.call(route(made, Method.PUT, "notes"), CALL, {"text": "x" * 1_048_000})


async def test_events_are_held_back_until_they_are_taken(port: Make) -> None:
    async with port() as made:
        ticks = route(made, Method.PUT, "ticks")
        stream = made.events(ticks, CALL, {"count": "1000", "durable": "true"})
        seen = [event.members["n"] async for event in stream]
        assert seen == list(range(1, 1001))
        endless = made.events(ticks, CALL, {"count": "0"})
        async for event in endless:
            if event.members["n"] == 200:
                break
        await endless.aclose()
        cancelled = route(made, Method.GET, "cancelled")
        async with asyncio.timeout(9):
            while (await made.call(cancelled, CALL, {}))["notes"][-1] != "2":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        broken = made.events(route(made, Method.PUT, "broken"), CALL, {})
        assert (await anext(broken)).members == {"n": 1}
        with pytest.raises(GotapiError, match="the wall fell"):
            await anext(broken)


async def test_a_call_nobody_waits_for_is_cancelled(port: Make) -> None:
    async with port() as made:
        wait = route(made, Method.GET, "wait")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await made.call(wait, CALL, {"name": "first"})
        cancelled = route(made, Method.GET, "cancelled")
        async with asyncio.timeout(9):
            while "first" not in (await made.call(cancelled, CALL, {}))["notes"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        waiting = asyncio.create_task(made.call(wait, CALL, {"name": "at the end"}))
        await asyncio.sleep(0)
    with pytest.raises(GotapiError):
        await waiting


async def test_surfaces(port: Make, tmp_path: Path) -> None:
    async with port() as made:
        (page,) = made.description.routes.surfaces()
        for body in (b"", b"text", b"\xff\x00", b"y" * 100_000):
            request = SurfaceRequest(method="POST", path="/echo", query=b"a=%20", body=body)
            reply = await made.surface(page, request)
            got = reply.body if reply.file is None else content_of(reply.file)
            assert (reply.status, got) == (201, body)
        large = tmp_path / "large"
        large.write_bytes(b"z" * 10)
        request = SurfaceRequest(method="POST", path="/echo", query=b"q", file=str(large))
        assert len((await made.surface(page, request)).body) == 64
        assert content_of(str(large)) == b"z" * 10  # the hub's own, which it removes itself
        for what in ("file", "elsewhere"):
            request = SurfaceRequest(method="GET", path=f"/echo/{what}")
            assert len(content_of((await made.surface(page, request)).file)) > 1000


async def test_a_start_that_is_refused_by_the_plugin(port: Make) -> None:
    for settings, said in (
        ({"refuse": True}, "it says: ValueError: the settings told it to refuse"),
        ({"odd": 1}, "it says: ValueError: its settings do not fit: .*odd"),
    ):
        with pytest.raises(RefusedStart, match=said):
            async with port(settings):
                raise AssertionError("it started")


async def test_log_lines_of_every_level_and_thread(port: Make, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    async with port() as made:
        log = made.session._plugin.context.log
        log.setLevel(logging.DEBUG)
        await asyncio.to_thread(log.error, "from a thread")
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            log.log(level, "level %d", level)
        async with asyncio.timeout(9):
            while sum(one.name == "hub.echo" for one in caplog.records) < 5:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        log.setLevel(logging.NOTSET)
    levels = {one.message: one.levelname for one in caplog.records if one.name == "hub.echo"}
    assert levels == {
        "the echo is awake": "WARNING",
        "from a thread": "ERROR",
        "level 10": "DEBUG",
        "level 20": "INFO",
        "level 30": "WARNING",
    }


async def test_what_the_hub_must_not_send_is_said_and_ignored(port: Make, caplog: Any) -> None:
    async with port() as made:
        made.session.received(b"garbage")
        made.session.received(b'{"type":"welcome"}')
        made.session.received(b'{"type":"eventAck","id":99,"count":1}')
        made.session.received(b'{"type":"cancel","id":99}')
        assert await made.services()
