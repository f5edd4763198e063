"""A hub with the simulated devices of `--demo`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gotapi_core.testing.process import HubProcess


@pytest.fixture
def demo_hub(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path / "home", "--demo") as hub:
        hub.wait_for_service("demo-printer.printer")
        yield hub
