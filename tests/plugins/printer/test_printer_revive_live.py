"""A halted printer through a hub: what may be sent to it, and how it comes back."""

import asyncio
from typing import Any

PATIENCE = 30.0


async def test_a_halted_firmware_comes_back_by_its_own_command(desk: Any) -> None:
    async with desk("--time-scale", "0", "--dialect", "smoothie") as one:
        await one.call("put", "emergencystop")
        status = await one.until(lambda status: status["operatingStatus"] == "error")
        assert "send it M999" in status["message"]
        words = await one.refused(16, "post", "command", command="G28")
        assert "halted" in words
        assert "send it M999" in words
        async with asyncio.timeout(PATIENCE):
            # Right behind an M112 that was not read yet, it is thrown away with what waits.
            while (await one.status())["operatingStatus"] == "error":
                await one.call("post", "command", command="M999")
                await asyncio.sleep(0.2)
        await one.until(lambda status: status["operatingStatus"] == "idle")
        await one.call("post", "command", command="G28")
