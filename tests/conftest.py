"""Which tests run, and how many at once."""

import os
import random
import signal
from collections import defaultdict
from collections.abc import Iterable

import pytest

PER_CORE = 2  # tests at once: many wait for another process more than they compute
MOST = 16  # a hub, a browser and a slicer of each take memory
SAMPLE = int(os.environ.get("GOTAPI_TEST_SAMPLE", "0"))
"""So many tests of each file are run, others each time; with 0 all are."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hil", "hardware in the loop")
    group.addoption("--hil-port", default="", help="Serial port of a printer that may be tested.")
    group.addoption("--hil-profile", default="", help="TOML file about that printer.")
    group.addoption(
        "--hil-allow",
        default="",
        help="What the printer may do: moves, heats, halts; separated by commas.",
    )


def pytest_configure() -> None:
    # What is started in the background of a shell ignores Ctrl-C, and so would its children.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return min(PER_CORE * (os.cpu_count() or 1), MOST)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unwanted: set[pytest.Item] = set()
    if not config.getoption("--hil-port"):
        unwanted.update(item for item in items if item.get_closest_marker("hil"))
    if SAMPLE:
        seed = config.getoption("randomly_seed", 0)
        unwanted.update(set(items) - set(sample(items, seed)))
    if unwanted:
        config.hook.pytest_deselected(items=[item for item in items if item in unwanted])
        items[:] = [item for item in items if item not in unwanted]


def sample(items: Iterable[pytest.Item], seed: object) -> Iterable[pytest.Item]:
    """Choose some test functions of each file, each with one set of parameters.

    What only an installed wheel can show is always among them.
    """
    files: dict[str, dict[str, list[pytest.Item]]] = defaultdict(lambda: defaultdict(list))
    for item in sorted(items, key=lambda one: one.nodeid):
        if item.get_closest_marker("wheel"):
            yield item
        else:
            file, _, name = item.nodeid.partition("::")
            files[file][name.partition("[")[0]].append(item)
    for file, functions in files.items():
        chance = random.Random(f"{seed} {file}")  # all workers choose the same
        for name in chance.sample(sorted(functions), min(SAMPLE, len(functions))):
            yield chance.choice(functions[name])
