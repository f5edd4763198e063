"""Files over HTTP: a plain PUT, tus, downloads, and everything a client can do wrong."""

import asyncio
import base64
import hashlib
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from gotapi_core.protocol.tus import format_metadata
from gotapi_creation.transfer.failures import UnknownFile
from gotapi_creation.transfer.http import HttpDesk
from gotapi_creation.transfer.slots import Slot
from gotapi_creation.transfer.ws_server import Outgoing
from gotapi_creation.wire.codes import Code

LIMIT = 1000
TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}
METHODS = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.fixture
def piece_time() -> float:
    """Seconds that a piece may take."""
    return 30.0


@pytest.fixture
async def client(serve, folder, piece_time):
    async def find(request) -> Slot | Outgoing:
        number = request.path_params["number"]
        if number == 404:
            raise UnknownFile("There is no such file")
        if number < 10:
            return Slot(folder / str(number), LIMIT)
        return Outgoing(folder / str(number), "model/stl", "ab" * 32)

    desk = HttpDesk(find, piece_time=piece_time, whole_time=50.0)
    app = Starlette(routes=[Route("/files/{number:int}", desk.answer, methods=METHODS)])
    base = await serve(app)
    async with httpx2.AsyncClient(base_url=f"http://{base}", trust_env=False) as one:
        yield one


def digest(data: bytes) -> dict[str, str]:
    hashed = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return {"Repr-Digest": f"sha-256=:{hashed}:"}


async def test_a_file_is_put_in_one_request(client, folder) -> None:
    answer = await client.put("/files/1", content=b"picture", headers=digest(b"picture"))
    assert answer.status_code == 204
    assert answer.headers["etag"] == f'"{hashlib.sha256(b"picture").hexdigest()}"'
    assert (folder / "1").read_bytes() == b"picture"


async def test_a_body_without_a_length_is_taken_too(client, folder) -> None:
    async def body():
        yield b"pic"
        yield b"ture"

    assert (await client.put("/files/1", content=body())).status_code == 204
    assert (folder / "1").read_bytes() == b"picture"


async def test_a_file_is_sent_in_parts_with_tus(client, folder) -> None:
    metadata = format_metadata({"sha256": hashlib.sha256(b"picture").hexdigest()})
    headers = {**TUS, "Upload-Length": "7", "Upload-Metadata": metadata}
    made = await client.post("/files/1", headers=headers)
    assert made.status_code == 201
    where = made.headers["location"]
    first = await client.patch(where, content=b"pic", headers={**PATCH, "Upload-Offset": "0"})
    assert (first.status_code, first.headers["upload-offset"]) == (204, "3")
    asked = await client.head(where, headers=TUS)
    assert (asked.headers["upload-offset"], asked.headers["upload-length"]) == ("3", "7")
    assert not (folder / "1").exists()
    rest = await client.patch(where, content=b"ture", headers={**PATCH, "Upload-Offset": "3"})
    assert rest.headers["upload-offset"] == "7"
    assert (folder / "1").read_bytes() == b"picture"
    whole = await client.head(where, headers=TUS)
    assert (whole.headers["upload-offset"], whole.headers["upload-length"]) == ("7", "7")


async def test_the_length_may_come_with_the_first_part(client, folder) -> None:
    asked = await client.head("/files/1", headers=TUS)
    assert asked.headers["upload-defer-length"] == "1"
    headers = {**PATCH, "Upload-Offset": "0", "Upload-Length": "3"}
    assert (await client.patch("/files/1", content=b"abc", headers=headers)).status_code == 204
    assert (folder / "1").read_bytes() == b"abc"


async def test_to_create_again_keeps_what_has_arrived_of_the_same_file(client) -> None:
    for length, offset in (("7", "0"), ("7", "3"), ("8", "0")):
        headers = {**TUS, "Upload-Length": length}
        made = await client.post("/files/1", headers=headers)
        assert made.headers["upload-offset"] == offset
        await client.patch("/files/1", content=b"pic", headers={**PATCH, "Upload-Offset": "0"})


async def test_an_upload_can_be_given_up(client, folder) -> None:
    await client.post("/files/1", headers={**TUS, "Upload-Length": "7"})
    await client.patch("/files/1", content=b"pic", headers={**PATCH, "Upload-Offset": "0"})
    assert (await client.delete("/files/1", headers=TUS)).status_code == 204
    assert list(folder.iterdir()) == []


async def test_what_the_server_can_is_told(client) -> None:
    answer = await client.options("/files/1", headers=TUS)
    assert answer.headers["tus-max-size"] == str(LIMIT)


async def test_a_model_is_fetched_whole_or_in_part(client, folder) -> None:
    folder.mkdir()
    (folder / "10").write_bytes(b"solid model")
    answer = await client.get("/files/10")
    assert (answer.content, answer.headers["content-type"]) == (b"solid model", "model/stl")
    assert answer.headers["cache-control"] == "no-store"
    part = await client.get("/files/10", headers={"Range": "bytes=6-"})
    assert (part.status_code, part.content) == (206, b"model")
    assert (await client.put("/files/10", content=b"other")).status_code == 405
    assert (folder / "10").read_bytes() == b"solid model"


@pytest.mark.parametrize(
    ("method", "number", "headers", "body", "status", "words"),
    [
        ("PUT", 404, {}, b"x", 404, "no such file"),
        ("PUT", 1, {}, b"x" * (LIMIT + 1), 413, "at most 1000"),
        ("PUT", 1, digest(b"other"), b"x", 422, "send the file again"),
        ("POST", 1, {**TUS, "Upload-Length": "1001"}, b"", 413, "at most 1000"),
        ("POST", 1, {**TUS, "Upload-Length": "x"}, b"", 400, "Upload-Length"),
        ("PATCH", 1, {**PATCH, "Upload-Offset": "5"}, b"x", 409, "0 bytes here"),
        ("PATCH", 1, {**TUS, "Upload-Offset": "0"}, b"x", 415, "offset+octet-stream"),
        ("PATCH", 1, {**PATCH, "Tus-Resumable": "9"}, b"x", 412, "tus 1.0.0"),
        (
            "PATCH",
            1,
            {**PATCH, "Upload-Offset": "0", "Upload-Length": "1"},
            b"xy",
            400,
            "More than the 1 bytes",
        ),
        ("GET", 1, {}, b"", 405, "PUT"),
    ],
)
async def test_who_does_it_wrong_is_told(
    client, folder, method, number, headers, body, status, words
) -> None:
    answer = await client.request(method, f"/files/{number}", headers=headers, content=body)
    assert answer.status_code == status
    assert words in answer.json()["errorMessage"]
    assert answer.json()["result"] != 0
    assert not (folder / "1").exists()


async def test_a_file_is_written_once_over_http(client, folder) -> None:
    await client.put("/files/1", content=b"first")
    for answer in (
        await client.put("/files/1", content=b"other"),
        await client.post("/files/1", headers={**TUS, "Upload-Length": "5"}),
    ):
        assert answer.status_code == 409
        assert answer.json()["result"] == Code.ILLEGAL_STATE
    assert (folder / "1").read_bytes() == b"first"


async def test_an_endless_body_is_ended(client, folder) -> None:
    async def endless():
        while True:
            yield b"x" * 4096

    try:
        answer = await client.put("/files/1", content=endless())
        assert answer.status_code == 413
    except httpx2.TransportError:
        pass  # it was still writing when the connection was closed
    assert not (folder / "1").exists()
    assert (await client.head("/files/1", headers=TUS)).status_code == 200


async def send_part(client, method: str = "PATCH") -> tuple:
    """Announce seven bytes and send three; gives the open connection."""
    if method == "PATCH":
        await client.post("/files/1", headers={**TUS, "Upload-Length": "7"})
    url = client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    fields = {**PATCH, "Upload-Offset": "0", "Content-Length": "7", "Host": "x"}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"{method} /files/1 HTTP/1.1\r\n{head}\r\npic".encode())
    await writer.drain()
    return reader, writer


@pytest.mark.parametrize("piece_time", [0.3])
async def test_a_body_that_stalls_is_kept_and_goes_on(client, folder) -> None:
    reader, writer = await send_part(client)
    assert b" 408 " in await reader.readline()
    writer.close()
    asked = await client.head("/files/1", headers=TUS)
    assert asked.headers["upload-offset"] == "3"
    rest = await client.patch("/files/1", content=b"ture", headers={**PATCH, "Upload-Offset": "3"})
    assert rest.status_code in (204, 408)  # the test's own time limit is a hard one


async def test_a_connection_that_is_cut_keeps_what_came(client, folder, until) -> None:
    _, writer = await send_part(client)
    await until(lambda: (folder / "1.part").exists())
    writer.close()
    answer = await client.patch("/files/1", headers={**PATCH, "Upload-Offset": "9"}, content=b"x")
    while answer.status_code == 423:  # the server has not noticed yet
        answer = await client.patch(
            "/files/1", headers={**PATCH, "Upload-Offset": "9"}, content=b"x"
        )
    assert answer.status_code == 409
    have = int((await client.head("/files/1", headers=TUS)).headers["upload-offset"])
    headers = {**PATCH, "Upload-Offset": str(have)}
    assert (
        await client.patch("/files/1", content=b"picture"[have:], headers=headers)
    ).status_code == 204
    assert (folder / "1").read_bytes() == b"picture"


async def test_a_put_that_ends_early_is_no_file(client, folder) -> None:
    _, writer = await send_part(client, "PUT")
    writer.close()
    answer = await client.put("/files/1", content=b"picture")
    while answer.status_code == 423:  # the server has not noticed yet
        answer = await client.put("/files/1", content=b"picture")
    assert answer.status_code == 204
    assert (folder / "1").read_bytes() == b"picture"


async def test_two_at_once_do_not_mix(client, folder, until) -> None:
    gate = asyncio.Event()

    async def slow():
        yield b"pic"
        await gate.wait()
        yield b"ture"

    sending = asyncio.create_task(client.put("/files/1", content=slow()))
    await until(lambda: (folder / "1.part").exists())
    other = await client.put("/files/1", content=b"other")
    gate.set()
    assert other.status_code == 423
    assert (await sending).status_code in (204, 408)
