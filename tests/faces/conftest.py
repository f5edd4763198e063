"""A hub with a plug-in that has one of everything, and a client for each face."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal

import httpx2
import msgspec
import pytest
from websockets.asyncio.client import connect

from gotapi_core.client import HubClient
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
    post,
    put,
    surface,
)
from gotapi_core.protocol.errors import IllegalDeviceState
from gotapi_core.testing import live_hub

DEADLINE = 8.0  # seconds a test waits for anything before it fails
SCOPE = "bench,meter"


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Point(msgspec.Struct, frozen=True, rename="camel"):
    """A place on the bench, in millimetres."""

    x_mm: float
    y_mm: float = 0.0


class Parts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    point: Point
    inner: "Parts | None" = None


class SetParams(Params):
    text: Annotated[str, msgspec.Meta(max_length=40, description="What to show.")]
    count: Annotated[int, msgspec.Meta(ge=0, le=10)] = 1
    colour: Colour = Colour.RED
    mode: Literal["slow", "fast"] | None = None
    on: bool = True


class ShowResult(Result):
    text: str
    count: int
    colour: Colour
    corner: tuple[float, float]
    parts: Parts
    points: tuple[Point, ...] = ()
    level: float | None = None


class FindParams(Params):
    label_text: Annotated[str, msgspec.Meta(description="What to find.")] = ""


class Found(Result):
    labels: dict[str, int]


class MeterParams(Params):
    unit: str = "C"


class Measured(Result):
    value: int
    event_id: str = ""  # a name that the hub uses, too


class Bench(Plugin):
    """One of everything."""

    id = "bench"
    name = "Bench"
    version = "3.1"
    running: ClassVar["Bench"]

    def __init__(self) -> None:
        self.queues: set[asyncio.Queue[Measured | Durable[Measured]]] = set()
        self.calls: list[str] = []

    async def start(self, context: Context) -> None:
        await super().start(context)
        type(self).running = self

    def services(self) -> list[Service]:
        return [
            Service(id="one", name="Bench one", scopes=("bench", "meter"), version="7"),
            Service(id="two words", name="Bench two", scopes=("bench",)),
        ]

    @get("bench", "display")
    async def display(self, call: Call) -> ShowResult:
        """Tell what is shown."""
        self.calls.append("get")
        return _shown("", 1, Colour.GREEN)

    @put("bench", "display")
    async def show(self, call: Call, params: SetParams) -> ShowResult:
        """Show a text."""
        self.calls.append(f"put {params.text}")
        return _shown(params.text, params.count, params.colour)

    @post("bench", "display", interface="copies")
    async def copy(self, call: Call, params: FindParams) -> Found:
        """Make a copy."""
        self.calls.append(f"post {params.label_text}")
        return Found(labels={params.label_text: 1})

    @delete("bench", "display")
    async def clear(self, call: Call) -> None:
        self.calls.append("delete")

    @get("bench", "labels")
    async def labels(self, call: Call, params: FindParams) -> Found:
        """Find labels."""
        return Found(labels={"label": len(params.label_text)})

    @get("bench")
    async def whole(self, call: Call) -> None:
        """Answer to a profile without an attribute."""

    @get("bench", "busy")
    async def busy(self, call: Call) -> None:
        """Refuse always."""
        raise IllegalDeviceState("The bench is in use; wait until it is free")

    @event("meter", "value")
    async def measure(
        self, call: Call, params: MeterParams
    ) -> AsyncIterator[Measured | Durable[Measured]]:
        """Tell what the meter shows."""
        queue: asyncio.Queue[Measured | Durable[Measured]] = asyncio.Queue()
        self.queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.queues.discard(queue)

    @put("bench", "reset")
    async def reset(self, call: Call) -> None:
        """Begin anew; takes no parameters."""

    @event("bench")
    async def changes(self, call: Call) -> AsyncIterator[Measured]:
        """Tell that something changed; an event without an attribute."""
        await asyncio.Event().wait()
        yield Measured(value=0)

    @event("bench", "change", interface="copies")
    async def copied(self, call: Call) -> AsyncIterator[Measured]:
        """Tell that a copy changed; an event with an interface."""
        await asyncio.Event().wait()
        yield Measured(value=0)

    @surface("/bench")
    async def raw(self, request: SurfaceRequest) -> SurfaceReply:
        """Answer below a path of its own."""
        return SurfaceReply()

    def tell(self, value: int, *, durable: bool = True) -> None:
        """Send an event to every listener."""
        measured = Measured(value=value)
        for queue in self.queues:
            queue.put_nowait(Durable(measured) if durable else measured)


def _shown(text: str, count: int, colour: Colour) -> ShowResult:
    point = Point(x_mm=1.0)
    return ShowResult(
        text=text,
        count=count,
        colour=colour,
        corner=(0.0, 1.5),
        parts=Parts(point, Parts(point)),
        points=(point,),
    )


class Desk:
    """A running hub, an application with a token, and its faces."""

    def __init__(self, live: Any) -> None:
        self.live = live
        self.hub = live.hub
        self.host = f"127.0.0.1:{live.port}"
        self.bench = Bench.running
        self.token = ""
        self.http = httpx2.AsyncClient(
            base_url=live.url, headers={"X-GotAPI-Origin": "test.app"}, trust_env=False
        )
        page = {
            "Origin": "https://draw.example",
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "cors",
        }
        self.page = httpx2.AsyncClient(base_url=live.url, headers=page, trust_env=False)

    async def allow(self, scope: str = SCOPE, origin: str = "test.app") -> str:
        async with HubClient(self.live.url, origin, "A test") as client:
            asking = asyncio.create_task(client.authorize(scope.split(",")))
            await self.live.allow()
            await asking
            return client.reveal_token()

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def rpc(self, message: Any, **options: Any) -> Any:
        content = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = {"Content-Type": "application/json", **options.pop("headers", self.bearer)}
        answer = await self.http.post("/gotapi/jsonrpc", content=content, headers=headers)
        self.status = answer.status_code
        return answer.json() if answer.content else None

    async def call(self, method: str, params: dict[str, Any] | None = None, **options: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        return await self.rpc(message, **options)

    async def listen(self, method: str = "PUT", **params: str) -> None:
        query = {"accessToken": self.token, "serviceId": "one.bench", **params}
        answer = await self.http.request(method, "/gotapi/meter/value", params=query)
        assert answer.json()["result"] == 0
        if method == "PUT":
            await self.until(lambda: self.bench.queues)

    def socket(self, path: str, **headers: str) -> Any:
        return connect(
            f"ws://{self.host}{path}",
            additional_headers={"X-GotAPI-Origin": "test.app"} | headers,
            compression=None,
            proxy=None,
        )

    async def until(self, condition: Any) -> None:
        """Wait for a condition; fails after the deadline."""
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, "it did not come to pass in time"
            await asyncio.sleep(0.005)


@pytest.fixture
def plugin() -> type[Bench]:
    return Bench


@pytest.fixture
def start(tmp_path: Any) -> Any:
    """A function that runs a hub with settings of the [server] section until its block ends."""

    @asynccontextmanager
    async def start(**server: Any) -> AsyncIterator[Desk]:
        async with live_hub(tmp_path / "home", [Bench], settings={"server": server}) as live:
            desk = Desk(live)
            desk.token = await desk.allow()
            async with desk.http, desk.page:
                yield desk

    return start


@pytest.fixture
async def desk(start: Any) -> AsyncIterator[Desk]:
    """A hub with the defaults."""
    async with start() as desk:
        yield desk


async def heard(socket: Any) -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE):
        found = json.loads(await socket.recv())
    assert isinstance(found, dict)
    return found


@pytest.fixture
def hear() -> Any:
    """A function that reads one frame of a socket."""
    return heard
