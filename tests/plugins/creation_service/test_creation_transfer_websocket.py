"""Files over real WebSockets: whole, cut, resumed, refused, replaced."""

import asyncio
import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_bare
from websockets.exceptions import ConnectionClosedError

from gotapi_creation.transfer import slots, ws_client
from gotapi_creation.transfer.failures import (
    BrokenRules,
    Cut,
    Mismatch,
    StorageFull,
    TransferError,
    UnknownFile,
)
from gotapi_creation.transfer.slots import Slot
from gotapi_creation.transfer.words import MESSAGE_BYTES, Opening
from gotapi_creation.transfer.ws_client import download, upload
from gotapi_creation.transfer.ws_server import Desk, Outgoing
from gotapi_creation.wire.codes import Code

MIB = 1 << 20
LIMIT = 64 * MIB


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ws_client, "_PAUSES", (0.0,))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "server"


@pytest.fixture
async def url(serve, folder):
    """A server where 1 to 9 can be sent and the rest be fetched."""

    async def find(opening: Opening) -> Slot | Outgoing:
        if opening.secure_token != "secret":
            raise UnknownFile("There is no such file, or its secureToken is wrong")
        path = folder / str(opening.number)
        if opening.number < 10:
            return Slot(path, LIMIT)
        return Outgoing(path, "model/stl", hashlib.sha256(path.read_bytes()).hexdigest())

    app = Starlette(routes=[WebSocketRoute("/files", Desk(find, idle=20.0).serve)])
    return f"ws://{await serve(app)}/files"


class Cutter:
    """Passes a connection on, and resets it after some bytes, as often as there are numbers."""

    def __init__(self, url: str, cuts: list[int]) -> None:
        self.port, self.cuts, self.passed = int(url.split(":")[2].split("/")[0]), cuts, []
        self.tasks: set[asyncio.Task] = set()

    async def serve(self, reader, writer) -> None:
        up, down = await asyncio.open_connection("127.0.0.1", self.port)
        after = self.cuts.pop(0) if self.cuts else None
        self.passed.append(0)
        place = len(self.passed) - 1

        async def forward(source, target, counted: bool) -> None:
            while data := await source.read(1 << 16):
                target.write(data)
                await target.drain()
                if counted:
                    self.passed[place] += len(data)
                if counted and after is not None and self.passed[place] >= after:
                    writer.transport.abort()
                    down.transport.abort()

        try:
            both = [forward(reader, down, True), forward(up, writer, False)]
            await asyncio.gather(*both, return_exceptions=True)
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()
            down.close()


@pytest.fixture
async def cutter(url):
    made = []

    async def start(*cuts: int) -> tuple[Cutter, str]:
        one = Cutter(url, list(cuts))
        server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
        made.append(server)
        return one, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/files"

    yield start
    for server in made:
        server.close()


def file_of(tmp_path: Path, size: int) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(size))
    return path


@pytest.mark.parametrize("size", [0, 1, 3 * MIB, 3 * MIB + 17])
async def test_a_file_arrives_as_it_was(url, folder, tmp_path, size) -> None:
    source = file_of(tmp_path, size)
    told: list[tuple[int, int]] = []
    sha256 = await upload(
        url, Opening(1, secure_token="secret"), source, progress=lambda *one: told.append(one)
    )
    assert (folder / "1").read_bytes() == source.read_bytes()
    assert sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert told[-1] == (size, size)
    assert not (folder / "1.part").exists()


@pytest.mark.parametrize("size", [0, 5 * MIB + 1])
async def test_a_file_is_fetched_as_it_is(url, folder, tmp_path, size) -> None:
    folder.mkdir()
    (folder / "10").write_bytes(os.urandom(size))
    slot = Slot(tmp_path / "fetched", LIMIT)
    await download(url, Opening(10, secure_token="secret"), slot)
    assert slot.path.read_bytes() == (folder / "10").read_bytes()


async def test_after_a_cut_nothing_acknowledged_is_sent_again(
    url, folder, tmp_path, cutter
) -> None:
    source = file_of(tmp_path, 24 * MIB)
    middle, through = await cutter(12 * MIB, 3 * MIB)
    reached: list[int] = []
    await upload(
        through,
        Opening(1, secure_token="secret"),
        source,
        progress=lambda have, _: reached.append(have),
    )
    assert (folder / "1").read_bytes() == source.read_bytes()
    assert len(middle.passed) == 3
    assert reached == sorted(reached)
    # The last connection carried only what was missing: no byte of the first half.
    assert middle.passed[2] <= 24 * MIB - reached[-2] + MIB
    assert reached[-2] >= 12 * MIB - 9 * MIB  # what a window can have under way is lost at most


async def test_a_fetch_goes_on_where_it_was_cut(url, folder, tmp_path, cutter) -> None:
    folder.mkdir()
    (folder / "10").write_bytes(os.urandom(4 * MIB))
    slot = Slot(tmp_path / "fetched", LIMIT)
    slot.part.write_bytes((folder / "10").read_bytes()[: 3 * MIB])
    seen: list[tuple[int, int]] = []
    await download(
        url, Opening(10, secure_token="secret"), slot, progress=lambda *one: seen.append(one)
    )
    assert slot.path.read_bytes() == (folder / "10").read_bytes()


async def test_nobody_there_is_said_without_the_token(tmp_path) -> None:
    source = file_of(tmp_path, 1)
    with pytest.raises(Cut, match=r"Nobody answers at ws://127.0.0.1:9/x") as error:
        await upload("ws://127.0.0.1:9/x?key=secret", Opening(1), source, tries=2)
    assert "secret" not in error.value.message


async def test_an_address_of_another_kind_is_refused(tmp_path) -> None:
    with pytest.raises(BrokenRules, match="no WebSocket address"):
        await upload("http://127.0.0.1:9/x", Opening(1), file_of(tmp_path, 1))


async def test_a_wrong_token_is_refused(url, tmp_path) -> None:
    with pytest.raises(TransferError, match="no such file") as error:
        await upload(url, Opening(1, secure_token="guess"), file_of(tmp_path, 1))
    assert error.value.code is Code.UNKNOWN_FILE


async def test_a_file_is_written_once(url, folder, tmp_path) -> None:
    source = file_of(tmp_path, 10)
    await upload(url, Opening(1, secure_token="secret"), source)
    before = (folder / "1").read_bytes()
    source.write_bytes(b"other")
    with pytest.raises(TransferError, match="has arrived already"):
        await upload(url, Opening(1, secure_token="secret"), source)
    assert (folder / "1").read_bytes() == before


async def test_a_file_that_is_too_large_costs_nothing(url, folder, tmp_path) -> None:
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate(LIMIT + 1)
    with pytest.raises(TransferError, match=f"at most {LIMIT} are allowed"):
        await upload(url, Opening(1, secure_token="secret"), source)
    assert (folder / "1.part").stat().st_size == 0


async def talk(url: str, *messages: str | bytes) -> list[dict]:
    """Send messages one by one, and return everything that was answered until the close."""
    answers = []
    async with connect(url, compression=None, max_size=MESSAGE_BYTES) as connection:
        with contextlib.suppress(ConnectionClosedError):  # 1008 after a refusal
            for message in messages:
                await connection.send(message)
            async for text in connection:
                answers.append(json.loads(text))
    return answers


def opening(size: int | None, **more: object) -> str:
    return json.dumps({"fileId": 1, "secureToken": "secret", "size": size, **more})


async def test_a_wrong_hash_leaves_nothing(url, folder) -> None:
    answers = await talk(url, opening(3, sha256="ab" * 32), b"abc")
    assert answers[0] == {"offset": 0}
    assert answers[1]["result"] == Code.INVALID_PARAMETER
    assert "send the file again" in answers[1]["errorMessage"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([opening(3), b"abcd"], "more bytes"),
        ([opening(3), "text"], "text came"),
        ([opening(-1)], "cannot be read"),
        (["nonsense"], "cannot be read"),
        ([b"bytes"], "bytes came"),
        ([opening(None)], "Say the size"),
        ([opening(1, fileId=10)], "downloaded only"),
        ([opening(None, fileId=10, offset=99)], "beyond its end"),
    ],
)
async def test_who_breaks_the_rules_is_told(url, folder, messages, words) -> None:
    folder.mkdir()
    (folder / "10").write_bytes(b"model")
    answers = await talk(url, *messages)
    assert words in answers[-1]["errorMessage"]
    assert not (folder / "1").exists()


async def test_a_silent_client_is_not_waited_for(serve, monkeypatch) -> None:
    monkeypatch.setattr("gotapi_creation.transfer.ws_server.FIRST_MESSAGE", 0.05)

    async def find(_: Opening) -> Slot:
        raise AssertionError("it said nothing")

    app = Starlette(routes=[WebSocketRoute("/files", Desk(find).serve)])
    assert await talk(f"ws://{await serve(app)}/files") == []


async def test_of_two_connections_for_one_file_the_newer_wins(url, folder, until) -> None:
    async with connect(url, compression=None) as older:
        await older.send(opening(4))
        assert json.loads(await older.recv()) == {"offset": 0}
        await older.send(b"ab")
        await until(lambda: (folder / "1.part").exists())
        # A connection that hangs keeps what it had; the newer one goes on behind it.
        answers = []
        async with connect(url, compression=None) as newer:
            await newer.send(opening(4))
            have = json.loads(await newer.recv())["offset"]
            await newer.send(b"abcd"[have:])
            answers = [json.loads(text) async for text in newer]
        await older.wait_closed()
    assert older.close_code == 1001
    assert answers[-1]["result"] == 0
    assert (folder / "1").read_bytes() == b"abcd"


async def test_a_part_of_another_file_is_thrown_away(url, folder, tmp_path) -> None:
    folder.mkdir()
    (folder / "1.part").write_bytes(b"much longer than the file")
    source = file_of(tmp_path, 5)
    await upload(url, Opening(1, secure_token="secret"), source)
    assert (folder / "1").read_bytes() == source.read_bytes()


async def test_a_full_disk_is_said_before_a_byte_is_sent(
    url, folder, tmp_path, monkeypatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(TransferError, match="disk is full") as error:
        await upload(url, Opening(1, secure_token="secret"), file_of(tmp_path, 5))
    assert error.value.code is Code.STORAGE_FULL


async def test_a_disk_that_becomes_full_keeps_what_there_is(
    url, folder, tmp_path, monkeypatch
) -> None:
    def write(self: slots.Filling, data: bytes) -> None:
        with slots._disk():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(slots.Filling, "write", write)
    with pytest.raises(TransferError, match="Free some space") as error:
        await upload(url, Opening(1, secure_token="secret"), file_of(tmp_path, 5))
    assert error.value.code is Code.STORAGE_FULL
    assert not (folder / "1").exists()


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ('{"offset": 5, "size": 9}', BrokenRules),
        ('{"offset": 0, "size": 3, "sha256": "' + "0" * 64 + '"}', Mismatch),
        ('{"offset": 0, "size": 100000000000}', TransferError),
        ('{"result": 111, "errorMessage": "not yet"}', TransferError),
        ("garbage", BrokenRules),
    ],
)
async def test_a_server_that_lies_leaves_nothing(tmp_path, answer, failure) -> None:
    async def lie(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(answer)
        await connection.send(b"abc")
        await connection.wait_closed()

    slot = Slot(tmp_path / "fetched", LIMIT)
    async with serve_bare(lie, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(failure):
            await download(f"ws://127.0.0.1:{port}/", Opening(10), slot)
    assert not slot.whole


async def test_a_file_that_shrinks_while_it_is_sent_is_noticed(url, tmp_path, monkeypatch) -> None:
    source = file_of(tmp_path, 10)
    monkeypatch.setattr(ws_client, "hash_of", lambda _: (20, "ab" * 32))
    with pytest.raises(TransferError, match="became shorter"):
        await upload(url, Opening(1, secure_token="secret"), source)


def test_a_disk_that_fails_otherwise_is_named(tmp_path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageFull, match="The disk failed"):
        slots.Filling(Slot(tmp_path / "file" / "below", 10))
