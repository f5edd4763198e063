"""The JavaScript SDK in Node: the built file, as an application would use it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gotapi_core.server import console as console_module
from gotapi_core.testing import live_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")

SDK = Path(console_module.__file__).parent / "console" / "sdk" / "gotapi.js"
DRIVER = Path(__file__).parent / "sdk.mjs"
KEY = "5a" * 32


class Program:
    """A program in Node that does what it is told with the SDK."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.heard: list[dict[str, Any]] = []

    async def begin(self, what: str, **params: Any) -> None:
        assert self._process.stdin is not None
        line = json.dumps({"do": what, **params})
        self._process.stdin.write(line.encode() + b"\n")

    async def hear(self, member: str) -> Any:
        """Return the next answer that has a member; what comes before is kept in `heard`."""
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            while line := await self._process.stdout.readline():
                said = json.loads(line)
                if member in said:
                    return said[member]
                assert "failed" not in said or member == "message", said
                self.heard.append(said)
        raise AssertionError(f"the program ended without {member}; heard {self.heard}")

    async def do(self, what: str, **params: Any) -> Any:
        await self.begin(what, **params)
        return await self.hear("done")

    async def fail(self, what: str, **params: Any) -> str:
        await self.begin(what, **params)
        name: str = await self.hear("failed")
        return name


@pytest_asyncio.fixture(loop_scope="module")
async def program(console: None, node: str) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        node, str(DRIVER), str(SDK),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    yield Program(process)
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(20):
        assert await process.wait() == 0


@pytest_asyncio.fixture(loop_scope="module")
async def allowed(site: Any, program: Program) -> Program:
    """The program, allowed to use the lamps."""
    await program.do("open", url=site.url, origin="org.example.node", name="Node")
    await program.begin("authorize", scopes=["light"])
    assert await program.hear("pending") is True
    await site.live.allow()
    token = await program.hear("done")
    assert token["scopes"] == ["light"]
    return program


async def test_consent_then_services_then_a_call(allowed):
    [service] = await allowed.do("services")
    assert (service["serviceId"], service["name"]) == ("desk.lamp", "Desk lamp")
    answer = await allowed.do("get", path="light/state", serviceId="desk.lamp")
    assert "<b>" in answer["said"]


async def test_a_second_authorize_asks_nobody(allowed, site):
    await allowed.do("authorize", scopes=["light"])
    assert site.hub.auth.requests() == []


async def test_the_user_says_no(site, program):
    await program.do("open", url=site.url, origin="org.example.no", name="No")
    await program.begin("authorize", scopes=["light"])
    await program.hear("pending")
    await site.hub.auth.deny(await site.live.next_request())
    assert await program.hear("failed") == "ConsentDenied"


async def test_refusals_have_the_hubs_words(allowed):
    await allowed.begin("get", path="light/nothing", serviceId="desk.lamp")
    assert "nothing" in await allowed.hear("message")


async def test_without_a_token_nothing_is_sent(site, program):
    await program.do("open", url=site.url, origin="org.example.none")
    assert await program.fail("get", path="light/state") == "TokenRejected"


async def test_nobody_there(program):
    assert await program.fail("find", urls=["http://127.0.0.1:9"]) == "HubUnreachable"


async def test_the_first_hub_that_answers_is_found(site, program):
    assert (
        await program.do("find", urls=["http://127.0.0.1:9", site.url], origin="org.x") == site.url
    )


async def test_events_come_until_they_are_stopped(allowed, site):
    await allowed.do("listen", path="light/state", serviceId="desk.lamp")
    site.plugin.said.put_nowait("on")
    event = await allowed.hear("event")
    assert (event["said"], event["serviceId"], event["attribute"]) == ("on", "desk.lamp", "state")
    await allowed.do("stop")


async def test_events_end_when_the_access_is_revoked(allowed, site):
    await allowed.do("listen", path="light/state", serviceId="desk.lamp")
    [application] = site.hub.auth.applications()
    await site.hub.auth.revoke(application.id)
    assert await allowed.hear("end") == "TokenRejected"


async def test_events_go_on_after_a_restart_of_the_hub(serve_site, program, tmp_path):
    async with serve_site(tmp_path) as first:
        port = first.live.port
        await program.do("open", url=first.url, origin="org.example.node", name="Node")
        await program.begin("authorize", scopes=["light"])
        await first.live.allow()
        await program.hear("done")
        await program.do("listen", path="light/state", serviceId="desk.lamp")
    assert await program.hear("link") is False
    async with serve_site(tmp_path, port=port) as second:
        assert await program.hear("link") is True
        second.plugin.said.put_nowait("again")
        assert (await program.hear("event"))["said"] == "again"
        assert {"gap": True} in program.heard  # a hub that was restarted does not know what came
        await program.do("stop")


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
async def test_a_file_is_sent_in_pieces_and_comes_back_whole(allowed, size):
    file = await allowed.do("upload", size=size, name="m\u00f6del.gcode")
    assert (file["size"], file["name"]) == (size, "m\u00f6del.gcode")
    assert file["told"] == sorted(file["told"])
    assert not size or file["told"][-1] == size
    assert await allowed.do("download", path=file["uri"]) == size


async def test_an_upload_goes_on_over_a_restart_of_the_hub(serve_site, program, tmp_path):
    async with serve_site(tmp_path) as first:
        port = first.live.port
        await program.do("open", url=first.url, origin="org.example.node", name="Node")
        await program.begin("authorize", scopes=["light"])
        await first.live.allow()
        await program.hear("done")
        await program.begin("upload", size=40_000_000, name="long.gcode", tell=True)
        assert 0 < await program.hear("sent") < 40_000_000
    async with serve_site(tmp_path, port=port):
        file = await program.hear("done")
        assert await program.do("download", path=file["uri"]) == 40_000_000


async def test_the_token_goes_to_no_other_host(allowed):
    assert await allowed.fail("download", path="http://127.0.0.2:9/blobs/x") == "TypeError"


async def test_with_a_key_the_hub_proves_itself(site, program):
    await site.hub.auth.launch_key("org.example.keyed", KEY)
    await program.do("open", url=site.url, origin="org.example.keyed", name="Keyed", key=KEY)
    await program.begin("authorize", scopes=["light"])
    await program.hear("pending")
    await site.live.allow()
    await program.hear("done")
    assert len(await program.do("services")) == 1
    await program.do("listen", path="light/state", serviceId="desk.lamp")
    site.plugin.said.put_nowait("proved")
    assert (await program.hear("event"))["said"] == "proved"
    await program.do("stop")
    file = await program.do("upload", size=10, name="x")
    assert await program.do("download", path=file["uri"]) == 10


async def test_who_cannot_prove_it_gets_no_token(site, program):
    """Another program on the port: it hears of nothing but the question whether it is the hub."""
    heard: list[bytes] = []

    async def pose(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        body = b'{"result":0,"version":"1"}'
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
        writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(pose, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        token = {"value": "SECRET", "clientId": "c", "scopes": ["light"], "expires": 9e9}
        await program.do("open", url=url, origin="org.example.keyed", key=KEY, token=token)
        assert await program.fail("get", path="light/state") == "HubImpostor"
        assert await program.fail("upload", size=10, name="x") == "HubImpostor"
        assert await program.fail("listen", path="light/state", serviceId="x") == "HubImpostor"
    assert {one.split(b" ")[1] for one in heard} == {b"/gotapi/availability"}
    assert not any(b"SECRET" in one for one in heard)


async def test_a_key_of_another_hub_is_found_out(serve_site, program, tmp_path):
    async with live_hub(tmp_path) as live:
        await live.hub.auth.launch_key("org.example.keyed", "77" * 32)
        await program.do("open", url=live.url, origin="org.example.keyed", key=KEY)
        assert await program.fail("authorize", scopes=["all"]) == "HubImpostor"


async def test_outside_of_a_browser_no_permission_is_needed(program):
    assert await program.do("network") == {"state": "unneeded", "explain": ""}
