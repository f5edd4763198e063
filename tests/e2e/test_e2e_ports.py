"""Ports that are no printer: the service says what is wrong, and a print is refused with it."""

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from gotapi_core.client import HubClient, HubRefused


@pytest.fixture
def silent_port() -> Iterator[str]:
    """A port on which nobody answers."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


async def offline_reason(client: HubClient, wanted: str) -> str:
    """Listen until the printer's message contains the words, and return its reason."""
    [service] = await client.services()
    async with client.events("3dp", "status", service.id) as events:
        async for event in events:
            status = event.members["3dp"]
            assert isinstance(status, dict)
            assert status["online"] is False
            if wanted in status.get("message", ""):
                break
    [service] = await client.services()
    assert not service.online
    return service.reason


@pytest.mark.timeout(90)
async def test_a_port_that_does_not_exist(make_hub, consented, tmp_path: Path) -> None:
    hub = make_hub(str(tmp_path / "nothing"))
    async with consented(hub) as client:
        reason = await offline_reason(client, "no port")
        assert str(tmp_path / "nothing") in reason
        [service] = await client.services()
        stored = await client.upload(Path(__file__))
        with pytest.raises(HubRefused, match="offline") as refused:
            await client.put("3dp", "printingcommand", service.id, uri=stored.uri)
        assert refused.value.code == 16
        with pytest.raises(HubRefused, match="not said yet what it is") as refused:
            await client.get("3dp", "information", service.id)
        assert refused.value.code == 16


async def test_a_port_that_another_program_holds(make_hub, consented, silent_port: str) -> None:
    with serial.Serial(silent_port, exclusive=True):
        hub = make_hub(silent_port)
        async with consented(hub) as client:
            reason = await offline_reason(client, "another program")
    assert silent_port in reason


@pytest.mark.timeout(90)
async def test_a_port_on_which_nothing_answers(make_hub, consented, silent_port: str) -> None:
    hub = make_hub(silent_port)
    async with consented(hub) as client:
        reason = await offline_reason(client, "like a printer")
    assert "baud" in reason
