"""Tests that need a real printer are left out unless one is named; how many run at once."""

import os

import pytest

PER_CORE = 2  # tests at once: most of them wait for another process more than they compute
MOST = 16  # a hub, a browser and a slicer of each take memory


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return min(PER_CORE * (os.cpu_count() or 1), MOST)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hil", "hardware in the loop")
    group.addoption("--hil-port", default="", help="Serial port of a printer that may be tested.")
    group.addoption("--hil-profile", default="", help="TOML file about that printer.")
    group.addoption(
        "--hil-allow",
        default="",
        help="What the printer may do: moves, heats, halts; separated by commas.",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--hil-port"):
        return
    real = [item for item in items if item.get_closest_marker("hil")]
    if real:
        config.hook.pytest_deselected(items=real)
        items[:] = [item for item in items if item not in real]
