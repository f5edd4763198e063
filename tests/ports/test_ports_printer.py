"""The bundled printer plug-in, unchanged, prints through every port."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.client import HubClient
from gotapi_core.host.loader import Loaded, find_module, load
from gotapi_core.testing import live_hub
from gotapi_printer.simulator.child import run_simulator

BOX = Path(__file__).parents[2] / "examples" / "box.gcode"
# What the host asks of its own accord.
HOST_OWN = re.compile(r"M105|M110.*|M115|M155 S\d|M400|M114|M85 S\d+")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("port", ["inprocess", "stdio", "websocket"])
async def test_a_box_is_printed(
    tmp_path: Path, port: str, socket_worker: Any, until: Callable[..., Any]
) -> None:
    found = find_module("printer", "gotapi_printer")
    plugins = {
        "inprocess": lambda: [load(found)],
        "stdio": lambda: [Loaded(found.manifest, isolated=True)],
        "websocket": list,
    }[port]()
    link = tmp_path / "printer-port"
    with run_simulator("--only-numbered", "--time-scale", "0", link=link) as printer:
        ports = [{"path": printer.path}]
        settings = {"plugins": {"printer": {"ports": ports}}}
        async with AsyncExitStack() as stack:
            live = await stack.enter_async_context(
                live_hub(tmp_path / "home", plugins, settings=settings)
            )
            if port == "websocket":
                await stack.enter_async_context(
                    socket_worker(live, "gotapi_printer", "printer", tmp_path)
                )
            await until(lambda: any(one.ready for one in live.hub.registry))
            client = await stack.enter_async_context(
                HubClient(live.url, "http://app.example", "Test")
            )
            asking = asyncio.create_task(client.authorize(["3dp"]))
            await live.allow()
            await asking
            (service,) = await client.services()
            stored = await client.upload(BOX)
            last = await _print(client, service.id, stored.uri)
            assert last["state"] == "done"
            assert last["progress"] == 1.0
            told = await client.get("3dp", "job/gcode", service.id, jobId=last["jobId"])
            assert (told["uri"], told["size"]) == (stored.uri, BOX.stat().st_size)
        lines = (line.partition(";")[0].strip() for line in BOX.read_text().splitlines())
        arrived = [line for line in printer.transcript() if not HOST_OWN.fullmatch(line)]
        assert arrived == [line for line in lines if line]


async def _print(client: HubClient, service_id: str, uri: str) -> dict[str, Any]:
    """Print a file once the printer is online; return the job as its last event shows it."""
    job_id = ""
    async with asyncio.timeout(40), client.events("3dp", "status", service_id) as events:
        async for event in events:
            status: Any = event.members["3dp"]
            if not job_id and status["online"]:
                answer = await client.put("3dp", "printingcommand", service_id, uri=uri)
                job_id = str(answer["jobId"])
            elif job_id and status.get("lastJob", {}).get("jobId") == job_id:
                return dict(status["lastJob"])
    raise AssertionError("the events ended")
