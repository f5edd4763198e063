"""Printers on USB that nobody named in the settings, through a hub."""

import asyncio
from pathlib import Path
from typing import Any

from gotapi_core.client import HubClient
from gotapi_core.testing import live_hub
from gotapi_printer import plugin
from gotapi_printer.link import LinkFacts
from gotapi_printer.simulator.child import run_simulator

PATIENCE = 30.0


async def until(condition: Any) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := await condition()):  # noqa: ASYNC110  # it asks a hub
            await asyncio.sleep(0.02)
    return found


async def test_a_printer_that_is_plugged_in_becomes_a_service(
    tmp_path: Path, loaded: Any, monkeypatch: Any
) -> None:
    port = tmp_path / "ttyACM0"
    chip = LinkFacts("/dev/ttyUSB9", vendor_id=0x1A86, product_id=0x7523)
    there = [chip]
    for module in ("plugin", "serial_place"):
        monkeypatch.setattr(f"gotapi_printer.{module}.serial_ports", lambda: list(there))
    monkeypatch.setattr(plugin, "DISCOVER_EVERY", 0.05)
    monkeypatch.setattr(plugin, "SerialPlace", lambda *words: place(*words, ports=lambda: there))
    settings = {"plugins": {"printer": {"discover": "printers"}}}
    with run_simulator("--time-scale", "0", "--only-numbered", link=port):
        async with (
            live_hub(tmp_path / "home", [loaded("gotapi_printer")], settings=settings) as hub,
            HubClient(hub.url, "desk.test", "Desk") as client,
        ):
            asking = asyncio.create_task(client.authorize(["3dp"]))
            await hub.allow()
            await asking
            assert await client.services() == []
            there.append(LinkFacts(str(port), "Prusa", "MK3S", "CZPX42", 0x2C99, 2))

            async def online() -> Any:
                return [service for service in await client.services() if service.online]

            [service] = await until(online)
            assert service.id.startswith("usb-czpx42")
            there.clear()
            [still] = await client.services()
            assert still.id == service.id


place = plugin.SerialPlace
