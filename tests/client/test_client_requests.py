"""Requests of an application: what goes out, and what comes back when things go wrong."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gotapi_core.client import (
    ConsentDenied,
    ConsentPending,
    FileChanged,
    HubClient,
    HubFault,
    HubRefused,
    HubUnreachable,
    Printer,
    Service,
    Token,
    TokenRejected,
)
from gotapi_core.client import upload as upload_module
from gotapi_core.client import wire as wire_module
from gotapi_core.client.wire import checked_url


async def test_availability_names_the_application(client: HubClient, hub: Any) -> None:
    assert (await client.availability()).version == "9.9"
    (method, path, params, headers), *_ = hub.asked
    assert (method, path, params) == ("GET", "/gotapi/availability", {})
    assert headers["x-gotapi-origin"] == "org.example.app"


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_parameters_arrive(client: HubClient, hub: Any, tools: Any, method: str) -> None:
    async def answer(request: Request) -> Response:
        return tools.ok(heard=True)  # type: ignore[no-any-return]

    hub.answers[(method, "/gotapi/3dp/x/y")] = answer
    call = getattr(client, method.lower())
    members = await call("3dp", "x/y", "s 1", text="ä&=", number=1.5, flag=True, profile="p")
    assert members["heard"] is True
    sent = {"text": "ä&=", "number": "1.5", "flag": "true", "profile": "p", "serviceId": "s 1"}
    assert hub.asked[-1][2] == {**sent, "accessToken": tools.GOOD}


async def test_path_is_quoted(client: HubClient, hub: Any) -> None:
    with pytest.raises(HubRefused):
        await client.get("3dp", "a?b=c", "s")
    assert hub.asked[-1][1] == "/gotapi/3dp/a?b=c"
    with pytest.raises(HubRefused):
        await client.get("system", None, "s")
    assert hub.asked[-1][1] == "/gotapi/system"


async def test_token_is_nowhere_to_be_read(
    client: HubClient, hub: Any, tools: Any, caplog: pytest.LogCaptureFixture, gcode: Path
) -> None:
    caplog.set_level(logging.DEBUG)

    async def echo(request: Request) -> Response:
        return tools.refuse(10, f"bad request {request.url}")  # type: ignore[no-any-return]

    hub.answers[("GET", "/gotapi/3dp/echo")] = echo
    with pytest.raises(HubRefused) as caught:
        await client.get("3dp", "echo", "s")
    await client.services()
    await client.upload(gcode)
    async with client.events("3dp", "status", tools.PRINTER):
        pass
    ours = [one for one in caplog.records if not one.name.startswith(("uvicorn", "websockets.s"))]
    assert any("servicediscovery" in one.getMessage() for one in ours)
    texts = [one.getMessage() for one in ours] + [repr(client), str(caught.value)]
    assert not [text for text in texts if tools.GOOD in text]
    assert "(access token)" in str(caught.value)


async def test_without_a_token(served: Any) -> None:
    async with HubClient(served.hub.url, "o", "n") as client:
        with pytest.raises(TokenRejected, match="authorize"):
            await client.services()
    assert served.hub.asked == []


async def test_bad_token(client: HubClient, hub: Any) -> None:
    hub.tokens.clear()
    with pytest.raises(TokenRejected, match="unknown token"):
        await client.services()


async def test_services(client: HubClient, tools: Any) -> None:
    assert await client.services() == [
        Service(id=tools.PRINTER, name="Printer one", scopes=("3dp", "3dprinter"))
    ]


async def test_no_hub() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        async with HubClient(url, "o", "n") as client:
            with pytest.raises(HubUnreachable, match=f"{url}.*gotapi run.*GOTAPI_URL"):
                await client.availability()


@pytest.mark.parametrize("body", [b"garbage", b"", b"[1,2]", b'{"result":'])
@pytest.mark.parametrize("status", [200, 500])
async def test_garbage(client: HubClient, hub: Any, body: bytes, status: int) -> None:
    async def answer(request: Request) -> Response:
        return Response(body, status)

    hub.answers[("GET", "/gotapi/availability")] = answer
    with pytest.raises(HubFault, match=f"HTTP {status}"):
        await client.availability()


async def test_malformed_members(client: HubClient, hub: Any, tools: Any, gcode: Path) -> None:
    async def answer(request: Request) -> Response:
        return tools.ok(name=5, uri=5, clientId="")  # type: ignore[no-any-return]

    for key in (
        ("GET", "/gotapi/availability"),
        ("POST", "/blobs/"),
        ("GET", "/gotapi/authorization/grant"),
    ):
        hub.answers[key] = answer
    client.client_id = ""
    for call in (client.availability(), client.upload(gcode), client.register()):
        with pytest.raises(HubFault):
            await call


async def test_status_codes_with_a_body(client: HubClient, hub: Any, tools: Any) -> None:
    async def answer(request: Request) -> Response:
        return tools.refuse(7, "plug-in late", 500)  # type: ignore[no-any-return]

    hub.answers[("GET", "/gotapi/3dp/information")] = answer
    with pytest.raises(HubRefused, match="plug-in late") as caught:
        await client.get("3dp", "information", "s")
    assert (caught.value.code, caught.value.status) == (7, 500)


async def test_slow_hub(served: Any, hub: Any) -> None:
    gate = asyncio.Event()

    async def answer(request: Request) -> Response:
        await gate.wait()
        return Response()

    hub.answers[("GET", "/gotapi/availability")] = answer
    async with HubClient(served.hub.url, "o", "n", time_limit=0.1) as client:
        with pytest.raises(HubUnreachable, match="did not answer in time"):
            await client.availability()
    gate.set()


async def test_endless_answer(client: HubClient, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: Request) -> Response:
        return Response(b"x" * 2000)

    monkeypatch.setattr(wire_module, "MAX_ANSWER", 1000)
    hub.answers[("GET", "/gotapi/availability")] = answer
    with pytest.raises(HubFault, match="larger than 1000 bytes"):
        await client.availability()


async def test_broken_connection() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, HubClient(f"http://127.0.0.1:{port}", "o", "n") as client:
        with pytest.raises(HubUnreachable, match="broke off"):
            await client.availability()


async def test_redirect_is_not_followed(client: HubClient, hub: Any) -> None:
    async def answer(request: Request) -> Response:
        return RedirectResponse("http://127.0.0.1:9/elsewhere")

    hub.answers[("GET", "/gotapi/availability")] = answer
    with pytest.raises(HubFault, match="HTTP 307"):
        await client.availability()


async def test_environment_proxies_are_not_asked(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with HubClient(served.hub.url, "o", "n") as client:
        assert (await client.availability()).name == "fake"


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:4035", "ftp://h", "http://", "http://h/path", "http://u:p@h", "http://h?q",
     "http://h:99999", "http://h:0", "http://h:x", "http://[::1"],
)  # fmt: skip
def test_bad_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        HubClient(url, "o", "n")


@pytest.mark.parametrize("url", ["http://127.0.0.1:4035/", " https://hub.local ", "http://[::1]:1"])
async def test_good_address(url: str) -> None:
    assert checked_url(url) == url.strip().rstrip("/")
    async with HubClient(url, "o", "n") as client:
        assert client.url == url.strip().rstrip("/")


# Consent


async def test_consent(served: Any, hub: Any, tools: Any) -> None:
    async with HubClient(served.hub.url, "o", "Example") as client:
        token = await client.authorize(["3dp", "3dps"])
        assert token == Token(tools.GOOD, "client-2", ("3dp", "3dps"), 4e9)
        assert len(await client.services()) == 1
    asked = hub.asked[1][2]
    assert asked == {"clientId": "client-2", "scope": "3dp,3dps", "applicationName": "Example"}


async def test_consent_is_asked_again_until_answered(
    client: HubClient, hub: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gotapi_core.client.hub_client._ASK_AGAIN", 0.01)
    hub.consent = [0.0, 0.0, tools.allowed("3dp")]
    assert (await client.authorize(["3dp"])).value == tools.GOOD
    assert [params["clientId"] for *_, params, _ in hub.asked] == ["client-1"] * 3


async def test_consent_denied(client: HubClient, hub: Any) -> None:
    hub.consent = [{"result": 1, "errorCode": 11, "errorMessage": "The user said no"}]
    with pytest.raises(ConsentDenied, match="said no"):
        await client.authorize(["3dp"])


async def test_consent_not_answered(client: HubClient, hub: Any) -> None:
    hub.consent = [30.0]
    with pytest.raises(ConsentPending, match=r"Example.*still can be done"):
        await client.authorize(["3dp"], wait=0.1)
    assert client.client_id == "client-1"  # so that asking again joins


async def test_forgotten_client_registers_again(client: HubClient, hub: Any) -> None:
    hub.clients.clear()
    assert (await client.authorize(["3dp"])).client_id == "client-2"


async def test_forgotten_client_is_no_loop(client: HubClient, hub: Any, tools: Any) -> None:
    async def answer(request: Request) -> Response:
        return tools.refuse(15, "unknown client")  # type: ignore[no-any-return]

    hub.answers[("GET", "/gotapi/authorization/accesstoken")] = answer
    with pytest.raises(HubRefused, match="unknown client"):
        await client.authorize(["3dp"])
    assert len(hub.paths("GET")) == 3


# Uploads


async def test_upload(client: HubClient, hub: Any, tmp_path: Path) -> None:
    path = tmp_path / "männlein & co.gcode"
    content = os.urandom(3 * upload_module.PIECE + 5)
    path.write_bytes(content)
    seen: list[tuple[int, int]] = []
    stored = await client.upload(path, lambda sent, size: seen.append((sent, size)))
    assert hub.files == {path.name: content}
    assert (stored.uri, stored.size, stored.name) == (
        f"{hub.url}/blobs/1", len(content), path.name,
    )  # fmt: skip
    assert seen == [(min(n * upload_module.PIECE, len(content)), len(content)) for n in range(1, 5)]


async def test_upload_of_a_name_that_is_not_utf8(
    client: HubClient, hub: Any, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode(b"f\xfcr.gcode")
    path.write_bytes(b"G28\n")
    assert (await client.upload(path)).name == "f?r.gcode"
    assert hub.files == {"f?r.gcode": b"G28\n"}


@pytest.mark.parametrize(("status", "code"), [(413, 10), (507, 17)])
async def test_upload_refused(
    client: HubClient, hub: Any, tools: Any, gcode: Path, status: int, code: int
) -> None:
    async def answer(request: Request) -> Response:
        return tools.refuse(code, "no room", status)  # type: ignore[no-any-return]

    hub.answers[("POST", "/blobs/")] = answer
    with pytest.raises(HubRefused, match="no room") as caught:
        await client.upload(gcode)
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize("change", [b"shorter", b"longer" * 400])
async def test_file_changes_during_the_upload(
    client: HubClient, gcode: Path, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    original = upload_module.open_file

    async def open_then_change(path: Path) -> upload_module.Opened:
        opened = await original(path)
        path.write_bytes(change)  # noqa: ASYNC240 - a few bytes
        return opened

    monkeypatch.setattr("gotapi_core.client.hub_client.open_file", open_then_change)
    with pytest.raises(FileChanged, match="send it again"):
        await client.upload(gcode)


async def test_only_regular_files(client: HubClient, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, kind in (("pipe", OSError), ("none", FileNotFoundError), (".", IsADirectoryError)):
        with pytest.raises(kind):
            await client.upload(tmp_path / name)


# The printer


async def test_printer(client: HubClient, hub: Any, tools: Any, gcode: Path) -> None:
    (service,) = await client.services()
    printer = Printer(client, service)
    assert (await printer.status()).print_queue == ()
    assert await printer.start(await client.upload(gcode)) == "j1"
    job = (await printer.status()).job("j1")
    assert job is not None
    assert (job.layer, job.time_left, job.time_left_source) == (2, 3725, "file")
    await printer.stop("j1")
    assert hub.asked[-1][2]["jobId"] == "j1"
    await printer.stop()
    assert "jobId" not in hub.asked[-1][2]
    assert hub.asked[-1][2]["serviceId"] == tools.PRINTER
