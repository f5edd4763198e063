"""The G-code of jobs for those whose jobs they are: uploaded, sliced, running, ended, forgotten."""

import asyncio
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.client import HubClient
from gotapi_printer.kept import KEEP, MOST, ROOM, KeptFiles

PRINT = "G28\nM117 kept\nG4 P1\n"
SLOW = "G28\n" + "G4 P500\n" * 200
TETRAHEDRON = """solid one
facet normal 0 0 -1
outer loop
vertex 0 0 0
vertex 0 20 0
vertex 20 0 0
endloop
endfacet
facet normal 0 -1 0
outer loop
vertex 0 0 0
vertex 20 0 0
vertex 0 0 5
endloop
endfacet
facet normal -1 0 0
outer loop
vertex 0 0 0
vertex 0 0 5
vertex 0 20 0
endloop
endfacet
facet normal 1 1 1
outer loop
vertex 20 0 0
vertex 0 20 0
vertex 0 0 5
endloop
endfacet
endsolid one
"""


async def fetch(one: Any, uri: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Ask for a file of the hub as any client would, with the application's token."""
    own = {"Authorization": f"Bearer {one.client.reveal_token()}", "X-GotAPI-Origin": "desk.test"}

    def get() -> tuple[int, bytes]:
        asked = urllib.request.Request(uri, headers={**own, **headers}, method=method)
        with urllib.request.urlopen(asked) as got:
            return got.status, got.read()

    return await asyncio.to_thread(get)


async def printed(one: Any) -> list[Path]:
    """The files that ended jobs left; they come a moment after the end."""
    folder = one.folder / "home" / "data" / "plugins" / "printer" / "printed"
    async with asyncio.timeout(30):
        while not (found := [*folder.rglob("*.gcode")]):  # noqa: ASYNC110  # they are files
            await asyncio.sleep(0.02)
    return found


async def begin(one: Any, **params: str) -> str:
    """Have a model sliced and printed; returns its job."""
    path = one.folder / "corner.stl"
    path.write_text(TETRAHEDRON)
    stored = await one.client.upload(path)
    order = {"uri": stored.uri, "slicer": "embedded", **params}
    begun = await one.call("put", "printingcommand", **order)
    return str(begun["jobId"])


async def test_what_was_uploaded_is_that_file_itself(desk) -> None:
    async with desk() as one:
        job = await one.print(PRINT)
        await one.job(job, "done")
        told = await one.call("get", "job/gcode", jobId=job)
        entry = (await one.call("get", "history"))["history"][0]
        assert (told["uri"], told["name"], told["size"]) == (entry["uri"], "part.gcode", len(PRINT))


async def test_what_was_sliced_can_be_had_while_it_is_printed_and_after(desk) -> None:
    async with desk("--time-scale", "50") as one:
        job = await begin(one)
        await one.job(job, "starting", "printing")
        told = await one.call("get", "job/gcode", jobId=job)
        assert told["name"] == "corner.gcode"
        status, whole = await fetch(one, told["uri"])
        assert (status, len(whole)) == (200, told["size"])
        assert b"G1 " in whole
        # As with any file of the hub, a part of it can be asked for.
        assert await fetch(one, told["uri"], Range="bytes=10-19") == (206, whole[10:20])
        await one.call("delete", "printingcommand")
        again = await one.call("get", "job/gcode", jobId=job)
        assert again == told  # copied once
        # Whoever deletes it gets a new one, of what is kept for a day.
        assert (await fetch(one, told["uri"], "DELETE"))[0] == 200
        new = await one.call("get", "job/gcode", jobId=job)
        assert new["uri"] != told["uri"]
        assert (await fetch(one, new["uri"]))[1] == whole
        assert [path.stem for path in await printed(one)] == [job]


async def test_there_is_none_of_a_model_that_is_still_sliced(desk) -> None:
    async with desk("--time-scale", "50") as one:
        job = await begin(one)
        found = await one.job(job, "slicing", "queued", "starting", "printing")
        if found["state"] == "slicing":  # else it was sliced before anybody could ask
            words = await one.refused(16, "get", "job/gcode", jobId=job)
            assert "is slicing; ask again" in words
        await one.job(job, "printing")


async def test_it_is_nobody_elses(desk) -> None:
    async with desk() as one:
        job = await one.print(PRINT)
        async with HubClient(one.hub.url, "other.test", "Other") as other:
            asking = asyncio.create_task(other.authorize(["3dp"]))
            await one.hub.allow()
            await asking
            one.client = other
            assert "another application" in await one.refused(10, "get", "job/gcode", jobId=job)
            assert "has no job 'none'" in await one.refused(10, "get", "job/gcode", jobId="none")


async def test_what_is_not_kept_any_more_says_so(desk) -> None:
    async with desk("--time-scale", "50") as one:
        job = await begin(one)
        await one.job(job, "printing")
        await one.call("delete", "printingcommand")
        for path in await printed(one):
            path.unlink()
        words = await one.refused(10, "get", "job/gcode", jobId=job)
        assert "'corner.stl' is not kept any more" in words


async def test_a_job_that_is_to_begin_later_waits_and_lets_others_pass(desk) -> None:
    async with desk(settings={"bed_clear": "assume"}) as one:
        held = await one.print(PRINT, name="held.gcode", start="later")
        waiting = (await one.call("get", "queue"))["printqueue"]
        assert [(job["state"], job["held"]) for job in waiting] == [("queued", True)]
        assert waiting[0]["msg"] == "Waiting to be let begin"
        passing = await one.print("G28\nM117 passing\n", name="passing.gcode")
        await one.job(passing, "done")
        assert "M117 kept" not in one.transcript()
        begun = await one.call("put", "job/start", jobId=held)
        assert begun["jobId"] == held
        done = await one.job(held, "done")
        assert "held" not in done
        assert "M117 kept" in one.transcript()
        assert "does not wait to be let begin" in await one.refused(
            10, "put", "job/start", jobId=held
        )
        assert "does not wait to be let begin" in await one.refused(
            10, "put", "job/start", jobId="none"
        )


async def test_a_model_that_is_held_is_sliced_and_looked_at_before_it_begins(desk) -> None:
    async with desk("--time-scale", "50") as one:
        job = await begin(one, start="later")
        await one.job(job, "queued")
        told = await one.call("get", "job/gcode", jobId=job)
        assert b"G1 " in (await fetch(one, told["uri"]))[1]
        assert "prompts" not in await one.status()  # the bed is clear; nothing is asked
        await one.call("put", "job/start", jobId=job)
        await one.job(job, "printing")


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., KeptFiles]:
    """Keep files of these sizes, the newest one first: job 0, job 1 ..."""

    def make(*sizes: int) -> KeptFiles:
        kept = KeptFiles(tmp_path / "printed")
        for number, size in enumerate(sizes):
            source = tmp_path / "source"
            with source.open("wb") as file:
                file.truncate(size)
            kept.take(source, str(number))
            assert not source.exists()
        return kept

    return make


def left(tmp_path: Path) -> set[str]:
    return {path.stem for path in (tmp_path / "printed").iterdir()}


def test_files_go_after_their_time(keep, tmp_path: Path) -> None:
    kept = keep(1, 1, 1)
    kept.sweep([("0", 100.0), ("1", 50.0), ("2", 49.0)], 50.0 + KEEP - 1)
    assert left(tmp_path) == {"0", "1"}
    kept.sweep([("0", 100.0)], 100.0)  # a job that is forgotten takes its file along
    assert left(tmp_path) == {"0"}


def test_no_more_files_than_so_many(keep, tmp_path: Path) -> None:
    kept = keep(*[1] * (MOST + 2))
    kept.sweep([(str(number), 0.0) for number in range(MOST + 2)], 1.0)
    assert left(tmp_path) == {str(number) for number in range(MOST)}


def test_no_more_than_the_room_there_is(keep, tmp_path: Path) -> None:
    kept = keep(10, ROOM + 1, ROOM - 10, 1)
    kept.sweep([(str(number), 0.0) for number in range(4)], 1.0)
    assert left(tmp_path) == {"0", "2"}


def test_without_a_file_there_is_nothing_to_keep(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "printed")
    kept.sweep([("0", 0.0)], 1.0)
    with pytest.raises(FileNotFoundError):
        kept.take(tmp_path / "absent", "0")
    assert left(tmp_path) == set()
