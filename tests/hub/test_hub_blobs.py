"""Files of applications: whole and on the disk, or not there at all."""

import asyncio
import errno
import hashlib
import os
import types
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from gotapi_core import blobs as blobs_module
from gotapi_core.blobs import LIFETIME, BlobStore, blob_id
from gotapi_core.plugin import Blob
from gotapi_core.protocol.errors import InvalidParameter, PayloadTooLarge, StorageFull
from gotapi_core.store import Store, StoreError
from gotapi_core.store.tables import blobs as table

LIMIT = 3 << 20  # bytes
CUBE = b"G28\nG1 X10\n"


@pytest.fixture
def folder(paths) -> Path:
    return paths.blobs


@pytest.fixture
async def blobs(store: Store, folder: Path, clock) -> AsyncIterator[BlobStore]:
    made = BlobStore(store, folder, LIMIT, clock)
    await made.open()
    yield made
    await made.close()


async def put(
    blobs: BlobStore, body: bytes = CUBE, owner: str = "app1", name: str = "cube"
) -> Blob:
    writer = blobs.writer(owner, name, "text/plain", len(body))
    try:
        await writer.write(body)
        return await writer.finish()
    finally:
        await writer.abort()


# Storing.


async def test_a_finished_file_is_found_with_its_size_and_digest(blobs, folder) -> None:
    blob = await put(blobs)
    assert await blobs.find(blob.id, "app1") == blob
    assert blob.path.read_bytes() == CUBE
    assert (blob.name, blob.size) == ("cube", len(CUBE))
    assert blob.sha256 == hashlib.sha256(CUBE).hexdigest()
    assert os.listdir(folder) == [blob.id]


async def test_pieces_are_joined_however_they_are_cut(blobs) -> None:
    body = os.urandom((1 << 20) + 5000)
    writer = blobs.writer("app1", "big", "", None)
    for start in range(0, len(body), 300_000):
        await writer.write(body[start : start + 300_000])
    blob = await writer.finish()
    assert blob.path.read_bytes() == body
    assert blob.sha256 == hashlib.sha256(body).hexdigest()


async def test_a_file_may_be_empty_and_nameless(blobs) -> None:
    blob = await put(blobs, b"", name="")
    assert (blob.size, blob.name, blob.path.read_bytes()) == (0, "upload", b"")


async def test_names_and_types_are_cut_to_what_is_stored(blobs) -> None:
    writer = blobs.writer("app1", "n" * 1000, "t" * 1000, None)
    blob = await writer.finish()
    assert len((await blobs.find(blob.id, "app1")).name) == 255


async def test_it_is_not_visible_before_it_is_finished(blobs, folder) -> None:
    writer = blobs.writer("app1", "cube", "", None)
    await writer.write(CUBE)
    (part,) = folder.iterdir()
    with pytest.raises(InvalidParameter):
        await blobs.find(part.name.removesuffix(".part"), "app1")
    await writer.abort()


async def test_several_are_written_side_by_side(blobs) -> None:
    bodies = [bytes([number]) * 400_000 for number in range(8)]
    stored = await asyncio.gather(*(put(blobs, body) for body in bodies))
    assert [blob.path.read_bytes() for blob in stored] == bodies
    assert len({blob.id for blob in stored}) == 8


@pytest.mark.parametrize("case", [str.lower, str.upper])
async def test_the_right_digest_is_taken_in_any_case(blobs, case: Callable[[str], str]) -> None:
    writer = blobs.writer("app1", "cube", "", None)
    await writer.write(CUBE)
    blob = await writer.finish(case(hashlib.sha256(CUBE).hexdigest()))
    assert blob.size == len(CUBE)


@pytest.mark.parametrize("digest", ["", "0" * 64, "no digest at all" * 100])
async def test_a_wrong_digest_leaves_nothing(blobs, folder, store, digest: str) -> None:
    writer = blobs.writer("app1", "cube", "", None)
    await writer.write(CUBE)
    with pytest.raises(InvalidParameter, match=r"arrived damaged.*send it again") as caught:
        await writer.finish(digest)
    assert len(caught.value.message) < 300
    await writer.abort()
    assert os.listdir(folder) == []
    assert await store.run(_count) == 0


def _count(connection: Connection) -> int:
    return len(connection.execute(table.select()).all())


async def test_abort_leaves_nothing_and_is_harmless_after_finish(blobs, folder) -> None:
    writer = blobs.writer("app1", "cube", "", None)
    await writer.write(b"x" * 2_000_000)
    await writer.abort()
    await writer.abort()
    assert os.listdir(folder) == []
    blob = await put(blobs)  # it aborts at its end
    assert blob.path.exists()


# Limits.


async def test_an_announced_size_over_the_limit_is_refused_before_a_byte(blobs, folder) -> None:
    with pytest.raises(PayloadTooLarge, match=f"larger than the {LIMIT} bytes.*server.upload_size"):
        blobs.writer("app1", "big", "", LIMIT + 1)
    assert os.listdir(folder) == []


async def test_a_real_size_over_the_limit_is_refused_when_it_shows(blobs, folder) -> None:
    writer = blobs.writer("app1", "big", "", 10)
    for _ in range(3):
        await writer.write(b"x" * (1 << 20))
    with pytest.raises(PayloadTooLarge):
        await writer.write(b"x")
    await writer.abort()
    assert os.listdir(folder) == []


async def test_the_limit_itself_is_allowed(blobs) -> None:
    assert (await put(blobs, b"x" * LIMIT)).size == LIMIT


def _disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    disk = types.SimpleNamespace(f_bavail=free, f_frsize=1)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)


async def test_without_room_nothing_is_begun(blobs, folder, monkeypatch) -> None:
    _disk(monkeypatch, blobs_module.RESERVE + 9)
    with pytest.raises(StorageFull, match="no room for 10 bytes more; free some disk space"):
        blobs.writer("app1", "cube", "", 10)
    assert os.listdir(folder) == []
    await blobs.writer("app1", "cube", "", 9).abort()


async def test_a_file_of_unknown_size_leaves_the_reserve_free(blobs, monkeypatch) -> None:
    writer = blobs.writer("app1", "big", "", None)
    _disk(monkeypatch, blobs_module.RESERVE)
    with pytest.raises(StorageFull):
        await writer.write(b"x" * (1 << 20))
    await writer.abort()


class FullDisk:
    """A file on a disk that is full when `step` is done."""

    def __init__(self, file: object, step: str) -> None:
        self._file = file
        self._step = step

    def __getattr__(self, name: str) -> object:
        if name == self._step:
            return self._fail
        return getattr(self._file, name)

    def _fail(self, *_: object) -> None:
        if self._step == "close":
            self._file.close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["write", "flush", "fileno", "close"])
async def test_a_disk_that_fills_up_leaves_nothing(blobs, folder, store, step: str) -> None:
    writer = blobs.writer("app1", "cube", "", None)
    writer._file = FullDisk(writer._file, step)
    await writer.write(CUBE)
    with pytest.raises(StorageFull, match="cannot be stored: No space left on device"):
        await writer.finish()
    await writer.abort()
    assert os.listdir(folder) == []
    assert await store.run(_count) == 0


async def test_a_folder_that_cannot_be_synced_leaves_nothing(blobs, folder, monkeypatch) -> None:
    writer = blobs.writer("app1", "cube", "", None)
    monkeypatch.setattr(blobs_module, "sync_folder", _no_sync)
    with pytest.raises(StorageFull, match="Input/output error"):
        await writer.finish()
    await writer.abort()
    assert os.listdir(folder) == []


def _no_sync(_: Path) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


async def test_a_store_that_refuses_leaves_nothing(blobs, folder, store, monkeypatch) -> None:
    async def refuse(*_: object) -> None:
        raise StoreError("no")

    writer = blobs.writer("app1", "cube", "", None)
    monkeypatch.setattr(store, "run", refuse)
    with pytest.raises(StoreError):
        await writer.finish()
    await writer.abort()
    assert os.listdir(folder) == []


async def test_a_folder_that_is_gone_is_an_error_of_the_protocol(blobs, folder, monkeypatch):
    folder.rmdir()
    with pytest.raises(StorageFull, match="cannot be stored: No such file"):
        blobs.writer("app1", "cube", "", None)
    _disk(monkeypatch, 1 << 40)
    with pytest.raises(StorageFull, match="cannot be stored: No such file"):
        blobs.writer("app1", "cube", "", None)
    folder.mkdir()


# Finding.


async def test_another_application_cannot_use_it(blobs) -> None:
    blob = await put(blobs, owner="app1")
    with pytest.raises(InvalidParameter, match=r"There is no file .* of this application"):
        await blobs.find(blob.id, "app2")


async def test_it_expires_a_day_after_it_came(blobs, clock) -> None:
    blob = await put(blobs)
    clock.now += LIFETIME
    assert await blobs.find(blob.id, "app1") == blob
    clock.now += 1
    with pytest.raises(InvalidParameter, match="kept for 24 hours, upload it again"):
        await blobs.find(blob.id, "app1")
    assert blob.path.exists()
    await blobs.sweep()
    assert not blob.path.exists()


async def test_a_file_that_somebody_deleted_is_not_found(blobs) -> None:
    blob = await put(blobs)
    blob.path.unlink()
    with pytest.raises(InvalidParameter):
        await blobs.find(blob.id, "app1")


@pytest.mark.parametrize(
    "trick",
    ["", ".", "..", "../../etc/passwd", "/etc/passwd", "a" * 22, "a" * 100_000, "a" * 21 + "\n",
     "%2e%2e", "é" * 22, "' OR 1=1 --            ", "\0" * 22],
    ids=lambda trick: repr(trick)[:20],
)  # fmt: skip
async def test_no_trick_with_an_id_finds_anything(blobs, trick: str) -> None:
    await put(blobs)
    with pytest.raises(InvalidParameter) as caught:
        await blobs.find(trick, "app1")
    assert len(caught.value.message) < 200


async def test_plugins_open_files_by_uri(blobs) -> None:
    blob = await put(blobs)
    view = blobs.for_plugin()
    for uri in (f"http://127.0.0.1:4035/blobs/{blob.id}", f"/blobs/{blob.id}?x=1#y"):
        assert await view.open(uri, application="app1") == blob
    with pytest.raises(InvalidParameter):
        await view.open(f"/blobs/{blob.id}", application="app2")
    with pytest.raises(InvalidParameter):
        await view.open(f"/blobs/{blob.id}/..", application="app1")


@pytest.mark.parametrize("uri", ["", "cube.gcode", "http://[/blobs/x", "file:///etc/passwd", "/x"])
def test_what_is_no_file_of_the_hub_is_told_what_to_do(uri: str) -> None:
    with pytest.raises(InvalidParameter, match="upload it to /blobs/ and use the uri you get"):
        blob_id(uri)


@given(st.text() | st.text().map(lambda text: f"http://h/blobs/{text}"))
def test_any_uri_has_an_id_or_is_refused(uri: str) -> None:
    try:
        found = blob_id(uri)
    except InvalidParameter:
        found = None
    plain = uri.translate(dict.fromkeys(map(ord, "\t\r\n")))  # urlsplit drops these, as browsers do
    assert found is None or "/blobs/" + found in plain


# After a crash, and with time.


async def test_what_a_crash_left_half_done_is_removed_at_the_start(
    store: Store, folder: Path, clock, blobs: BlobStore
) -> None:
    blob = await put(blobs)
    forgotten = await put(blobs)
    await store.run(lambda c: c.execute(delete(table).where(table.c.id == forgotten.id)) and None)
    (folder / "abc.part").write_bytes(b"half")
    (folder / "README").write_bytes(b"not ours")
    again = BlobStore(store, folder, LIMIT, clock)
    await again.open()
    await again.close()
    assert set(os.listdir(folder)) == {blob.id, "README"}
    assert await again.find(blob.id, "app1") == blob


async def test_what_expired_while_the_hub_was_off_is_removed_at_the_start(
    store: Store, folder: Path, clock, blobs: BlobStore
) -> None:
    await put(blobs)
    clock.now += LIFETIME + 1
    again = BlobStore(store, folder, LIMIT, clock)
    await again.open()
    await again.close()
    assert os.listdir(folder) == []


async def test_old_files_are_forgotten_while_the_hub_runs(
    store: Store, folder: Path, clock, until
) -> None:
    blobs = BlobStore(store, folder, LIMIT, clock, sweep_every=0.005)
    await blobs.open()
    old = await put(blobs)
    clock.now += LIFETIME + 1
    new = await put(blobs)
    await until(lambda: not old.path.exists())
    assert new.path.exists()
    await blobs.close()


async def test_a_store_that_fails_only_puts_the_forgetting_off(
    store: Store, folder: Path, clock, until, caplog, monkeypatch
) -> None:
    async def refuse(*_: object) -> None:
        raise StoreError("The disk is tired.")

    blobs = BlobStore(store, folder, LIMIT, clock, sweep_every=0.005)
    await blobs.open()
    old = await put(blobs)
    clock.now += LIFETIME + 1
    with monkeypatch.context() as broken:
        broken.setattr(store, "run", refuse)
        await until(lambda: "old files are forgotten later: The disk is tired." in caplog.text)
        assert old.path.exists()
    await until(lambda: not old.path.exists())
    await blobs.close()


async def test_closing_what_was_never_opened_is_harmless(store, folder, clock) -> None:
    blobs = BlobStore(store, folder, LIMIT, clock)
    await blobs.close()
    assert await put(blobs)
