"""The client of creation services by itself: files by every method, and where tokens go."""

import hashlib
import json

import httpx2
import pytest
from starlette.responses import Response
from websockets.asyncio.server import serve

from gotapi_creation.client import ServiceClient
from gotapi_creation.pictures import MAX_FILE
from gotapi_creation.result_check import fault_of
from gotapi_creation.wire import Code, CreationError, FileEntry, Op, Request


@pytest.fixture
async def http():
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
def client(fake, http):
    return ServiceClient(http, fake.url, "the-key", 5.0)


@pytest.fixture
async def socket_service():
    """A WebSocket that speaks the file protocol and notes the first messages."""
    openings = []
    content = b"solid model" * 10

    async def talk(socket):
        openings.append(json.loads(await socket.recv()))
        if "size" in openings[-1]:
            await socket.send('{"offset": 0}')
            data = b""
            while len(data) < openings[-1]["size"]:
                data += await socket.recv()
            digest = hashlib.sha256(data).hexdigest()
            await socket.send(json.dumps({"offset": len(data)}))
            await socket.send(json.dumps({"result": 0, "sha256": digest}))
        else:
            digest = hashlib.sha256(content).hexdigest()
            offer = {"offset": 0, "size": len(content), "sha256": digest, "type": "model/stl"}
            await socket.send(json.dumps(offer))
            await socket.send(content)
            async for _ in socket:
                pass

    async with serve(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}", openings, content


async def test_pictures_go_by_websocket_with_the_tokens_of_the_service(
    client, socket_service, tmp_path
):
    url, openings, _ = socket_service
    path = tmp_path / "front.png"
    path.write_bytes(b"x" * 1000)
    await client.send(FileEntry("websocket", 7, f"{url}/7"), path, "image/png", "secure")
    assert (openings[0]["fileId"], openings[0]["secureToken"]) == (7, "secure")
    assert openings[0]["accessToken"] == "the-key"


async def test_models_come_by_websocket(client, socket_service, tmp_path):
    url, _, content = socket_service
    path = tmp_path / "model.stl"
    size, digest = await client.fetch(FileEntry("websocket", 7, f"{url}/7"), path, "secure")
    assert path.read_bytes() == content
    assert (size, digest) == (len(content), hashlib.sha256(content).hexdigest())


async def test_tokens_go_to_the_services_own_host_only(http, socket_service, tmp_path):
    url, openings, _ = socket_service
    other = ServiceClient(http, "http://service.example", "the-key", 5.0)
    opening = other._opening(f"{url}/7", FileEntry("websocket", 7, url), "secure")
    assert (opening.access_token, opening.secure_token) == ("", "")
    assert not openings


@pytest.mark.parametrize(
    "url",
    ["http://localhost:1/x", "http://10.0.0.1/x", "http://[::1]/x", "http://a.localhost/x",
     "http://169.254.169.254/latest"],
)  # fmt: skip
async def test_a_service_cannot_point_the_hub_at_inner_addresses(http, tmp_path, url):
    client = ServiceClient(http, "http://service.example", "the-key", 5.0)
    path = tmp_path / "f"
    path.write_bytes(b"x")
    for work in (
        client.send(FileEntry("http", 1, url), path, "", ""),
        client.fetch(FileEntry("http", 1, url), tmp_path / "g", ""),
    ):
        with pytest.raises(CreationError, match="inner address") as caught:
            await work
        assert caught.value.code is Code.BAD_ANSWER


@pytest.mark.parametrize("method", ["ftp", "pigeon"])
async def test_a_method_the_hub_does_not_have_is_named(client, tmp_path, method):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    for work in (
        client.send(FileEntry(method, 1, "127.0.0.1"), path, "", ""),
        client.fetch(FileEntry(method, 1, "127.0.0.1"), path, ""),
    ):
        with pytest.raises(CreationError) as caught:
            await work
        # a scheme nobody knows is no address; one that is known cannot be used
        assert caught.value.code in (Code.NOT_SUPPORTED, Code.BAD_ANSWER)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (Response("no", status_code=500), Code.SERVICE_REFUSED, "HTTP 500"),
        (
            Response('{"result": 116, "errorMessage": "too dark"}', status_code=422),
            Code.BAD_PICTURE,
            "too dark",
        ),
    ],
)
async def test_a_picture_that_is_not_taken_is_told(fake, client, tmp_path, answer, code, words):
    async def refuse(_):
        return answer

    fake.take = refuse
    path = tmp_path / "f"
    path.write_bytes(b"x")
    async with serve_again(fake) as url:
        with pytest.raises(CreationError, match=words) as caught:
            await client.send(FileEntry("http", 1, f"{url}/in/1"), path, "image/png", "")
    assert caught.value.code is code


def serve_again(fake):
    """Run the service once more, as its routes are bound at the start."""
    from contextlib import asynccontextmanager

    import uvicorn

    @asynccontextmanager
    async def running():
        import asyncio

        config = uvicorn.Config(fake.app(), port=0, log_level="critical", lifespan="off")
        config.ws = "none"
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # pytest's timeout stands around it
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = server.force_exit = True
        await task

    return running()


async def test_a_service_that_went_away_is_told_without_its_tokens(http, tmp_path):
    gone = ServiceClient(http, "http://127.0.0.1:9", "the-key", 0.5)
    path = tmp_path / "f"
    path.write_bytes(b"x")

    async def listen():
        async for _ in gone.reports("ws://127.0.0.1:9/x", "secure", ""):
            raise AssertionError

    for work in (
        gone.ask(Request(op=Op.STATUS, secure_token="secure"), tries=1),
        gone.send(FileEntry("http", 1, "http://127.0.0.1:9/in/KEY"), path, "", "secure"),
        gone.fetch(FileEntry("http", 1, "http://127.0.0.1:9/out/KEY"), tmp_path / "g", "secure"),
        listen(),
    ):
        with pytest.raises(CreationError) as caught:
            await work
        assert caught.value.code is Code.SERVICE_OFFLINE
        for secret in ("the-key", "secure", "KEY"):
            assert secret not in caught.value.message


async def test_a_file_that_takes_too_long_is_given_up(fake, client, tmp_path, monkeypatch):
    import asyncio

    async def slow(_):
        await asyncio.sleep(30)

    monkeypatch.setattr("gotapi_creation.client._FILE_TIME", 0.1)
    fake.take = fake.give = slow
    path = tmp_path / "f"
    path.write_bytes(b"x")
    async with serve_again(fake) as url:
        for work in (
            client.send(FileEntry("http", 1, f"{url}/in/1"), path, "", ""),
            client.fetch(FileEntry("http", 1, f"{url}/out/x"), tmp_path / "g", ""),
        ):
            with pytest.raises(CreationError) as caught:
                await work
            assert caught.value.code is Code.SERVICE_TIMEOUT


def test_a_model_is_looked_at(tmp_path, parts):
    path = tmp_path / "m.stl"
    path.write_bytes(parts["stl"]())
    assert fault_of(path) == ""
    for bad in (b"", b"G28\n", parts["stl"]((float("nan"), 0.0, 0.0), (1.0, 0.0, 0.0), (0, 1, 0))):
        path.write_bytes(bad)
        assert fault_of(path)
    path.write_bytes(b"empty".ljust(80) + b"\0\0\0\0")
    assert fault_of(path)


async def test_a_large_picture_through_a_spool_file_is_taken(app, parts):
    await app.connect()
    [entry] = (await app.ask("filetransfer", number=1))["fileTransInfo"]
    picture = parts["png"]()
    whole = picture + b"\0" * ((2 << 20) - len(picture))  # what follows IEND is ignored
    assert len(whole) < MAX_FILE
    answer = await app.http.put(entry["url"], content=whole)
    assert answer.status_code == 200
    assert answer.json()["size"] == len(whole)
