"""A bench with a simulated printer on it, healthy or not."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gotapi_printer.hil import bench as bench_module
from gotapi_printer.hil import run as run_module
from gotapi_printer.hil import steps as steps_module
from gotapi_printer.hil.bench import Bench, on_the_bench
from gotapi_printer.hil.profile import Profile
from gotapi_printer.link_serial import SerialSettings, serial_link
from gotapi_printer.simulator.child import SimulatorChild, run_simulator


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for although nothing is wrong gets shorter."""
    monkeypatch.setattr(steps_module, "_WATCHED", 0.2)
    monkeypatch.setattr(run_module, "RECOVER_SECONDS", 4.0)
    monkeypatch.setattr(bench_module, "ANSWER_SECONDS", 5.0)


@pytest.fixture
def put_on_bench(quick: None, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Put a simulated printer with these options on a bench: `put_on_bench("--silent")`."""
    with ExitStack() as stack:

        def put(*options: str, profile: Profile | None = None) -> Bench:
            words = options if "--time-scale" in options else ("--time-scale", "0", *options)
            child: SimulatorChild = stack.enter_context(
                run_simulator(*words, link=tmp_path / "printer")
            )
            chosen = profile or Profile()
            made = on_the_bench(lambda: serial_link(SerialSettings(child.path)), chosen)
            bench = stack.enter_context(made)
            bench.simulator = child  # type: ignore[attr-defined]  # for the tests' own eyes
            return bench

        yield put
    assert not [one for one in threading.enumerate() if one.name == "printer"]
