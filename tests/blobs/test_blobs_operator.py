"""What the operator sees and deletes: the API and `gotapi blobs`."""

import asyncio
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from gotapi_core.blob_rows import new_id
from gotapi_core.cli import main
from gotapi_core.cli.running import Note
from gotapi_core.server import operator_blobs


@pytest.fixture
def operator(site):
    """A function that asks the operator API as the command does."""

    async def ask(method: str, what: str, body: object = None) -> httpx2.Response:
        secret = site.hub.paths.operator_secret.read_text().strip()
        async with httpx2.AsyncClient(base_url=site.live.url, trust_env=False) as http:
            return await http.request(
                method, f"/operator/api/{what}", json=body,
                headers={"Authorization": f"Bearer {secret}"},
            )  # fmt: skip

    return ask


@pytest.fixture
def command(site, monkeypatch):
    """A function that runs `gotapi blobs` against the hub."""
    note = Note(url=site.live.url, pid=1)
    monkeypatch.setattr("gotapi_core.cli.asking.running", lambda _: note)
    monkeypatch.setenv("COLUMNS", "160")
    home = site.hub.paths.config

    async def run(*words: str):
        arguments = ["blobs", *words, "--home", str(home)]
        return await asyncio.to_thread(CliRunner().invoke, main, arguments)

    return run


async def test_everything_is_listed_the_newest_first(site, operator, clock, maker):
    assert (await operator("GET", "blobs")).json() == {"blobs": [], "count": 0, "bytes": 0}
    await site.store(b"abc", name="a.txt")
    clock.now += 1
    half = await site.create(10, filename="half.stl")
    await site.patch(half, 0, b"1234")
    clock.now += 1
    (maker().context.folder / "m").write_bytes(b"made")
    await maker().context.blobs.publish(Path("m"), "m.png", "image/png", site.application)
    answer = (await operator("GET", "blobs")).json()
    rows = [
        (one["name"], one["size"], one["received"], one["application"], one["plugin"])
        for one in answer["blobs"]
    ]
    assert rows == [
        ("m.png", 4, 4, "Draw", "maker"),
        ("half.stl", 10, 4, "Draw", ""),
        ("a.txt", 3, 3, "Draw", ""),
    ]
    assert (answer["count"], answer["bytes"]) == (3, 11)


async def test_a_long_list_is_cut(site, operator, monkeypatch):
    monkeypatch.setattr(operator_blobs, "MAX_LISTED", 2)
    for _ in range(3):
        await site.store(b"x")
    answer = (await operator("GET", "blobs")).json()
    assert (len(answer["blobs"]), answer["count"]) == (2, 3)


async def test_the_operator_deletes_files_of_anybody(site, operator):
    stored = await site.store(b"abc")
    half = await site.create(10)
    for path in (stored, half):
        answer = await operator("POST", "blob-delete", {"id": path.removeprefix("/blobs/")})
        assert (answer.status_code, answer.json()) == (200, {})
    assert site.files() == []
    for body, status in (({"id": "nothing"}, 400), ({}, 400), ({"id": 5}, 400)):
        assert (await operator("POST", "blob-delete", body)).status_code == status


async def test_nobody_else_may(site):
    for method, what in (("GET", "blobs"), ("POST", "blob-delete")):
        answer = await site.http.request(method, f"/operator/api/{what}", json={"id": "x"})
        assert answer.status_code in (401, 403)


async def test_the_command_lists_and_deletes(site, command):
    assert "No application keeps a file." in (await command("list")).output
    path = await site.store(b"x" * 1500, name="[red]cube\x1b.gcode")
    await site.patch(await site.create(10, filename="half.stl"), 0, b"1234")
    listed = (await command("list")).output
    for part in (path.removeprefix("/blobs/"), "[red]cube.gcode", "1.5 kB", "Draw", "upload",
                 "4 bytes of 10 bytes", "2 files"):  # fmt: skip
        assert part in listed
    deleted = await command("delete", path.removeprefix("/blobs/"))
    assert (deleted.exit_code, "Deleted" in deleted.output) == (0, True)
    assert (await site.http.get(path)).status_code == 404
    again = await command("delete", path.removeprefix("/blobs/"))
    assert again.exit_code == 1
    assert "There is no file" in again.output


def test_no_file_has_a_name_that_commands_take_for_an_option():
    names = {new_id() for _ in range(3000)}
    assert len(names) == 3000
    assert {len(name) for name in names} == {22}
    assert not any(name.startswith("-") for name in names)
