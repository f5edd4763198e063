"""A private D-Bus with a Bluetooth service of its own, and a simulated printer in the air."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gotapi_printer.simulator.child import SimulatorChild, run_simulator

ADDRESS = "C0:FF:EE:00:00:01"
FAST = ("--time-scale", "0", "--allow-cold-extrusion", "--boot-delay", "0.05")


@dataclass
class Module:
    """The module in the air, before a simulated printer."""

    process: subprocess.Popen[str]
    simulator: SimulatorChild
    address: str = ADDRESS

    def tell(self, word: str) -> None:
        """`drop`, `away` or `back`; it has happened when this returns."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == word


@contextlib.contextmanager
def _bus(folder: Path) -> Iterator[str]:
    daemon = shutil.which("dbus-daemon")
    if daemon is None or sys.platform != "linux":
        pytest.skip("dbus-daemon is not installed (on Debian: sudo apt install dbus-daemon)")
    command = [daemon, "--session", "--nofork", "--nopidfile", "--print-address=1"]
    command.append(f"--address=unix:path={folder / 'bus'}")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(5)
        process.stdout.close()


@pytest.fixture
def bluetooth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a bus on which bleak looks for org.bluez."""
    with _bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


@pytest.fixture
def make_module(bluetooth: str) -> Iterator[Callable[..., Module]]:
    """Put a module in the air: `make_module("--mtu", "23", printer=("--time-scale", "1"))`."""
    with contextlib.ExitStack() as stack:

        def make(*options: str, printer: tuple[str, ...] = FAST) -> Module:
            simulator = stack.enter_context(run_simulator(*printer))
            script = Path(__file__).with_name("fake_bluez.py")
            command = [sys.executable, str(script), "--port", simulator.path, *options]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            stack.callback(_end, process)
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            return Module(process, simulator)

        yield make


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(5)
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        stream.close()
