"""kill -9 of a real hub in the middle of an upload, and what is there afterwards."""

import asyncio
import base64
import hashlib
import os
import re
import socket
from pathlib import Path

import httpx2
import pytest

from gotapi_core.client import HubClient, HubUnreachable
from gotapi_core.testing.process import HubProcess

SIZE = 24 << 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def hub(tmp_path: Path):
    with HubProcess(tmp_path / "home", "--port", str(free_port())) as hub:
        yield hub


@pytest.fixture
async def client(hub):
    async with HubClient(hub.url, "test.application", "Test", patience=20.0) as client:
        asking = asyncio.create_task(client.authorize(["3dp"]))
        await asyncio.to_thread(hub.approve_next)
        await asking
        yield client


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.gcode"
    path.write_bytes(os.urandom(SIZE))
    return path


def blob_files(hub: HubProcess) -> list[Path]:
    return [one for one in (hub.home / "data" / "blobs").rglob("*") if one.is_file()]


async def fetch(client: HubClient, uri: str) -> bytes:
    headers = {
        "Authorization": f"Bearer {client.reveal_token()}", "X-GotAPI-Origin": "test.application"
    }  # fmt: skip
    async with httpx2.AsyncClient(trust_env=False, headers=headers, timeout=30.0) as http:
        answer = await http.get(uri)
        assert answer.status_code == 200
        return answer.content


async def test_an_upload_goes_on_after_a_kill(hub, client, big):
    killed: list[int] = []
    restarted = asyncio.Event()
    loop = asyncio.get_running_loop()

    def restart() -> None:
        hub.kill()
        hub.start()
        loop.call_soon_threadsafe(restarted.set)

    seen: list[int] = []

    def progress(sent: int, size: int) -> None:
        seen.append(sent)
        if sent > size // 2 and not killed:
            killed.append(sent)
            loop.run_in_executor(None, restart)

    stored = await client.upload(big, progress)
    await restarted.wait()
    assert killed
    afterwards = seen[seen.index(killed[0]) + 1 :]
    assert min(afterwards) > 1 << 20, "it began from the start"
    assert hashlib.sha256(await fetch(client, stored.uri)).hexdigest() == stored.sha256


async def test_a_half_upload_stays_invisible_over_a_kill_and_can_go_on(hub, client):
    body = os.urandom(3 << 20)
    half = len(body) // 2
    headers = {
        "Authorization": f"Bearer {client.reveal_token()}",
        "X-GotAPI-Origin": "test.application",
        "Tus-Resumable": "1.0.0",
    }
    patch = {"Content-Type": "application/offset+octet-stream"}
    digest = base64.b64encode(hashlib.sha256(body).hexdigest().encode()).decode()
    async with httpx2.AsyncClient(trust_env=False, headers=headers, timeout=30.0) as http:
        new = {"Upload-Length": str(len(body)), "Upload-Metadata": f"sha256 {digest}"}
        uri = (await http.post(f"{hub.url}/blobs/", headers=new)).headers["location"]
        sent = await http.patch(uri, headers=patch | {"Upload-Offset": "0"}, content=body[:half])
        assert sent.status_code == 204
        hub.kill()  # what was acknowledged must be there afterwards
        hub.start()
        async with httpx2.AsyncClient(trust_env=False, headers=headers, timeout=30.0) as after:
            there = await after.head(uri)
            assert there.headers["upload-offset"] == str(half)
            plain = {
                "Authorization": headers["Authorization"],
                "X-GotAPI-Origin": "test.application",
            }
            async with httpx2.AsyncClient(trust_env=False, headers=plain) as reader:
                assert (await reader.get(uri)).status_code == 404
            rest = await after.patch(
                uri, headers=patch | {"Upload-Offset": str(half)}, content=body[half:]
            )
            assert rest.status_code == 204
    assert await fetch(client, uri) == body
    assert len(blob_files(hub)) == 1


async def test_a_hub_that_stays_away_is_reported(hub, tmp_path, big):
    async with HubClient(hub.url, "test.application", "Test", patience=0.5) as client:
        asking = asyncio.create_task(client.authorize(["3dp"]))
        await asyncio.to_thread(hub.approve_next)
        await asking
        gone: list[int] = []

        def progress(sent: int, size: int) -> None:
            if not gone:
                gone.append(sent)
                hub.kill()

        with pytest.raises(HubUnreachable, match=re.escape(hub.url)):
            await client.upload(big, progress)
