"""A hub that the checks call good, and what stands between the two to spoil its answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from gotapi_core.conformance import Report, Times
from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.transport import Transport
from gotapi_core.plugin import Call, Plugin, Result, Service, event, get
from gotapi_core.protocol.errors import IllegalDeviceState
from gotapi_core.testing import live_hub
from gotapi_core.testing.conform import check_hub

QUICK = Times(soon=4.0, at_once=4.0, quiet=0.05)


class Reading(Result):
    value: int


class MeterPlugin(Plugin):
    """One service with a one-shot request and an event."""

    id = "meter"
    name = "Meters"

    def services(self) -> list[Service]:
        return [Service(id="hall", name="Meter in the hall", scopes=("meter",))]

    @get("meter", "reading")
    async def read(self, call: Call) -> Reading:
        return Reading(value=3)

    @event("meter", "reading")
    async def readings(self, call: Call) -> AsyncIterator[Reading]:
        yield Reading(value=4)
        await asyncio.Event().wait()


class PrinterResult(Result):
    printer: Any = msgspec.field(name="3dp")


KNOWN = {"scopes": ["3dp", "3dprinter"], "type": "serial", "online": True}


class PaperPrinterPlugin(Plugin):
    """Two printers made of paper: one has a result, one has none yet."""

    id = "paper"
    name = "Paper printers"

    def services(self) -> list[Service]:
        scopes = ("3dp", "3dprinter")
        return [Service(id=one, name=one, scopes=scopes) for one in ("ready", "cold")]

    @get("3dp", "information")
    async def information(self, call: Call) -> PrinterResult:
        self._check(call)
        return PrinterResult(printer=[KNOWN])

    @event("3dp", "information")
    async def informations(self, call: Call) -> AsyncIterator[PrinterResult]:
        if call.service_id == "ready":
            yield PrinterResult(printer=KNOWN)
        await asyncio.Event().wait()

    @get("3dp", "status")
    async def status(self, call: Call) -> PrinterResult:
        self._check(call)
        return PrinterResult(printer={"online": True})

    @event("3dp", "status")
    async def statuses(self, call: Call) -> AsyncIterator[PrinterResult]:
        if call.service_id == "ready":
            yield PrinterResult(printer={"online": True})
        await asyncio.Event().wait()

    def _check(self, call: Call) -> None:
        if call.service_id != "ready":
            raise IllegalDeviceState("The printer has not answered yet")


class Asked(msgspec.Struct):
    """One request on its way to the hub, as spoilers see it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def raw(self) -> str:
        """The path below /gotapi/ as it was sent."""
        return urlsplit(self.target).path.removeprefix("/gotapi/")

    @property
    def path(self) -> str:
        """The path below /gotapi/ in lower case."""
        return self.raw.lower()

    @property
    def params(self) -> dict[str, str]:
        """The parameters of the query."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def sdk(self) -> bool:
        """Whether the DeviceConnect SDK would have sent it."""
        return "X-GotAPI-Origin" in self.headers

    @property
    def origin(self) -> str:
        return self.headers.get("Origin", "")


class Spoiler:
    """A transport that spoils what passes; each member may be None and then spoils nothing.

    `instead(asked)` may answer in place of the hub, `answer(asked, got)` may replace an answer,
    `frame(members)` a frame (None swallows it), `socket(open, target, headers)` opens a socket.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        instead: Callable[[Asked], Answer | None] | None = None,
        answer: Callable[[Asked, Answer], Answer | None] | None = None,
        frame: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None,
        socket: Callable[..., AbstractAsyncContextManager[Any]] | None = None,
    ) -> None:
        self._transport = transport
        self._instead = instead
        self._answer = answer
        self._frame = frame
        self._socket = socket

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, within: float
    ) -> Answer:
        asked = Asked(method, target, dict(headers), body)
        if self._instead is not None and (own := self._instead(asked)) is not None:
            return own
        got = await self._transport.request(method, target, headers, body, within)
        spoiled = self._answer(asked, got) if self._answer is not None else None
        return got if spoiled is None else spoiled

    @asynccontextmanager
    async def socket(self, target: str, headers: Mapping[str, str]) -> AsyncIterator[Any]:
        if self._socket is None:
            opening = self._transport.socket(target, headers)
        else:
            opening = self._socket(self._transport.socket, target, headers)
        async with opening as wire:
            yield wire if self._frame is None else SpoiledWire(wire, self._frame)


class SpoiledWire:
    """A WebSocket whose frames are spoiled."""

    def __init__(self, wire: Any, frame: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        self._wire = wire
        self._frame = frame

    async def send(self, text: str) -> None:
        await self._wire.send(text)

    async def receive(self, within: float) -> str | None:
        text = await self._wire.receive(within)
        if text is None:
            return None
        members = self._frame(json.loads(text))
        return None if members is None else json.dumps(members)

    async def closed(self, within: float) -> bool:
        return bool(await self._wire.closed(within))


@pytest.fixture
def quick() -> Times:
    return QUICK


@pytest.fixture
def meter_plugin() -> type[Plugin]:
    return MeterPlugin


@pytest.fixture
def conform(tmp_path: Path) -> Callable[..., Awaitable[Report]]:
    """Check a good hub, of meters or of printers, through what spoils it."""

    async def run(kind: str = "meter", times: Times = QUICK, **spoilers: Any) -> Report:
        plugin = PaperPrinterPlugin if kind == "3dp" else MeterPlugin
        async with live_hub(tmp_path, [plugin]) as live:
            return await check_hub(
                live, times=times, wrap=lambda transport: Spoiler(transport, **spoilers)
            )

    return run
