"""The service as a program: its messages, its memory, and life with the hub."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from gotapi_creation.service.cli import creation_service
from gotapi_creation.service.embedded import Embedded, EmbeddedError

IDLE_MB = 60.0


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(creation_service, [*words], catch_exceptions=False)
    return result.exit_code, result.output


def test_the_network_is_not_let_in_by_accident(tmp_path) -> None:
    code, said = run("--host", "0.0.0.0", "--home", str(tmp_path))
    assert code == 1
    assert "--lan" in said


def test_a_port_that_is_taken_is_named(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, said = run("--port", str(other.getsockname()[1]), "--home", str(tmp_path))
    assert code == 1
    assert "choose another one with --port" in said


def test_a_home_that_is_a_file_is_named(tmp_path) -> None:
    (tmp_path / "home").write_text("")
    code, said = run("--port", "0", "--home", str(tmp_path / "home"))
    assert code != 0
    assert "home" in said


def test_engines_are_json_or_refused(tmp_path) -> None:
    (tmp_path / "engines").write_text("[]")
    code, said = run("--home", str(tmp_path), "--engines", str(tmp_path / "engines"))
    assert code == 1
    assert "must be JSON" in said


@pytest.fixture
def program(tmp_path):
    """The service as a process; it is ended with the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gotapi_creation.service", "--port", "0",
         "--home", str(tmp_path / "home"), "--time-limit", "60"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield process
    process.kill()
    process.communicate()


def test_it_tells_a_person_where_it_is_and_how_to_use_it(program, tmp_path) -> None:
    said = [program.stdout.readline().strip() for _ in range(4)]
    url = said[0].rpartition(" ")[2]
    token_file = tmp_path / "home" / "access.token"
    assert str(token_file) in said[1]
    assert f"gotapi creation add {url} --key-file {token_file}" in said[2]
    assert token_file.stat().st_mode & 0o777 == 0o600
    assert httpx2.get(f"{url}/3dcapi/status", trust_env=False).json()["result"] == 0
    program.send_signal(signal.SIGINT)
    assert program.wait(30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_is_small_while_it_waits_and_never_loads_numpy(program) -> None:
    url = program.stdout.readline().strip().rpartition(" ")[2]
    httpx2.get(f"{url}/3dcapi/status", trust_env=False)
    status = Path(f"/proc/{program.pid}/status").read_text()
    [line] = [one for one in status.splitlines() if one.startswith("VmRSS")]
    megabytes = int(line.split()[1]) / 1024
    print(f"idle: {megabytes:.1f} MB")
    assert megabytes <= IDLE_MB
    assert "numpy" not in Path(f"/proc/{program.pid}/maps").read_text()


async def test_embedded_keeps_port_and_token_over_a_crash(tmp_path) -> None:
    service = Embedded(tmp_path / "home")
    changes: asyncio.Queue[bool] = asyncio.Queue()
    running = asyncio.create_task(service.keep_running(lambda: changes.put_nowait(service.running)))
    async with asyncio.timeout(60):
        assert await changes.get()
        url, secret = service.url, service.secret
        os.kill(service.pid, signal.SIGKILL)
        assert not await changes.get()
        assert await changes.get()
    assert (service.url, service.secret) == (url, secret)
    async with httpx2.AsyncClient(trust_env=False) as http:
        found = await http.get(f"{url}/3dcapi/servicediscovery?accessToken={secret}")
    assert found.json()["services"][0]["serviceId"] == "embedded"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not service.running


async def test_embedded_that_cannot_start_says_why(tmp_path) -> None:
    (tmp_path / "home").write_text("no folder")
    with pytest.raises(EmbeddedError, match="home"):
        await Embedded(tmp_path / "home").start()


HUB = """
import asyncio, sys
from pathlib import Path
from gotapi_creation.service.embedded import Embedded

async def main():
    service = Embedded(Path(sys.argv[1]))
    await service.start()
    print(service.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_embedded_goes_with_a_hub_that_is_killed(tmp_path, until) -> None:
    hub = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HUB, str(tmp_path / "home"), stdout=asyncio.subprocess.PIPE
    )
    pid = int(await hub.stdout.readline())
    hub.kill()
    await hub.wait()

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    await until(gone)


async def test_a_real_engine_makes_a_model_in_the_service(tmp_path, png) -> None:
    """Drawn squares become a model: the order fits the worker, and the result the service."""
    service = Embedded(tmp_path / "home")
    await service.start()
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
            await check_model(http, service, tmp_path)
    finally:
        await service.stop()


async def check_model(http: httpx2.AsyncClient, service: Embedded, folder: Path) -> None:
    from PIL import Image, ImageDraw
    from websockets.asyncio.client import connect

    picture = Image.new("RGBA", (200, 300))
    ImageDraw.Draw(picture).ellipse((30, 30, 170, 270), fill=(200, 40, 40, 255))
    picture.save(folder / "front.png")
    given = {"accessToken": service.secret}
    base = f"{service.url}/3dcapi"
    found = (await http.get(f"{base}/serviceconnecting", params=given)).json()
    given["secureToken"] = found["3dContentCreationServerList"][0]["secureToken"]
    found = (await http.get(f"{base}/filetransfer", params={**given, "number": 1})).json()
    url = found["fileTransInfo"][0]["url"]
    await http.put(url, content=(folder / "front.png").read_bytes())
    begun = await http.put(f"{base}/setattribute", params={**given, "templateId": 112, "grid": 64})
    assert begun.json()["result"] == 0, begun.text
    found = (await http.get(f"{base}/snapshot", params={**given, "op": "START"})).json()
    async with asyncio.timeout(50), connect(found["websocketUrl"]) as reports:
        await reports.send(json.dumps(given))
        said = [json.loads(text) async for text in reports]
    assert said[-1]["progress"] == 1.0, said[-1]
    assert (await http.get(said[-1]["previewModelUrl"])).content[:4] == b"glTF"
    found = (await http.get(f"{base}/filereceive", params=given)).json()
    assert [one["format"] for one in found["fileTransInfo"]] == ["glb", "stl", "3mf"]
    model = await http.get(found["fileTransInfo"][0]["url"])
    assert model.content[:4] == b"glTF"
