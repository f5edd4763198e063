"""Models through a real hub onto a simulated printer: checked, sliced, printed, stopped."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gotapi_core.client import HubClient, HubRefused
from gotapi_core.testing.process import HubProcess
from gotapi_meshes.reading import read_model
from gotapi_meshes.report import Area
from gotapi_printer.files.embedded.slicing import slice_mesh
from gotapi_printer.files.options import SliceOptions, profile_for
from gotapi_printer.simulator.child import run_simulator

HOST_OWN = ("M105", "M110", "M115", "M155", "M400", "M85 ", "M114")
PATIENCE = 60.0


@dataclass
class Bench:
    client: HubClient
    printer: str

    async def print(self, path: Path, **options):
        stored = await self.client.upload(path)
        return await self.client.put(
            "3dp", "printingcommand", self.printer, uri=stored.uri, **options
        )

    async def check(self, path: Path, **options):
        stored = await self.client.upload(path)
        return await self.client.get("3dp", "check", self.printer, uri=stored.uri, **options)

    async def until(self, wanted):
        """Listen to the status until something of it is found, and return that."""
        async with (
            asyncio.timeout(PATIENCE),
            self.client.events("3dp", "status", self.printer) as events,
        ):
            async for event in events:
                if found := wanted(event.members["3dp"]):
                    return found
        raise AssertionError("the events ended")

    async def job(self, job_id, *states):
        def wanted(status):
            jobs = [*status["printQueue"], status.get("lastJob", {})]
            return next(
                (j for j in jobs if j.get("jobId") == job_id and j["state"] in states), None
            )

        return await self.until(wanted)


@contextlib.asynccontextmanager
async def bench(home: Path, port: str) -> AsyncIterator[Bench]:
    settings = f'plugins.printer.ports=[{{path = "{port}"}}]'
    with HubProcess(home, "--set", settings) as hub:
        async with HubClient(hub.url, "test.files", "Test") as client:
            asking = asyncio.create_task(client.authorize(["3dp"]))
            await asyncio.to_thread(hub.approve_next)
            await asking
            made = Bench(client, (await client.services())[0].id)
            await made.until(lambda status: status["online"])
            yield made


@pytest.fixture
async def printing(tmp_path):
    words = ("--only-numbered", "--time-scale", "0")
    with run_simulator(*words, link=tmp_path / "port") as simulator:
        async with bench(tmp_path / "home", simulator.path) as made:
            yield made, simulator


@pytest.fixture
def box_file(make, tmp_path):
    path = tmp_path / "box.stl"
    path.write_bytes(make.stl(make.box(8, 8, 2)))
    return path


@pytest.mark.timeout(120)
async def test_a_model_is_sliced_and_printed_to_the_last_command(printing, box_file):
    app, simulator = printing
    answer = await app.print(box_file, slicer="embedded")
    assert answer["printqueue"][0]["state"] == "slicing"
    assert answer["printqueue"][0]["msg"].startswith("Slicing")
    last = await app.job(answer["jobId"], "done", "failed")
    attribute = (await app.client.get("3dp", "information", app.printer))["3dp"][0][
        "printAttribute"
    ]
    assert last["state"] == "done", last
    assert last["layers"] == last["layer"] == 10
    assert last["name"] == "box.stl"
    size = tuple(attribute[f"printSize{axis}"] for axis in "XYZ")
    profile = profile_for(SliceOptions(), Area(high=size, known=True))
    with box_file.open("rb") as file:
        lines = slice_mesh(read_model(file)[1], profile)
        wanted = [line for text in lines if (line := text.partition(";")[0].strip())]
    accepted = [line for line in simulator.transcript() if not line.startswith(HOST_OWN)]
    assert accepted[: len(wanted)] == wanted
    # The hub makes sure afterwards that nothing stays hot.
    assert set(accepted[len(wanted) :]) <= {"M104 S0", "M140 S0", "M107"}
    assert sum(line.startswith("G1 X") for line in accepted) > 100


async def test_models_that_cannot_be_printed_are_refused_at_once(printing, make, tmp_path):
    app, _ = printing
    places, faces = make.box()
    path = tmp_path / "model"
    for data, words in (
        (make.stl((places, faces[1:])), "not closed"),
        (make.stl(make.box(900, 10, 10)), "too large.*900.0 mm wide"),
        (make.stl(make.box())[:400], "cut off"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "a PNG picture"),
        (make.archive({"3D/3dmodel.model": " " * (30 << 20)}), "100 times"),
    ):
        path.write_bytes(data)
        with pytest.raises(HubRefused, match=words) as refused:
            await app.print(path, slicer="embedded")
        assert refused.value.code == 10
    status = (await app.client.get("3dp", "status", app.printer))["3dp"]
    assert not status["printQueue"]
    assert (await app.client.get("3dp", "jobs", app.printer))["jobs"] == []


async def test_options_are_checked(printing, box_file):
    app, _ = printing
    for options, words in (
        ({"slicer": "cura"}, "auto, prusaslicer, embedded"),
        ({"layerHeight": 9}, "layerHeight"),
        ({"infill": -1}, "infill"),
        ({"scale": 0}, "scale"),
        ({"profile": "nowhere"}, "uri|file"),
    ):
        with pytest.raises(HubRefused, match=words) as refused:
            await app.print(box_file, **options)
        assert refused.value.code == 10


async def test_g_code_beyond_the_printer_is_refused(printing, tmp_path):
    app, _ = printing
    path = tmp_path / "far.gcode"
    path.write_text("G28\nG1 X10 Y10 Z0.2\nG1 X900 Y10 E5 F600\n")
    with pytest.raises(HubRefused, match=r"outside the printer: X from 10\.0 to 900\.0") as refused:
        await app.print(path)
    assert refused.value.code == 10


async def test_check_tells_without_printing(printing, box_file, tmp_path):
    app, _ = printing
    answer = await app.check(box_file, scale=2)
    assert answer["kind"] == "stl"
    assert answer["printable"] is True
    assert answer["model"]["size"] == [16, 16, 4]
    assert answer["model"]["watertight"] is True
    assert "gcode" not in answer or answer["gcode"] is None
    slicers = (await app.client.get("3dp", "slicers", app.printer))["slicers"]
    assert [one["id"] for one in slicers] == ["prusaslicer", "embedded"]
    assert slicers[1]["experimental"] is True
    picture = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
        "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    path = tmp_path / "small.gcode"
    path.write_text(
        f"; thumbnail begin 16x16 99\n; {picture}\n; thumbnail end\n"
        "G28\nG1 Z0.2\nG1 X10 Y10 F600\nG1 X20 E1\n; filament used [mm] = 1.0\n"
    )
    found = await app.check(path)
    gcode = found["gcode"]
    assert (gcode["low"], gcode["high"]) == ([10, 10, 0.2], [20, 10, 0.2])
    assert gcode["filament"] == [1.0]
    [link] = gcode["thumbnails"]
    assert (link["width"], link["contentType"]) == (16, "image/png")
    assert json.dumps(found)


async def test_stopping_while_it_is_sliced(printing, make, tmp_path, figure):
    app, simulator = printing
    answer = await app.print(figure, slicer="embedded", layerHeight=0.05)
    await app.job(answer["jobId"], "slicing")
    stopped = await app.client.delete("3dp", "printingcommand", app.printer, jobId=answer["jobId"])
    assert stopped["printqueue"][0]["state"] == "stopped"
    assert not [line for line in simulator.transcript() if line.startswith("G1")]
    folder = tmp_path / "home"
    left = [path for path in folder.rglob("*") if path.is_file() and ".model" in path.name]
    assert left == []
    assert not list(folder.rglob("slicing/*"))


@pytest.mark.timeout(120)
async def test_a_killed_hub_slices_again(tmp_path, figure):
    words = ("--only-numbered", "--time-scale", "0")
    with run_simulator(*words, link=tmp_path / "port") as simulator:
        settings = f'plugins.printer.ports=[{{path = "{simulator.path}"}}]'
        with HubProcess(tmp_path / "home", "--set", settings) as hub:
            async with HubClient(hub.url, "test.files", "Test") as client:
                asking = asyncio.create_task(client.authorize(["3dp"]))
                await asyncio.to_thread(hub.approve_next)
                await asking
                app = Bench(client, (await client.services())[0].id)
                await app.until(lambda status: status["online"])
                answer = await app.print(figure, slicer="embedded", layerHeight=0.1)
                token = client.token
            os.kill(hub.pid, 9)
            hub.kill()
            hub.start()
            async with HubClient(hub.url, "test.files", "Test", token=token) as client:
                app = Bench(client, (await client.services())[0].id)
                job = await app.job(answer["jobId"], "slicing", "queued", "starting", "printing")
                assert job["name"] == figure.name
                await client.delete("3dp", "printingcommand", app.printer, jobId=job["jobId"])
