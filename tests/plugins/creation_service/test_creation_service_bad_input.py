"""What people and programs send by mistake or on purpose: each gets words, and leaves nothing."""

import asyncio
import ftplib
import io
import json
import logging

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gotapi_creation.service.host import Service, Settings
from gotapi_creation.service.model import Limits
from gotapi_creation.transfer.ftp import FtpUnavailable
from gotapi_creation.transfer.words import Opening
from gotapi_creation.transfer.ws_client import upload
from gotapi_creation.wire.codes import Code


def pictures(png) -> dict[str, bytes]:
    whole = png(64, 64)
    return {
        "empty file": b"",
        "unknown type": b"\0" * 100,
        "a GIF": b"GIF89a" + b"\0" * 40,
        "an SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "a PDF": b"%PDF-1.7",
        "1 x 1 pixels": png(1, 1),
        "cut off": whole[:-20],
        "animated": whole[:33] + b"\0\0\0\x08acTL\0\0\0\x05\0\0\0\0\0\0\0\0" + whole[33:],
        "9000 x 9000 pixels": whole[:16] + (9000).to_bytes(4, "big") * 2 + whole[24:],
        "damaged": b"\xff\xd8\xff\xe0" + b"\0" * 100,
    }


async def test_pictures_of_every_wrong_kind_are_refused(creation, png) -> None:
    [entry] = (await creation.ask("filetransfer", number=1))["fileTransInfo"]
    for words, data in pictures(png).items():
        answer = await creation.http.put(entry["url"], content=data)
        assert answer.status_code in (415, 422), words
        assert words in answer.json()["errorMessage"]
        assert answer.json()["result"] == Code.BAD_PICTURE
        assert (await creation.begin())["result"] == Code.FILES_MISSING
        assert list((creation.home / "files").iterdir()) == []
    # A better one may follow at the same address.
    assert (await creation.http.put(entry["url"], content=png(32, 64))).status_code == 204
    assert (await creation.begin())["result"] == 0


async def test_a_picture_of_eleven_megabytes_is_refused_before_it_comes(creation) -> None:
    [entry] = (await creation.ask("filetransfer", number=1))["fileTransInfo"]
    answer = await creation.http.put(entry["url"], content=b"\x89PNG" * (11 << 18))
    assert answer.status_code == 413
    assert "at most 10485760 are allowed" in answer.json()["errorMessage"]


async def test_an_endless_picture_ends(creation) -> None:
    [entry] = (await creation.ask("filetransfer", number=1))["fileTransInfo"]
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1 << 16
            yield b"x" * (1 << 16)

    try:
        answer = await creation.http.put(entry["url"], content=endless())
        assert answer.status_code == 413
    except httpx2.TransportError:
        pass  # it was still writing when the connection was closed
    assert sent < 256 << 20
    assert (await creation.ask("status"))["result"] == 0


async def test_a_wrong_key_says_no_more_than_a_wrong_number(creation) -> None:
    [entry] = (await creation.ask("filetransfer", number=1))["fileTransInfo"]
    number = entry["fileId"]
    wrong = [f"{creation.base}/files/{number}/guess", f"{creation.base}/files/{number + 1}/guess"]
    answers = [await creation.http.put(url, content=b"x") for url in wrong]
    assert {one.status_code for one in answers} == {404}
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    "path",
    [
        "/files/../../access.token",
        "/silhouettes/..%2f..%2faccess.token",
        "/files/1/%2e%2e",
        "/none",
    ],
)
async def test_no_path_leads_out(creation, path) -> None:
    host, port = creation.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert b" 404 " in answer.split(b"\r\n")[0]
    assert creation.secret.encode() not in answer


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("&".join(f"a{n}=1" for n in range(100)), Code.INVALID_PARAMETER),
        ("x=" + "y" * 20000, Code.INVALID_PARAMETER),
        ("number=3&number=1", Code.INVALID_PARAMETER),
        ("requestCode=x", Code.INVALID_PARAMETER),
        ("requestCode=99999999999999999999", Code.INVALID_PARAMETER),
        ("%ff%fe=%00", Code.INVALID_TOKEN),
    ],
)
async def test_queries_that_are_none(creation, query, code) -> None:
    answer = await creation.http.get(f"{creation.base}/3dcapi/getattribute?{query}")
    assert answer.json()["result"] == code


async def test_a_form_without_end_is_refused(creation) -> None:
    async def endless():
        while True:
            yield b"x=" + b"y" * 4096

    try:
        answer = await creation.http.put(
            f"{creation.base}/3dcapi/setattribute",
            content=endless(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.json()["result"] == Code.INVALID_PARAMETER
    except httpx2.TransportError:
        pass
    assert (await creation.ask("status"))["result"] == 0


async def test_a_fault_of_ours_is_answered_and_logged_without_tokens(
    creation, png, monkeypatch, caplog
) -> None:
    await creation.send(png(32, 64))

    def fault(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(creation.service._runner, "estimate", fault)
    with caplog.at_level(logging.DEBUG):
        answer = await creation.begin(requestCode=8)
    assert (answer["result"], answer["requestCode"]) == (Code.ERROR, 8)
    assert "a bug" in caplog.text
    assert_no_tokens(creation, caplog)


def assert_no_tokens(creation, caplog) -> None:
    """Only the clients of the test may have logged what they sent."""
    clients = ("httpx2", "httpcore2", "websockets.client")
    ours = "\n".join(one.getMessage() for one in caplog.records if not one.name.startswith(clients))
    assert creation.secret not in ours
    assert creation.token not in ours


async def test_sockets_leave_no_token_in_a_log(creation, png, tmp_path, caplog) -> None:
    with caplog.at_level(logging.DEBUG):
        asked = await creation.ask("filetransfer", number=1, method="websocket")
        [entry] = asked["fileTransInfo"]
        picture = tmp_path / "front.png"
        picture.write_bytes(png(32, 64))
        opening = Opening(entry["fileId"], creation.secret, creation.token)
        await upload(entry["url"], opening, picture)
        await creation.begin()
        url = (await creation.ask("snapshot", op="START"))["websocketUrl"]
        hello = {"accessToken": creation.secret, "secureToken": creation.token}
        async with connect(url) as socket:
            await socket.send(json.dumps(hello))
            assert [one async for one in socket]
    assert entry["url"].rpartition("/")[2] not in "".join(
        one.getMessage() for one in caplog.records if one.name.startswith("uvicorn")
    )
    assert_no_tokens(creation, caplog)


async def test_a_crowd_is_not_let_in(start, png) -> None:
    creation = await start(limits=Limits(sockets=1))
    url = f"ws{creation.base[4:]}/3dcapi/websocket"
    async with connect(url):
        with pytest.raises(InvalidStatus):
            await connect(url)
    assert (await creation.ask("status"))["result"] == 0


async def test_pictures_come_by_ftp_where_the_operator_wants_it(start, png, until) -> None:
    creation = await start(ftp="127.0.0.1")
    await creation.connect()
    [entry] = (await creation.ask("filetransfer", number=1, method="ftp"))["fileTransInfo"]
    port = int(entry["url"].split(":")[2].split("/")[0])

    def send(data: bytes) -> None:
        with ftplib.FTP(timeout=30) as ftp:
            ftp.connect("127.0.0.1", port)
            ftp.login(str(entry["fileId"]), creation.token)
            ftp.storbinary(f"STOR {entry['fileId']}", io.BytesIO(data))

    await asyncio.to_thread(send, png(32, 64))
    files = creation.home / "files"
    await until(lambda: (files / str(entry["fileId"])).exists())
    await creation.ended((await creation.begin())["jobId"])
    [first, *_] = (await creation.ask("filereceive"))["fileTransInfo"]
    assert first["url"].startswith("ftp://127.0.0.1:")
    got = io.BytesIO()

    def fetch() -> None:
        with ftplib.FTP(timeout=30) as ftp:
            ftp.connect("127.0.0.1", port)
            ftp.login(str(first["fileId"]), creation.token)
            ftp.retrbinary(f"RETR {first['fileId']}", got.write)

    await asyncio.to_thread(fetch)
    assert got.getvalue() == b"model.glb" * 100


async def test_ftp_for_everybody_needs_a_certificate(tmp_path) -> None:
    import socket

    service = Service(Settings(str(tmp_path), ftp="0.0.0.0"))
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(FtpUnavailable):
        await service.serve(listening)
