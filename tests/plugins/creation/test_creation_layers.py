"""A job's preview, then its model, are a layer of the 3D scenes; it goes with the job."""

import asyncio
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gotapi_core.client import HubClient
from gotapi_core.plugin import Service
from gotapi_core.protocol.errors import InvalidParameter, OutOfScope
from gotapi_creation.model import Job, ResultFile, Step
from gotapi_creation.showing import Showing, layer_of
from gotapi_meshes.glb_writer import write_glb
from gotapi_meshes.mesh import Mesh

BOTH = "3dcapi,3dps,servicediscovery"
DEADLINE = 60.0


def glb(size: float) -> bytes:
    """A red tetrahedron of so many metres."""
    corners = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], float) * size * 1000
    faces = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)], np.uint32)
    return write_glb(Mesh(corners, faces), np.full((4, 3), (255, 0, 0), np.uint8))


async def layers(app: Any) -> dict[str, dict[str, Any]]:
    params = {"accessToken": app.token, "serviceId": "3dps.portrayal"}
    answer = (await app.http.get(f"{app.url}/gotapi/3dps/layers", params=params)).json()
    return {one["serviceId"]: one for one in answer.get("layers", [])}


async def shown(app: Any, layer: str, height: float | None) -> dict[str, Any]:
    """Wait until a layer is as high as expected, or, with None, is no more."""
    deadline = time.monotonic() + DEADLINE
    while True:
        found = (await layers(app)).get(layer)
        if (None if found is None else found["upperCorner"][2]) == height:
            return found or {}
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


async def test_the_preview_then_the_model_then_nothing(hub_of, fake, loaded):
    fake.models = {"stl": b"", "glb": glb(2), "preview": glb(1)}
    scenes = loaded("gotapi_portrayal")
    async with hub_of(fake.url, plugins=(scenes,), scope=BOTH) as app:
        begun = await app.begin()
        layer = layer_of(begun["jobId"])
        fake.reports.put_nowait({"progress": 0.5, "previewModelUrl": "/out/preview"})
        preview = await shown(app, layer, 1.0)
        assert preview["title"].startswith("Preview of model")
        fake.models = {"glb": glb(2)}
        fake.finish()
        answer = await app.done()
        assert answer["result"] == 0
        model = await shown(app, layer, 2.0)
        assert (model["public"], model["title"].startswith("Model")) == (False, True)
        params = {"accessToken": app.token, "serviceId": f"{layer}.portrayal"}
        listed = await app.http.get(f"{app.url}/gotapi/3dps/capabilities", params=params)
        document = (await app.http.get(listed.json()["uri"])).text
        assert f">{layer}<" in document
        assert ">creations<" in document
        await app.ask("filereceive", op="ACK")
        await shown(app, layer, None)


async def test_who_listens_to_a_view_sees_the_model_come_to_be(hub_of, fake, loaded):
    fake.models = {"preview": glb(1)}
    scenes = loaded("gotapi_portrayal")
    async with (
        hub_of(fake.url, plugins=(scenes,), scope=BOTH) as app,
        HubClient(app.url, "looker", "Looker") as looker,
    ):
        asking = asyncio.create_task(looker.authorize(["3dps"]))
        await app.live.allow()
        await asking
        view = {
            "crs": "LOCAL:METRES",
            "layers": layer_of((await app.begin())["jobId"]),
            "portrayals": "WIDTH=64;HEIGHT=48;PROJECTION=Perspective,4,-6,5,0.5,0.5,0.5,,,,60,,0.1,"
            "100;IMAGELAYERS=COLOR;FORMATS=image/png",
        }
        first = picture = b""
        async with (
            looker.events("3dps", "view", "3dps.portrayal", **view) as events,
            asyncio.timeout(DEADLINE),  # which is what ends it where nothing comes to be
        ):
            fake.reports.put_nowait({"progress": 0.5, "previewModelUrl": "/out/preview"})
            async for news in events:
                picture = (await app.http.get(news.members["uri"])).content
                if not first:
                    first = picture
                    fake.models = {"glb": glb(2)}
                    fake.finish()
                elif picture != first:  # the same view can be told of twice
                    break
    assert first[:4] == picture[:4] == b"\x89PNG"


async def test_a_cancelled_job_is_no_layer_any_more(hub_of, fake, loaded):
    fake.models = {"preview": glb(1)}
    async with hub_of(fake.url, plugins=(loaded("gotapi_portrayal"),), scope=BOTH) as app:
        layer = layer_of((await app.begin())["jobId"])
        fake.reports.put_nowait({"progress": 0.5, "previewModelUrl": "/out/preview"})
        await shown(app, layer, 1.0)
        await app.ask("snapshot", op="CANCEL")
        await shown(app, layer, None)


async def test_who_may_not_see_scenes_puts_nothing_into_them(hub_of, fake, loaded):
    fake.models = {"glb": glb(2)}
    async with hub_of(fake.url, plugins=(loaded("gotapi_portrayal"),)) as app:
        await app.begin()
        fake.finish()
        assert (await app.done())["result"] == 0
        [supervisor] = [one for one in app.live.hub.registry if one.id == "portrayal"]
        assert supervisor._port._plugin._lender._lent == {}


@pytest.mark.timeout(120)
async def test_a_drawn_figure_of_the_embedded_service_is_seen(hub_of, loaded, silhouette):
    async with hub_of(
        embedded=True, lost_time=60.0, plugins=(loaded("gotapi_portrayal"),), scope=BOTH
    ) as app:
        app.service = "embedded.creation"
        await app.connect()
        [template, *_] = (await app.ask("getattribute"))["templateInfo"]
        [entry] = (await app.ask("filetransfer", number=1))["fileTransInfo"]
        await app.http.put(entry["url"], content=silhouette)
        begun = await app.ask(
            "setattribute", "PUT", templateId=template["templateId"], num_sil=1, height=40
        )
        assert begun["result"] == 0, begun
        assert (await app.done())["result"] == 0
        model = await shown(app, layer_of(begun["jobId"]), pytest.approx(0.04, abs=0.002))
        assert model["triangles"] > 100


@pytest.fixture
def silhouette() -> bytes:
    """A blue capsule."""
    import io

    from PIL import Image, ImageDraw

    picture = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    box = (32, 10, 64, 86)
    ImageDraw.Draw(picture).rounded_rectangle(box, 16, (40, 90, 200, 255))
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


# -- what goes wrong, without a hub


class FakeBook:
    def __init__(self, folder: Path) -> None:
        self.jobs: dict[str, Job] = {}
        self.watchers: list[Any] = []
        self._folder = folder

    def folder(self, job: Job) -> Path:
        return self._folder / job.id

    def put(self, job: Job, kept: bool = True) -> None:
        if kept:
            self.jobs[job.id] = job
        else:
            self.jobs.pop(job.id, None)
        for watch in self.watchers:
            watch(job, kept)


class Calls:
    """Stands for the files of the hub and for the other plug-ins."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []
        self.faults: list[Exception] = []
        self.scenes = True
        self.news = asyncio.Event()

    async def publish(self, path: Path, name: str, *_: Any, **__: Any) -> str:
        return str(path.name)

    async def services(self, application: str) -> list[Service]:
        scopes = ("3dps",) if self.scenes else ("3dp",)
        self.news.set()
        return [Service(id="a", name="", scopes=scopes)]

    async def call(self, *words: Any, **_: Any) -> dict[str, object]:
        _, method, _, _, _, params = words
        self.made.append((str(method), str(params.get("uri", params["layer"]))))
        if self.faults:
            raise self.faults.pop(0)
        return {}


def job(step: Step, *formats: str, previews: tuple[str, ...] = ()) -> Job:
    files = tuple(ResultFile(1, kind, 1, "") for kind in formats)
    return Job("j", "s", "a", "x", 1, 0.0, (), step, results=files, previews=previews)


@pytest.fixture
async def bench(tmp_path):
    book, calls = FakeBook(tmp_path), Calls()
    showing = Showing(book, calls, calls, 10.0, pause=0.0)
    task = asyncio.create_task(showing.run())
    yield book, calls
    showing.stop()
    await asyncio.wait_for(task, DEADLINE)


async def settled(calls: Calls, count: int) -> None:
    async with asyncio.timeout(DEADLINE):
        while len(calls.made) < count:  # noqa: ASYNC110  # a deadline stands around it
            await asyncio.sleep(0.001)


async def test_a_store_that_is_busy_is_asked_again(bench):
    book, calls = bench
    calls.faults = [InvalidParameter("busy")] * 2
    book.put(job(Step.DONE, "stl", "glb"))
    await settled(calls, 3)
    assert calls.made == [("POST", "model.glb")] * 3
    calls.faults = [InvalidParameter("none")]
    book.put(job(Step.DONE, "stl", "glb"))  # nothing new
    book.put(job(Step.DONE, "stl", "glb"), kept=False)
    await settled(calls, 4)
    assert calls.made[3:] == [("DELETE", "creation-j")]


async def test_a_model_that_never_can_be_shown_is_given_up(bench):
    book, calls = bench
    calls.faults = [InvalidParameter("bad")] * 3
    book.put(job(Step.DONE, "stl"))
    await settled(calls, 3)
    book.put(job(Step.DONE, "png"))  # of which there is nothing to be seen
    await settled(calls, 4)
    assert calls.made[3:] == [("DELETE", "creation-j")]


async def test_what_a_hub_before_showed_goes_with_a_failure(bench):
    book, calls = bench
    book.put(job(Step.RUNNING))
    book.put(job(Step.FAILED, previews=("preview.glb",)))
    await settled(calls, 1)
    assert calls.made == [("DELETE", "creation-j")]


async def test_without_scenes_nothing_is_asked(bench):
    book, calls = bench
    calls.scenes = False
    book.put(job(Step.RUNNING, previews=("preview.glb",)))
    await asyncio.wait_for(calls.news.wait(), DEADLINE)
    calls.news.clear()
    calls.scenes = True
    calls.faults = [OutOfScope()]
    book.put(job(Step.RUNNING, previews=("preview.glb",)))
    await settled(calls, 1)
    assert calls.made == [("POST", "preview.glb")]
