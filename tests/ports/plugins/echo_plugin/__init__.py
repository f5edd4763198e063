"""A plug-in that does everything a plug-in can do, well and badly; every port runs it unchanged."""

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from gotapi_core.plugin import (
    Call,
    Context,
    Durable,
    Params,
    Plugin,
    Result,
    Service,
    SurfaceReply,
    SurfaceRequest,
    delete,
    event,
    get,
    hookimpl,
    post,
    put,
    surface,
)
from gotapi_core.protocol.errors import IllegalDeviceState, PayloadTooLarge, PluginError


class EchoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    greeting: str = "hello"
    refuse: bool = False


class EchoParams(Params):
    text: str = ""
    times: int = 1
    loud: bool = False


class Echoed(Result):
    text: str
    times: int
    loud: bool
    origin: str
    service: str


class FailParams(Params):
    how: str


class WaitParams(Params):
    name: str


class Note(Result):
    notes: tuple[str, ...]


class NoteParams(Params):
    text: str


class Said(Result):
    text: str


class BlobParams(Params):
    uri: str


class Ticks(Result):
    n: int


class TickParams(Params):
    count: int = 3
    durable: bool = False
    pause: float = 0.0


class StoredNote(msgspec.Struct, frozen=True):
    text: str


class EchoPlugin(Plugin):
    id = "echo"
    name = "Echo"
    version = "1.0"

    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.ended = 0

    async def start(self, context: Context) -> None:
        await super().start(context)
        settings: EchoSettings = context.settings or EchoSettings()
        if settings.refuse:
            raise ValueError("the settings told it to refuse")
        self.greeting = settings.greeting
        context.log.warning("the echo is awake")

    def services(self) -> Sequence[Service]:
        return [Service(id="wall", name="Wall", scopes=("echo",), manufacturer=self.greeting)]

    @get("echo", "say")
    async def say(self, call: Call, params: EchoParams) -> Echoed:
        """Say it back."""
        return Echoed(
            text=params.text,
            times=params.times,
            loud=params.loud,
            origin=call.origin,
            service=call.service_id,
        )

    @get("echo", "fail")
    async def fail(self, call: Call, params: FailParams) -> Said:
        """Fail in a way of one's choice."""
        match params.how:
            case "device":
                raise IllegalDeviceState("the wall is wet")
            case "large":
                raise PayloadTooLarge("too much")
            case "own":
                raise PluginError("own words", result=4711, error_code="E-4711", status=502)
            case "result":
                return Said(text="x" * 2_000_000)
            case _:
                raise ZeroDivisionError("a secret detail")

    @get("echo", "wait")
    async def wait(self, call: Call, params: WaitParams) -> Said:
        """Wait for ever, and remember to have been cancelled."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.cancelled.append(params.name)
        return Said(text="never")

    @get("echo", "cancelled")
    async def list_cancelled(self, call: Call) -> Note:
        """Tell which waits were cancelled, and how many event streams ended."""
        return Note(notes=(*self.cancelled, str(self.ended)))

    @put("echo", "notes")
    async def put_note(self, call: Call, params: NoteParams) -> Said:
        """Store a note."""
        await self.context.collection("notes").put(params.text, StoredNote(params.text))
        return Said(text=params.text)

    @delete("echo", "notes")
    async def delete_note(self, call: Call, params: NoteParams) -> None:
        """Forget a note."""
        await self.context.collection("notes").delete(params.text)

    @get("echo", "notes")
    async def notes(self, call: Call) -> Note:
        """List the notes."""
        found = await self.context.collection("notes").all(StoredNote)
        return Note(notes=tuple(one.text for one in found))

    @post("echo", "blob")
    async def blob(self, call: Call, params: BlobParams) -> Said:
        """Say the digest of a file of the application."""
        blob = await self.context.blobs.open(params.uri, application=call.application)
        return Said(text=hashlib.sha256(blob.path.read_bytes()).hexdigest())

    @event("echo", "ticks")
    async def ticks(self, call: Call, params: TickParams) -> AsyncIterator[Ticks | Durable[Ticks]]:
        """Count, for ever where count is 0."""
        n = 0
        try:
            while params.count == 0 or n < params.count:
                n += 1
                value = Ticks(n=n)
                yield Durable(value) if params.durable else value
                await asyncio.sleep(params.pause)
        finally:
            self.ended += 1

    @event("echo", "broken")
    async def broken(self, call: Call) -> AsyncIterator[Ticks]:
        """Fail after the first value."""
        yield Ticks(n=1)
        raise IllegalDeviceState("the wall fell")

    @put("echo", "misbehave")
    async def misbehave(self, call: Call, params: FailParams) -> Said:
        """Do what no plug-in should."""
        match params.how:
            case "print":
                print("this goes to the log")
                os.write(1, b"and this\n")
            case "crash":
                os._exit(3)
            case "hang":
                time.sleep(30)  # noqa: ASYNC251  # what no plug-in should do
            case "leak":
                self.leaked = bytearray(os.urandom(1024)) * (300 * 1024)
                await asyncio.sleep(5)
            case "exit":
                sys.exit("it called sys.exit()")
        return Said(text=str(os.getpid()))

    @surface("/echo")
    async def page(self, request: SurfaceRequest) -> SurfaceReply:
        """Answer with the body that came, or with what the path asks for."""
        headers = (
            ("content-type", "application/octet-stream"),
            ("x-query", request.query.decode()),
        )
        if request.path.endswith("/file"):
            path = self.context.folder / "answer.bin"
            path.write_bytes(b"\xff" * 3_000_000)
            return SurfaceReply(headers=headers, file=str(path))
        if request.path.endswith("/elsewhere"):
            return SurfaceReply(headers=headers, file=__file__)
        body = request.body
        if request.file is not None:
            body = _digest(Path(request.file))
        return SurfaceReply(status=201, headers=headers, body=body)


def _digest(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).hexdigest().encode()


@hookimpl
def gotapi_plugins() -> Sequence[type[Plugin]]:
    return [EchoPlugin]


@hookimpl
def gotapi_profiles() -> dict[str, str]:
    return {"echo": "hear what you say"}


@hookimpl
def gotapi_settings() -> dict[str, type[msgspec.Struct]]:
    return {"echo": EchoSettings}
