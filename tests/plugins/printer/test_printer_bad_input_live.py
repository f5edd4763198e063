"""Bad files and bad content servers at a live hub.

Each gets a clear error or reason, its job the right state, nothing of it stays on the disk, and a
good job that is given afterwards is printed.
"""

import asyncio
import errno
import io
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gotapi_core.client import HubRefused
from gotapi_printer.content import client as content_client

GOOD = "G28\nG1 X10 F3000\nM117 good\n"
GCODE = b"G28\nM117 fetched\nG1 X10 F3000\n"


def archive(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()


def stl(count: int, *places: float) -> bytes:
    """A binary STL whose head says `count`, with one triangle."""
    corners = places or (0.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 10.0, 0.0)
    return b"test".ljust(80, b"\0") + struct.pack("<I12fH", count, 0, 0, 1, *corners, 0)


def tetrahedron(side: float) -> bytes:
    places = [(0.0, 0.0, 0.0), (side, 0.0, 0.0), (0.0, side, 0.0), (0.0, 0.0, side)]
    out = b"test".ljust(80, b"\0") + struct.pack("<I", 4)
    for face in ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)):
        corners = [value for index in face for value in places[index]]
        out += struct.pack("<12fH", 0, 0, 0, *corners, 0)
    return out


NAN = float("nan")
MODEL = b"<model/>"
FILES: dict[str, tuple[bytes, str]] = {
    "truncated stl": (tetrahedron(10.0)[:150], "cut off|damaged|ends"),
    "truncated 3mf": (archive({"3D/3dmodel.model": MODEL})[:-30], "3MF|ZIP|damaged|cut|archive"),
    "truncated gcode": (b"G28\nG1 X10 Y10 Z0.3\nG1 X20 Y", "line 3"),
    "binary": (bytes(range(256)) * 20, "no text|seems"),
    "zip bomb": (archive({"3D/3dmodel.model": b" " * (30 << 20)}), "100 times"),
    "nan in a model": (stl(1, NAN, 0, 0, 1, 0, 0, 0, 1, 0), "no number|not a number|finite"),
    "nan in gcode": (b"G28\nG1 Xnan Y10 E1\n", "line 2"),
    "2^31 triangles": (stl(2**31), "2147483648|2,147,483,648|triangles"),
    "a path out of the archive": (
        archive({"3D/3dmodel.model": MODEL, "../../evil": b"x"}),
        "leads out",
    ),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(500), "PNG"),
    "a page": (b"<!doctype html><html><body>Sorry</body></html>", "HTML|cannot be printed"),
    "empty": (b"", "empty|no bytes"),
    "a model larger than the bed": (tetrahedron(900.0), "too large"),
    "gcode larger than the bed": (b"G28\nG1 X10 Y10 Z0.2\nG1 X900 Y10 E5 F600\n", "outside"),
}


def jobs_folder(desk: Any) -> Path:
    folder = desk.folder / "home" / "data" / "plugins" / "printer" / "jobs"
    assert isinstance(folder, Path)
    return folder


def left(desk: Any) -> list[str]:
    return [path.name for path in jobs_folder(desk).rglob("*") if path.is_file()]


async def nothing_is_left(desk: Any) -> None:
    """A job's file goes a moment after its end is told."""
    async with asyncio.timeout(20):
        while left(desk):  # noqa: ASYNC110  # it is the disk
            await asyncio.sleep(0.02)


async def then_a_good_job_is_printed(desk: Any) -> None:
    job = await desk.print(GOOD, name="good.gcode")
    await desk.job(job, "done")
    assert "M117 good" in desk.transcript()


# -- files that applications upload -------------------------------------------------------------


@pytest.mark.parametrize("group", range(4))
async def test_a_bad_file_is_refused_at_once_and_nothing_of_it_stays(desk, group: int) -> None:
    async with desk() as one:
        for fault in list(FILES)[group::4]:  # one hub for some of them: it takes a second to start
            await refused_at_once(one, fault)
        assert not [line for line in one.transcript() if line.startswith("G")]
        await then_a_good_job_is_printed(one)


async def refused_at_once(desk: Any, fault: str) -> None:
    data, words = FILES[fault]
    path = desk.folder / "bad.gcode"
    path.write_bytes(data)

    async def order() -> None:
        stored = await desk.client.upload(path)
        await desk.call("put", "printingcommand", uri=stored.uri, slicer="embedded")

    with pytest.raises(HubRefused, match=f"(?i){words}") as refused:
        await order()
    assert refused.value.code == 10, fault
    assert (await desk.call("get", "jobs"))["jobs"] == [], fault
    assert left(desk) == [], fault


@pytest.mark.parametrize("name", ["../../evil.gcode", "/etc/evil.gcode", "a\\b.gcode"])
async def test_a_name_never_becomes_a_path(desk, name: str) -> None:
    async with desk() as one:
        before = {path for path in one.folder.rglob("*") if path.is_file()}
        path = one.folder / "good.gcode"
        path.write_text(GOOD)
        stored = await one.client.upload(path)
        answer = await one.call("put", "printingcommand", uri=stored.uri, name=name)
        done = await one.job(answer["jobId"], "done")
        assert done["name"] in (name, "evil.gcode", "b.gcode", ".gcode")
        new = {path for path in one.folder.rglob("*") if path.is_file()} - before
        home = one.folder / "home"
        assert all(home in path.parents for path in new if path.name != "good.gcode")
        assert not [path for path in new if "evil" in path.name]
        assert "NUL" in await one.refused(
            10, "put", "printingcommand", uri=stored.uri, name="a\0.gcode"
        )


async def test_a_full_disk_refuses_the_job_and_loses_no_other(desk, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with desk("--time-scale", "20") as one:
        running = await one.print("G28\n" + "G4 P500\n" * 2000)
        waiting = await one.print(GOOD)
        with monkeypatch.context() as patched:
            patched.setattr(os, "link", full)
            patched.setattr(shutil, "copyfile", full)
            with pytest.raises(HubRefused, match="No space left") as refused:
                await one.print(GOOD, name="third.gcode")
            assert refused.value.code == 17
        listed = [entry["jobId"] for entry in (await one.call("get", "queue"))["printqueue"]]
        assert listed == [running, waiting]
        await one.call("delete", "printingcommand")
        await one.call("put", "bed")
        await one.job(waiting, "done")


async def test_without_room_for_its_journal_a_job_is_printed_all_the_same(
    desk, monkeypatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with desk() as one:
        monkeypatch.setattr("gotapi_printer.requests.Journal", full)
        await then_a_good_job_is_printed(one)


# -- content servers ----------------------------------------------------------------------------

Behave = Callable[[Any], Any]
SERVERS: dict[str, tuple[Behave, str]] = {
    "refuses": (lambda make: make.reply(b"", 503), "503"),
    "slow": (lambda make: make.silent(), "does not answer"),
    "stops in the middle": (
        lambda make: make.silent(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nG28\nG"),
        "does not answer|no more|stopped",
    ),
    "drips": (lambda make: make.trickle(0.01), "too slow"),
    "breaks off": (
        lambda make: make.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nG28\n"),
        "broke off|whole|ended|incomplete|closed",
    ),
    "endless": (lambda make: make.endless(), "larger than"),
    "announces too much": (
        lambda make: make.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"),
        "larger than",
    ),
    "leads to a private address": (lambda make: make.redirect("http://10.0.0.1/x"), "own network"),
    "leads to this machine": (lambda make: make.redirect("http://127.0.0.1:1/x"), "own network"),
    "is no web server": (lambda make: make.raw(b"SSH-2.0-OpenSSH_9\r\n"), "."),
}


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Small limits, so that a test need not wait for them."""
    limits = content_client.FetchLimits
    small = limits(connect=5.0, idle=1.0, whole=3.0, size=200_000)
    monkeypatch.setattr(content_client, "FetchLimits", lambda: msgspec.structs.replace(small))


def local(server: Any, **members: str) -> dict[str, Any]:
    return {"content": [{"name": "Local", "url": server.url, **members}]}


async def fails(desk: Any, uri: str) -> str:
    """Order a print of a file that cannot be had; return the reason of its job."""
    answer = await desk.call("put", "printingcommand", uri=uri)
    failed = await desk.job(answer["jobId"], "failed")
    assert (await desk.status())["printQueue"] == []
    assert failed["msg"].startswith("Failed")
    return str(failed["reason"])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", SERVERS)
async def test_a_bad_server_fails_its_job_with_the_reason(desk, serve, make, fault: str) -> None:
    behave, words = SERVERS[fault]
    token = make.reply(b'{"secureToken": "t"}')
    server = await serve({"/token": token, "/part.gcode": behave(make)})
    async with desk(plugin=local(server)) as one:
        reason = await fails(one, f"{server.url}/part.gcode")
        assert any(word in reason for word in words.split("|")), reason
        await then_a_good_job_is_printed(one)
        await nothing_is_left(one)


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_is_down_fails_the_job(desk, serve, make) -> None:
    server = await serve({"/token": make.reply(b'{"secureToken": "t"}')})
    down = server.url.rpartition(":")[0] + ":1"
    async with desk(plugin={"content": [{"name": "Local", "url": down}]}) as one:
        assert "cannot be reached" in await fails(one, f"{down}/part.gcode")
        await then_a_good_job_is_printed(one)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["unknown authority", "other name", "expired"])
async def test_a_wrong_certificate_fails_the_job_before_a_byte_is_asked_for(
    desk, serve, make, tmp_path: Path, fault: str
) -> None:
    authority = make.Authority(tmp_path, "ours")
    address = "192.0.2.7" if fault == "other name" else "127.0.0.1"
    context = authority.context(address, days=-1 if fault == "expired" else 1)
    server = await serve({"/part.gcode": make.reply(GCODE)}, context)
    ca_file = "" if fault == "unknown authority" else str(authority.ca_file)
    async with desk(plugin=local(server, ca_file=ca_file)) as one:
        assert "certificate" in await fails(one, f"{server.url}/part.gcode")
        await then_a_good_job_is_printed(one)
    assert server.asked == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["zip bomb", "2^31 triangles", "nan in gcode", "a picture"])
async def test_a_bad_file_of_a_server_fails_its_job(desk, serve, make, fault: str) -> None:
    data, _ = FILES[fault]
    token = make.reply(b'{"secureToken": "t"}')
    server = await serve({"/token": token, "/part.gcode": make.reply(data)})
    async with desk(plugin=local(server)) as one:
        assert await fails(one, f"{server.url}/part.gcode")
        await then_a_good_job_is_printed(one)
        await nothing_is_left(one)
