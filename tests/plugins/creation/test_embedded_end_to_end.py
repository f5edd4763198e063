"""The real embedded service behind the real hub: drawn silhouettes become a model, and a print."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from gotapi_creation.embedded_service import EmbeddedDesk
from gotapi_creation.wire import CreationError

SHARED = Path(os.environ.get("GOTAPI_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
DRAWINGS = SHARED / "models"


def silhouette(width: int, height: int, across: float) -> bytes:
    """Draw a capsule as black on nothing."""
    import io

    from PIL import Image, ImageDraw

    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    half = across * width / 2
    draw.rounded_rectangle(
        (width / 2 - half, height * 0.1, width / 2 + half, height * 0.9), half, (40, 90, 200, 255)
    )
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


@pytest.fixture
async def embedded_app(hub_of):
    async with hub_of(embedded=True, lost_time=60.0) as app:
        app.service = "embedded.creation"
        yield app


@pytest.mark.timeout(180)
async def test_two_silhouettes_become_glb_stl_and_3mf(embedded_app):
    app = embedded_app
    assert (await app.ask("servicediscovery"))["services"][0]["online"] is True
    await app.connect()
    [template, *_] = (await app.ask("getattribute"))["templateInfo"]
    files = (await app.ask("filetransfer", number=2))["fileTransInfo"]
    for entry, across in zip(files, (0.5, 0.3), strict=True):
        sent = await app.http.put(entry["url"], content=silhouette(256, 256, across))
        assert sent.status_code == 200
    begun = await app.ask("setattribute", "PUT", templateId=template["templateId"], num_sil=2)
    assert begun["result"] == 0, begun
    answer = await app.done()
    assert answer["result"] == 0, answer
    models = {one["format"]: one for one in answer["fileTransInfo"] if "part" not in one}
    assert {"glb", "stl", "3mf"} <= set(models)
    for one in models.values():
        content = (await app.http.get(one["url"])).content
        assert len(content) == one["size"]


@pytest.mark.timeout(240)
async def test_a_killed_service_goes_on_with_the_job(embedded_app):
    app = embedded_app
    await app.connect()
    [template, *_] = (await app.ask("getattribute"))["templateInfo"]
    [entry] = (await app.ask("filetransfer", number=1))["fileTransInfo"]
    await app.http.put(entry["url"], content=silhouette(256, 256, 0.5))
    begun = await app.ask("setattribute", "PUT", templateId=template["templateId"], num_sil=1)
    assert begun["result"] == 0, begun
    [supervisor] = list(app.live.hub.registry)
    service = supervisor._port._plugin._embedded._service
    os.kill(service.pid, signal.SIGKILL)
    answer = await app.done()
    while answer["result"] == 111:
        answer = await app.done()
    assert answer["result"] == 0, answer
    assert answer["jobId"] == begun["jobId"]


@pytest.mark.timeout(300)
async def test_three_drawings_become_a_model_and_a_print(hub_of, loaded, simulated_devices, parts):
    if not (DRAWINGS / "human_front.png").is_file():
        pytest.skip("the drawings are not beside this repository (GOTAPI_SHARED_DATA)")
    async with hub_of(
        embedded=True,
        lost_time=60.0,
        plugins=(loaded("gotapi_printer"),),
        others=simulated_devices,
        scope="3dcapi,3dp",
    ) as app:
        app.service = "embedded.creation"
        await app.connect()
        templates = (await app.ask("getattribute"))["templateInfo"]
        files = (await app.ask("filetransfer", number=3))["fileTransInfo"]
        for entry in files:
            picture = (DRAWINGS / f"human_{entry['view']}.png").read_bytes()
            assert (await app.http.put(entry["url"], content=picture)).status_code == 200
        template = templates[0]["templateId"]
        begun = await app.ask(
            "setattribute", "PUT", templateId=template, num_sil=3, height=25, foot="TRUE"
        )
        assert begun["result"] == 0, begun
        answer = await app.done()
        assert answer["result"] == 0, answer
        printer = await _online(app)
        printed = await app.ask("printing", "PUT", bedClear="assume")
        assert printed["result"] == 0, printed
        assert printed["printer"] == printer
        await _prints(app, printer, printed["printJobId"])


async def _online(app) -> str:
    """Return the printer's service id, once it answers."""
    deadline = time.monotonic() + 60
    while True:
        params = {"accessToken": app.token}
        answer = await app.http.get(f"{app.url}/gotapi/servicediscovery", params=params)
        found = [one for one in answer.json()["services"] if "3dp" in one["scopes"]]
        if found and found[0]["online"]:
            return str(found[0]["serviceId"])
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


async def _prints(app, printer: str, job_id: str) -> None:
    """Wait until the job has come so far that lines of the model go to the printer."""
    deadline = time.monotonic() + 120
    params = {"accessToken": app.token, "serviceId": printer}
    while True:
        jobs = (await app.http.get(f"{app.url}/gotapi/3dp/jobs", params=params)).json()["jobs"]
        [job] = [one for one in jobs if one["jobId"] == job_id]
        assert job["state"] not in ("failed", "stopped", "interrupted"), job
        if job["state"] == "done" or job.get("line", 0) > 10:
            return
        assert time.monotonic() < deadline, job
        await asyncio.sleep(0.1)


async def test_a_service_that_cannot_start_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("gotapi_creation.embedded_service._START", 0.2)
    monkeypatch.setattr("gotapi_creation.service.embedded._COMMAND", ("/bin/false",))
    desk = EmbeddedDesk(tmp_path, {"tool": {"arguments": ["x"]}})
    try:
        with pytest.raises(CreationError, match="does not start"):
            await desk.ready()
    finally:
        await desk.stop()
    assert (tmp_path / "engines.json").exists()
