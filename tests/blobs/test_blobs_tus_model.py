"""Uploads against a model: random pieces, cuts, damage, wrong places, restarts, deletions.

The model is a bytearray for each upload. Whatever happens, the hub has a prefix of what was sent,
its offset says how long, and a file is visible only when it is whole and right.
"""

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from gotapi_core.blobs import BlobStore
from gotapi_core.protocol.errors import GotapiError, InvalidParameter, PayloadTooLarge, StorageFull
from gotapi_core.protocol.tus import Checksum, ChecksumMismatch, UploadBusy, Wish, WrongOffset
from gotapi_core.store import Store

QUOTA = 40_000  # bytes
OWNERS = ("app1", "app2")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # thousands of syncs in no time


class Model:
    """What one upload should be."""

    def __init__(self, owner: str, body: bytes, announced: str) -> None:
        self.owner = owner
        self.body = body
        self.announced = announced
        self.offset = 0


class UploadsAgainstModel(RuleBasedStateMachine):
    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.home = tempfile.TemporaryDirectory(dir=MEMORY)
        self.folder = Path(self.home.name)
        (self.folder / "blobs").mkdir()
        self.open: dict[str, Model] = {}
        self.whole: dict[str, Model] = {}
        self.begin()

    def begin(self) -> None:
        self.store = Store(self.folder / "hub.sqlite3")
        self.store.open()
        self.blobs = BlobStore(
            self.store, self.folder / "blobs", 1 << 20, lambda: 1000.0, quota=QUOTA
        )
        self.run(self.blobs.open())

    def run(self, work):
        return self.loop.run_until_complete(work)

    def used(self, owner: str) -> int:
        everything = [*self.open.values(), *self.whole.values()]
        return sum(len(one.body) for one in everything if one.owner == owner)

    @rule(
        target=keys,
        owner=st.sampled_from(OWNERS),
        body=st.binary(max_size=64).flatmap(lambda b: st.integers(1, 100).map(lambda n: b * n)),
        truth=st.sampled_from(["none", "right", "wrong"]),
    )
    def create(self, owner, body, truth):
        digest = hashlib.sha256(body).hexdigest()
        announced = {"none": "", "right": digest, "wrong": "0" * 64}[truth]
        wish = Wish(len(body), "x", "text/plain", announced)
        if self.used(owner) + len(body) > QUOTA:
            with pytest.raises(StorageFull, match=r"upload_quota"):
                self.run(self.blobs.uploads.create(owner, wish))
            return multiple()
        upload = self.run(self.blobs.uploads.create(owner, wish))
        self.open[upload.row.id] = Model(owner, body, announced)
        return upload.row.id

    @rule(
        key=keys,
        pieces=st.lists(st.integers(0, 3000), min_size=1, max_size=5),
        end=st.sampled_from(["finish", "cut"]),
        check=st.sampled_from(["none", "right", "wrong"]),
    )
    def append(self, key, pieces, end, check):
        model = self.open.get(key)
        if model is None:
            return
        sent = model.body[model.offset : model.offset + sum(pieces)]
        checksum = None
        if check != "none":
            digest = hashlib.sha1(sent + (b"!" if check == "wrong" else b"")).digest()
            checksum = Checksum("sha1", digest)
        damaged = check == "wrong" and end == "finish"
        try:
            self.run(self._append(key, model, pieces, end, checksum))
        except ChecksumMismatch:
            assert damaged
        else:
            assert not damaged
        # A cut body with a checksum cannot be compared, so nothing of it counts.
        if check == "none" or (check == "right" and end == "finish"):
            model.offset += len(sent)

    async def _append(self, key, model, pieces, end, checksum):
        upload = self.blobs.uploads.find(key, model.owner)
        place = model.offset
        async with self.blobs.uploads.appending(upload, place, None, checksum) as appender:
            for size in pieces:
                await appender.write(model.body[place : place + size])
                place = min(place + size, len(model.body))
            if end == "finish":
                await appender.finish()

    @rule(key=keys, offset=st.integers(0, 8000), size=st.integers(0, 8000))
    def append_elsewhere(self, key, offset, size):
        model = self.open.get(key)
        if model is None or (offset == model.offset and offset + size <= len(model.body)):
            return
        expected = PayloadTooLarge if offset == model.offset else WrongOffset
        upload = self.blobs.uploads.find(key, model.owner)

        async def attempt():
            async with self.blobs.uploads.appending(upload, offset, size) as appender:
                await appender.write(b"never")

        with pytest.raises(expected):
            self.run(attempt())

    @rule(key=keys, excess=st.integers(1, 5000))
    def append_too_much(self, key, excess):
        model = self.open.get(key)
        if model is None:
            return
        upload = self.blobs.uploads.find(key, model.owner)

        async def attempt():
            async with self.blobs.uploads.appending(upload, model.offset, None) as appender:
                await appender.write(model.body[model.offset :])
                await appender.write(b"x" * excess)

        with pytest.raises(PayloadTooLarge):
            self.run(attempt())

    @rule(key=keys)
    def append_while_somebody_does(self, key):
        model = self.open.get(key)
        if model is None:
            return
        uploads = self.blobs.uploads
        upload = uploads.find(key, model.owner)

        async def attempt():
            async with uploads.appending(upload, model.offset, None):
                for work in (uploads.remove(upload), uploads.complete(upload)):
                    with pytest.raises(UploadBusy):
                        await work
                async with uploads.appending(upload, model.offset, None):
                    raise AssertionError("two at once")

        with pytest.raises(UploadBusy):
            self.run(attempt())

    @rule(key=keys)
    def complete(self, key):
        model = self.open.get(key)
        if model is None or model.offset < len(model.body):
            return
        upload = self.blobs.uploads.find(key, model.owner)
        if model.announced == "0" * 64:
            with pytest.raises(ChecksumMismatch):
                self.run(self.blobs.uploads.complete(upload))
        else:
            row = self.run(self.blobs.uploads.complete(upload))
            assert row.sha256 == hashlib.sha256(model.body).hexdigest()
            self.whole[key] = model
        del self.open[key]

    @rule(key=consumes(keys))
    def delete(self, key):
        model = self.open.pop(key, None) or self.whole.pop(key, None)
        other = next(one for one in OWNERS if model is None or one != model.owner)
        with pytest.raises(InvalidParameter):
            self.run(self.blobs.delete(key, other))
        if model is not None:
            self.run(self.blobs.delete(key, model.owner))

    @rule(owner=st.sampled_from(OWNERS))
    def forget(self, owner):
        self.run(self.blobs.forget(owner))
        for kept in (self.open, self.whole):
            for key in [key for key, model in kept.items() if model.owner == owner]:
                del kept[key]

    @precondition(lambda self: self.open)
    @rule(dirt=st.binary(max_size=50))
    def crash(self, dirt):
        """End without a word, with bytes in a file that were never counted."""
        for key, model in self.open.items():
            path = self.blobs.uploads.find(key, model.owner).path
            beyond = model.body[model.offset : model.offset + len(dirt)]
            with path.open("ab") as file:  # what the kernel had taken when the hub was killed
                file.write(beyond)
            model.offset += len(beyond)
        (self.folder / "blobs" / "uploads" / "stranger").write_bytes(dirt)
        self.restart()

    @rule()
    def restart(self):
        self.run(self.blobs.close())
        self.store.close()
        self.begin()

    @invariant()
    def offsets_are_right(self):
        for key, model in self.open.items():
            upload = self.blobs.uploads.find(key, model.owner)
            assert upload.offset == model.offset
            assert upload.path.read_bytes()[: model.offset] == model.body[: model.offset]

    @invariant()
    def only_whole_files_are_visible(self):
        listed = {row.id: row for row in self.run(self.blobs.listed())}
        assert set(listed) == set(self.whole)
        for key, model in self.whole.items():
            assert self.run(self.blobs.find(key, model.owner)).path.read_bytes() == model.body
        for key, model in self.open.items():
            with pytest.raises(GotapiError):
                self.run(self.blobs.find(key, model.owner))

    @invariant()
    def everything_is_counted_and_nothing_lies_about(self):
        for owner in OWNERS:
            assert self.blobs.usage.of(owner) == self.used(owner)
        files = {path.name for path in self.folder.glob("blobs/uploads/*")}
        assert files == set(self.open) | set(self.whole)

    def teardown(self):
        self.run(self.blobs.close())
        self.store.close()
        self.loop.close()
        self.home.cleanup()


TestUploads = UploadsAgainstModel.TestCase
TestUploads.settings = settings(
    max_examples=10,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
