"""The plug-in in Node of `examples/`: found in plugins.d, asked, killed, and back again."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gotapi_core.client import HubClient, HubRefused
from gotapi_core.host.plugin_folders import find_folders
from gotapi_core.host.ports import load_for
from gotapi_core.protocol.errors import ResultCode
from gotapi_core.testing import live_hub

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugins" / "node-clock"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


@needs_node
@pytest.mark.timeout(40)
async def test_the_clock_in_node(tmp_path: Path, until: Callable[..., Any]) -> None:
    plugins_d = tmp_path / "plugins.d"
    plugins_d.mkdir()
    (plugins_d / "clock.toml").write_text(f'folder = "{EXAMPLE}"\n')
    (found,) = find_folders(plugins_d)
    settings = {"plugins": {"node-clock": {"zone": "Asia/Tokyo"}}}
    async with live_hub(tmp_path, [load_for(found, {})], settings=settings) as live:
        await live.approve_plugin("node-clock")
        (supervisor,) = live.hub.registry
        assert supervisor.ready, supervisor.health
        assert live.hub.scope_words()["clock"] == "know what time it is"
        async with HubClient(live.url, "http://app.example", "Test") as client:
            asking = asyncio.create_task(client.authorize(["clock", "servicediscovery"]))
            await live.allow()
            await asking
            (service,) = await client.services()
            assert service.id == "clock.node-clock"

            told = await client.get("clock", "time", service.id)
            assert told["zone"] == "Asia/Tokyo"
            assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", str(told["time"]))
            with pytest.raises(HubRefused, match="there is no time zone 'Mars'") as refused:
                await client.get("clock", "time", service.id, zone="Mars")
            assert refused.value.code == ResultCode.INVALID_PARAMETER

            async with client.events("clock", "tick", service.id) as events:
                async with asyncio.timeout(9):
                    first = await anext(aiter(events))
                    os.kill(supervisor._port.pid, signal.SIGKILL)  # as the system does
                    await until(lambda: not supervisor.ready)
                    with pytest.raises(HubRefused) as away:
                        await client.get("clock", "time", service.id)
                    assert away.value.code == ResultCode.PLUGIN_SUSPENDED
                    again = await anext(aiter(events))  # the subscription outlived the crash
                assert first is not None
                assert again is not None
            assert supervisor.ready
            assert (await client.get("clock", "time", service.id))["zone"] == "Asia/Tokyo"


def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("folder = 3")
    (tmp_path / "b.toml").write_text('folder = "nowhere"')
    (tmp_path / "c.toml").write_text("x" * 5000)
    (tmp_path / "d.toml").write_bytes(b"\xff")
    (tmp_path / "e.txt").write_text("not looked at")
    found = find_folders(tmp_path)
    assert [(one.manifest.id, one.sound) for one in found] == [
        ("a", False),
        ("b", False),
        ("c", False),
        ("d", False),
    ]
    assert "Expected `str`, got `int`" in found[0].reason
    assert "No such file" in found[1].reason
    assert "larger than 4096 bytes" in found[2].reason
    assert find_folders(tmp_path / "none") == []


def test_a_python_package_in_a_folder_is_found_with_the_folder_to_import_it_from(
    tmp_path: Path,
) -> None:
    package = Path(__file__).parent / "plugins" / "echo_plugin"
    (tmp_path / "echo.toml").write_text(f'folder = "{package}"')
    (found,) = find_folders(tmp_path)
    assert (found.manifest.module, found.folder) == ("echo_plugin", package.parent)
