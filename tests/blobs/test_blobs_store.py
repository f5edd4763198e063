"""Quotas, files from plug-ins, failing disks: below HTTP."""

import asyncio
import errno
import os
import subprocess
from pathlib import Path

import pytest

from gotapi_core import blob_usage
from gotapi_core.blobs import RESERVE, BlobStore
from gotapi_core.plugin.context import Blob, Blobs
from gotapi_core.protocol.errors import (
    IllegalServerState,
    InvalidParameter,
    PayloadTooLarge,
    StorageFull,
    TooManyRequests,
)
from gotapi_core.protocol.tus import Checksum, UploadBusy, Wish
from gotapi_core.store import StoreError
from gotapi_core.uploads import UnknownUpload

MIB = 1 << 20


async def put(blobs: BlobStore, body: bytes, owner: str = "app1", size: int | None = None):
    writer = blobs.writer(owner, "x", "", len(body) if size is None else size)
    try:
        await writer.write(body)
        return await writer.finish()
    finally:
        await writer.abort()


async def send(blobs: BlobStore, upload, body: bytes, checksum: Checksum | None = None) -> None:
    async with blobs.uploads.appending(upload, upload.offset, len(body), checksum) as appender:
        for start in range(0, len(body), 1 << 16):
            await appender.write(body[start : start + (1 << 16)])
        await appender.finish()


# Quotas.


async def test_both_ways_in_count(blobs):
    await put(blobs, b"x" * 60 * MIB)
    with pytest.raises(StorageFull, match=r"keeps 62914560 of its 104857600 bytes.*upload_quota"):
        blobs.writer("app1", "x", "", 41 * MIB)
    with pytest.raises(StorageFull, match="upload_quota"):
        await blobs.uploads.create("app1", Wish(41 * MIB))
    upload = await blobs.uploads.create("app1", Wish(40 * MIB))
    with pytest.raises(StorageFull):
        blobs.writer("app1", "x", "", 1)
    await put(blobs, b"x", "app2")
    await blobs.uploads.remove(upload)
    await put(blobs, b"x")
    assert blobs.usage.of("app1") == 60 * MIB + 1


async def test_a_file_of_unknown_size_is_stopped_at_the_quota(blobs, folder):
    await put(blobs, b"x" * 60 * MIB)
    writer = blobs.writer("app1", "x", "", None)
    for _ in range(40):
        await writer.write(b"x" * MIB)
    with pytest.raises(StorageFull, match="upload_quota"):
        await writer.write(b"x")
    await writer.abort()
    await writer.abort()
    assert blobs.usage.of("app1") == 60 * MIB
    assert len(os.listdir(folder)) == 1


async def test_only_what_came_counts(blobs):
    await put(blobs, b"x" * 10, size=1000)
    assert blobs.usage.of("app1") == 10


async def test_what_goes_frees_the_quota(blobs, clock):
    blob = await put(blobs, b"x" * 10)
    await put(blobs, b"x" * 20)
    await blobs.delete(blob.id)
    assert blobs.usage.of("app1") == 20
    clock.now += 24 * 3600 + 1
    await blobs.sweep()
    assert blobs.usage.of("app1") == 0


async def test_a_deletion_that_happens_twice_counts_once(blobs):
    await put(blobs, b"y" * 5)
    blob = await put(blobs, b"x" * 10)
    await asyncio.gather(
        blobs.delete(blob.id), blobs.delete(blob.id), blobs.forget("app2"), return_exceptions=True
    )
    assert blobs.usage.of("app1") == 5


async def test_the_number_of_files_is_limited(blobs, monkeypatch):
    monkeypatch.setattr(blob_usage, "MAX_FILES", 2)
    await put(blobs, b"")
    await blobs.uploads.create("app1", Wish(0))
    with pytest.raises(TooManyRequests, match="keeps 2 files"):
        blobs.writer("app1", "x", "", 0)


async def test_the_quota_knows_what_was_there_before(blobs, store, folder, clock):
    await put(blobs, b"x" * 10)
    await blobs.uploads.create("app1", Wish(90))
    again = BlobStore(store, folder, MIB, clock, quota=50)
    await again.open()
    assert again.usage.of("app1") == 100  # more than it now may; nothing is taken away
    with pytest.raises(StorageFull):
        again.writer("app1", "x", "", 0 + 1)
    await again.close()


# Uploads and the disk.


def _room(monkeypatch, free: int) -> None:
    disk = type("Disk", (), {"f_bavail": free, "f_frsize": 1})
    monkeypatch.setattr(os, "statvfs", lambda _: disk)


async def test_without_room_nothing_is_begun_or_added(blobs, folder, monkeypatch):
    upload = await blobs.uploads.create("app1", Wish(100))
    _room(monkeypatch, RESERVE + 99)
    with pytest.raises(StorageFull, match="no room for 100 bytes more"):
        await blobs.uploads.create("app1", Wish(100))
    with pytest.raises(StorageFull):
        async with blobs.uploads.appending(upload, 0, 100):
            raise AssertionError("something was read")
    assert blobs.usage.of("app1") == 100
    assert upload.offset == 0


async def test_a_disk_that_fills_up_keeps_what_it_has(blobs, monkeypatch):
    upload = await blobs.uploads.create("app1", Wish(6 * MIB))
    real, left = os.write, [3 * MIB // 2]

    def write(handle: int, data: memoryview) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = real(handle, data[: left[0]])
        left[0] -= taken
        return taken

    monkeypatch.setattr("gotapi_core.sink.os.write", write)
    with pytest.raises(StorageFull, match="No space left on device"):
        await send(blobs, upload, b"ab" * 3 * MIB)
    assert upload.offset in (0, MIB, 6 * MIB // 4)
    assert upload.path.stat().st_size == upload.offset
    left[0] = 100 * MIB
    await send(blobs, upload, (b"ab" * 3 * MIB)[upload.offset :])
    row = await blobs.uploads.complete(upload)
    assert (await blobs.find(row.id, "app1")).path.read_bytes() == b"ab" * 3 * MIB


async def test_a_disk_that_cannot_sync_does_not_count(blobs, monkeypatch):
    upload = await blobs.uploads.create("app1", Wish(4))

    def fsync(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr("gotapi_core.sink.os.fsync", fsync)
        with pytest.raises(StorageFull, match="Input/output error"):
            await send(blobs, upload, b"abcd")
    assert upload.offset == 0
    await send(blobs, upload, b"abcd")
    assert (await blobs.uploads.complete(upload)).sha256.startswith("88d4266fd4e6338d")


@pytest.fixture
def small_disk(tmp_path: Path):
    """A real disk of 2 MiB; skips where none can be mounted."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_real_disk_that_fills_up(small_disk, store, clock, monkeypatch):
    monkeypatch.setattr("gotapi_core.blobs.RESERVE", -100 * MIB)  # so that the disk itself says no
    blobs = BlobStore(store, small_disk, 64 * MIB, clock)
    await blobs.open()
    upload = await blobs.uploads.create("app1", Wish(5 * MIB))
    with pytest.raises(StorageFull, match="No space left on device"):
        await send(blobs, upload, b"x" * 5 * MIB)
    assert 0 < upload.offset <= 2 * MIB
    with pytest.raises(StorageFull, match="No space left on device"):
        await put(blobs, b"x" * 3 * MIB)
    assert os.listdir(small_disk) == ["uploads"]
    await blobs.uploads.remove(upload)
    await put(blobs, b"x" * MIB)
    await blobs.close()


async def test_the_reserve_of_a_real_disk_is_left_free(small_disk, store, clock):
    blobs = BlobStore(store, small_disk, 64 * MIB, clock)
    await blobs.open()
    with pytest.raises(StorageFull, match="no room for 1 bytes more"):
        await blobs.uploads.create("app1", Wish(1))
    await blobs.close()


async def test_a_store_that_fails_leaves_nothing(blobs, store, folder, monkeypatch):
    async def refuse(*_: object) -> None:
        raise StoreError("no")

    with monkeypatch.context() as broken:
        broken.setattr(store, "run", refuse)
        with pytest.raises(StoreError):
            await blobs.uploads.create("app1", Wish(5))
    assert list(folder.rglob("uploads/*")) == []
    assert blobs.usage.of("app1") == 0
    (folder / "uploads").rmdir()
    (folder / "uploads").write_bytes(b"no folder")
    with pytest.raises(StorageFull, match="cannot be stored"):
        await blobs.uploads.create("app1", Wish(5))


async def test_a_crash_before_the_last_step_is_made_good_when_somebody_asks(site):
    path = await site.create(3)
    (upload,) = site.hub.blobs.uploads.listed()
    await send(site.hub.blobs, upload, b"abc")  # whole, but not yet a blob
    assert (await site.http.get(path)).status_code == 404
    assert await site.offset(path) == 3
    assert await site.read(path) == b"abc"


async def test_a_crash_within_a_body_with_a_checksum_takes_it_back(blobs, store, folder, clock):
    upload = await blobs.uploads.create("app1", Wish(10))
    await send(blobs, upload, b"abc")
    context = blobs.uploads.appending(upload, 3, None, Checksum("sha1", b"x" * 20))
    appender = await context.__aenter__()
    await appender.write(b"defg")
    await appender._sink.settle()
    assert upload.path.read_bytes() == b"abcdefg"
    again = BlobStore(store, folder, MIB, clock)  # as the hub starts anew
    await again.open()
    found = again.uploads.find(upload.row.id, "app1")
    assert found.offset == 3
    await again.close()
    await context.__aexit__(None, None, None)


async def test_an_upload_in_use_is_neither_swept_nor_removed(blobs, clock):
    upload = await blobs.uploads.create("app1", Wish(10))
    async with blobs.uploads.appending(upload, 0, None):
        clock.now += 25 * 3600
        await blobs.sweep()
        with pytest.raises(UploadBusy):
            await blobs.delete(upload.row.id)
        assert blobs.uploads.listed() == [upload]
    with pytest.raises(UnknownUpload):
        blobs.uploads.find(upload.row.id, "app1")
    await blobs.sweep()
    assert blobs.uploads.listed() == []


async def test_an_upload_that_becomes_whole_while_it_is_forgotten(blobs, folder):
    upload = await blobs.uploads.create("app1", Wish(3))
    await send(blobs, upload, b"abc")
    ended = await asyncio.gather(
        blobs.uploads.complete(upload), blobs.forget("app1"), return_exceptions=True
    )
    assert ended[1] is None
    assert blobs.usage.of("app1") == 0
    assert await blobs.listed() == []
    assert [one for one in folder.rglob("*") if one.is_file()] == []


# Files from plug-ins.


@pytest.fixture
def plugin_folder(tmp_path: Path) -> Path:
    made = tmp_path / "plugin"
    (made / "sub").mkdir(parents=True)
    (made / "a.png").write_bytes(b"picture")
    (made / "sub" / "b.stl").write_bytes(b"model")
    return made


@pytest.mark.parametrize("way", ["a.png", "sub/b.stl", "absolute", "./a.png"])
async def test_a_plug_in_publishes_files_of_its_folder(blobs, plugin_folder, way):
    path = plugin_folder / "a.png" if way == "absolute" else Path(way)
    view = blobs.for_plugin("maker", plugin_folder)
    uri = await view.publish(path, "../x.png", "image/png; q=1", "app1", base_url="http://h:1")
    assert uri.startswith("http://h:1/blobs/")
    blob = await view.open(uri, application="app1")
    assert blob.path.read_bytes() == (plugin_folder / path).read_bytes()
    assert (blob.name, blob.content_type) == ("x.png", "image/png")
    (row,) = await blobs.listed()
    assert (row.owner, row.plugin) == ("app1", "maker")
    with pytest.raises(InvalidParameter):
        await view.open(uri, application="app2")
    (plugin_folder / "a.png").write_bytes(b"changed")
    assert blob.path.read_bytes() != b"changed"


TRICKS = ["../secret", "/etc/passwd", "link", "sub/up/secret", "link/x", "sub", "", ".", "none",
          "a.png/x", "sub/../a.png", "pipe", "a\0b"]  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS, ids=repr)
async def test_a_plug_in_publishes_nothing_else(blobs, plugin_folder, folder, trick):
    (plugin_folder.parent / "secret").write_bytes(b"secret")
    (plugin_folder / "link").symlink_to(plugin_folder.parent / "secret")
    (plugin_folder / "sub" / "up").symlink_to(plugin_folder.parent)
    os.mkfifo(plugin_folder / "pipe")
    view = blobs.for_plugin("maker", plugin_folder)
    with pytest.raises(InvalidParameter):
        await view.publish(Path(trick), "x", "", "app1")
    assert await blobs.listed() == []
    assert os.listdir(folder) == []


async def test_a_published_file_counts_and_is_limited(blobs, plugin_folder):
    view = blobs.for_plugin("maker", plugin_folder)
    await put(blobs, b"x" * 60 * MIB)
    with (plugin_folder / "big").open("wb") as file:
        file.truncate(41 * MIB)
    with pytest.raises(StorageFull, match="upload_quota"):
        await view.publish(Path("big"), "x", "", "app1")
    with (plugin_folder / "big").open("wb") as file:
        file.truncate(65 * MIB)
    with pytest.raises(PayloadTooLarge):
        await view.publish(Path("big"), "x", "", "app2")


async def test_a_port_that_cannot_publish_says_so(tmp_path):
    class Older(Blobs):
        async def open(self, uri: str, *, application: str) -> Blob:
            raise AssertionError

    with pytest.raises(IllegalServerState, match="cannot hand files"):
        await Older().publish(tmp_path, "x", "", "app1")


async def test_an_application_gets_a_file_of_a_plug_in(site, maker):
    folder = maker().context.folder
    (folder / "out.png").write_bytes(b"picture")
    wish = {"serviceId": "one.maker", "path": str(folder / "out.png")}
    answer = await site.http.get("/gotapi/make/file", params=wish)
    uri = answer.json()["uri"]
    assert uri.startswith(f"{site.live.url}/blobs/")
    site.http.headers.clear()
    picture = await site.http.get(uri)
    assert (picture.content, picture.headers["content-type"]) == (b"picture", "image/png")
