"""The steps of the demonstration, each through the public interfaces of the hub."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from gotapi_core.cli.print_follow import Follower
from gotapi_core.cli.print_report import Report as PrintReport
from gotapi_core.cli.print_report import layer, words
from gotapi_core.cli.terminal import Terminal, clean, duration
from gotapi_core.client import Code, HubClient, HubFault, Printer, PrinterStatus, PrintJob, Service
from gotapi_core.client.printer import PROFILE as PRINTING
from gotapi_core.client.status import JobState, parse_started
from gotapi_core.client.wire import Wire
from gotapi_creation.create.by_hub import PROFILE as CREATING
from gotapi_creation.create.by_hub import ModelJob, choose
from gotapi_creation.create.wish import Unfit, Wish
from gotapi_creation.demo.camera import portrayals
from gotapi_creation.demo.own_hub import PATIENCE, OwnHub, allow, wishes
from gotapi_creation.demo.story import Story
from gotapi_creation.engine.order import View
from gotapi_creation.showing import PREVIEW

ORIGIN: Final = "gotapi-demo"
NAME: Final = "gotapi demo"
LOOKING: Final = "3dps"
SCOPES: Final = (CREATING, LOOKING, PRINTING)
LAYER: Final = 6.0  # seconds in which a finished model becomes a layer
VIEW: Final = 900  # pixels a side
NOWHERE: Final = "LOCAL:METRES"  # the CRS of what lies nowhere on earth
_LOOK: Final = 0.2  # seconds between questions
_HEIGHT: Final = 0.3  # millimetres of a printed layer
_FETCH: Final = 30.0  # seconds without a byte of a file
_LARGEST: Final = 64 << 20  # bytes of a picture


class Box(msgspec.Struct, frozen=True, rename="camel"):
    """What is needed of a layer: its place, in its own CRS."""

    service_id: str
    crs: str
    lower_corner: tuple[float, float, float]
    upper_corner: tuple[float, float, float]
    title: str


class _Layers(msgspec.Struct, frozen=True):
    layers: tuple[Box, ...]


class _Document(msgspec.Struct, frozen=True):
    uri: str


class Walk:
    """One way from pictures to a print."""

    def __init__(self, hub: OwnHub, client: HubClient, story: Story, folder: Path) -> None:
        self._hub = hub
        self._client = client
        self._story = story
        self._folder = folder

    async def consent(self, terminal: Terminal) -> None:
        """Ask for access as any application does; who sits at the terminal is the operator."""
        asking: list[asyncio.Task[None]] = []

        def show(code: Code | None) -> None:
            if code is not None:
                asking.append(asyncio.ensure_future(self._decide(code.user_code, terminal)))

        try:
            await self._client.authorize_by_code(SCOPES, show)
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _decide(self, code: str, terminal: Terminal) -> None:
        wanted = wishes(await self._hub.operator("GET", "state"), code)
        self._story.note(f"{NAME} asks for access, request {clean(code)}:")
        for one in wanted:
            self._story.note(f"    {one}")
        if terminal.yes or await terminal.ask("Allow it? [y/N] "):
            await allow(self._hub, code)
            self._story.note("Allowed for an hour, by the operator of this hub.")
        else:
            await self._hub.operator("POST", "deny", {"code": code})

    async def create(self, pictures: dict[View, Path], height: float) -> None:
        """Have the model made: GLB, STL and 3MF."""
        self._story.begin("Make a model")
        service = choose(await self._online(CREATING), "")
        outputs = tuple(self._folder / f"model.{kind}" for kind in ("glb", "stl", "3mf"))
        wire = Wire(self._client.url, ORIGIN)
        try:
            wish = Wish(pictures, outputs, height=height, foot=True)
            await ModelJob(self._client, wire, service, self._story).run(wish)
        finally:
            await wire.close()
        self._story.finish(", ".join(path.name for path in outputs))

    async def look(self, known: Sequence[str]) -> None:
        """Have the hub draw a picture of the model, which is a layer now."""
        self._story.begin("Look at it")
        service = await self._layer(known)
        box = await self._whole(service)
        self._story.progress("Drawing", 0.5)
        view = await self._client.get(
            LOOKING, "view", service, crs=box.crs or NOWHERE, background_color="0xFFFFFF",
            portrayals=portrayals(box.lower_corner, box.upper_corner, VIEW),
        )  # fmt: skip
        await self._save(msgspec.convert(view, _Document).uri, self._folder / "view.png")
        self._story.finish("view.png")

    async def _whole(self, service: str) -> Box:
        """Return the layer as soon as it is the model: it begins as a coarse preview."""
        name = service.rpartition(".")[0]  # the hub adds the plug-in's id
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while True:
            answer = msgspec.convert(await self._client.get(LOOKING, "layers", service), _Layers)
            [box] = [one for one in answer.layers if one.service_id == name]
            if not box.title.startswith(PREVIEW) or loop.time() > deadline:
                return box
            await asyncio.sleep(_LOOK)

    async def layers(self) -> list[str]:
        """Return the layers that are there."""
        return [one.id for one in await self._client.services() if LOOKING in one.scopes]

    async def print(self, terminal: Terminal) -> PrintJob:
        """Slice the model and print it; raises Unfit unless it went through."""
        self._story.begin("Slice it")
        [service, *_] = await self._online(PRINTING)
        stored = await self._client.upload(self._folder / "model.stl")
        printer = Printer(self._client, service)
        report = _PrintStory(self._story)
        async with printer.events() as events:
            started = await self._client.put(
                PRINTING, "printingcommand", service.id, uri=stored.uri, name="model.stl",
                slicer="embedded", layerHeight=_HEIGHT, infill=10,
            )  # fmt: skip
            job_id = parse_started(started)
            never = asyncio.Event()
            outcome = await Follower(printer, job_id, report, terminal, never).run(events)
        if outcome.exit_code:
            raise Unfit(outcome.message)
        job = (await printer.status()).job(job_id)
        if job is None:
            raise HubFault("The printer forgot the print")
        report.finish(job)
        return job

    async def _online(self, scope: str) -> list[Service]:
        """Return the services of a scope, as soon as there is one that answers; raises Unfit."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while True:
            found = [one for one in await self._client.services() if scope in one.scopes]
            if online := [one for one in found if one.online]:
                return online
            if loop.time() > deadline:
                reasons = "; ".join(f"{one.name}: {one.reason}" for one in found) or "there is none"
                raise Unfit(f"No service for {scope} answers ({reasons}); run the command again")
            await asyncio.sleep(_LOOK)

    async def _layer(self, known: Sequence[str]) -> str:
        """Return the layer that the model is; raises Unfit and NotStarted."""
        self._story.progress("Waiting for its layer", 0.1)
        layer = await self._new_layer(known, LAYER)
        if layer is None:  # a hub whose settings keep models out of its scenes
            self._story.progress("Adding it to the scenes", 0.2)
            await self._hub.add_scene(self._folder / "model.glb")
            layer = await self._new_layer(known, PATIENCE)
        if layer is None:
            raise Unfit("The model did not become a layer of the 3D scenes; run the command again")
        return layer

    async def _new_layer(self, known: Sequence[str], time_limit: float) -> str | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + time_limit
        while loop.time() < deadline:
            if new := [one for one in await self.layers() if one not in known]:
                return new[0]
            await asyncio.sleep(_LOOK)
        return None

    async def _save(self, uri: str, path: Path) -> None:
        """Fetch a file of the hub; raises Unfit."""
        headers = {"X-GotAPI-Origin": ORIGIN}
        params = {} if "?" in uri else {"accessToken": self._client.reveal_token()}
        async with httpx2.AsyncClient(trust_env=False, timeout=_FETCH) as http:
            answer = await http.get(uri, headers=headers, params=params or None)
        if answer.status_code != 200 or len(answer.content) > _LARGEST:
            raise Unfit(f"The hub does not give the picture out (HTTP {answer.status_code})")
        await asyncio.to_thread(path.write_bytes, answer.content)


class _PrintStory(PrintReport):
    """What the follower of a print says, as two steps of the story."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._sliced = False

    def note(self, text: str) -> None:
        self._story.note(text)

    def status(self, status: PrinterStatus, job: PrintJob) -> None:
        if not self._sliced and job.state == JobState.SLICING:
            self._story.progress("Slicing", job.progress or 0.0)
            return
        self._to_print()
        parts = [layer(job) or words(job)]
        if status.nozzle_temperature is not None:
            parts.append(f"nozzle {status.nozzle_temperature:.0f} °C")
        if job.time_left is not None:
            parts.append(f"{duration(job.time_left)} of a real printer left")
        self._story.progress(", ".join(part for part in parts if part), job.progress or 0.0)

    def finish(self, job: PrintJob) -> None:
        """End the last step."""
        self._to_print()
        self._story.finish(f"{job.lines or 0} commands, {job.layers or 0} layers")

    def _to_print(self) -> None:
        if not self._sliced:
            self._sliced = True
            self._story.finish("with the embedded slicer")
            self._story.begin("Print it")
