"""A driver on the real serial port of a simulated printer."""

import contextlib
import threading
from pathlib import Path

import pytest

from gotapi_printer.driver import DriverSettings, PrinterDriver
from gotapi_printer.gcode import commands, scan
from gotapi_printer.link_serial import SerialSettings, serial_link
from gotapi_printer.marlin import IdentifyTiming, Timing
from gotapi_printer.session import SAFE_END, SessionSettings
from gotapi_printer.simulator.child import run_simulator
from gotapi_printer.updates import DriverState

PATIENCE = 30.0
FAST = ("--time-scale", "0", "--allow-cold-extrusion", "--boot-delay", "0.05", "--only-numbered")
OWN = {"M105", "M110 N0", "M115", "M155 S2", "M400", "M108", *(end.decode() for end in SAFE_END)}
QUICK = DriverSettings(
    retry=0.1,
    retry_stranger=0.3,
    session=SessionSettings(
        boot_wait=0.2,
        halted_wait=0.3,
        timing=Timing(reply=0.4, doubtful=0.2, resend_ok=0.2, silence=10.0),
        identify=IdentifyTiming(deadline=3.0, retry=0.3, boot=0.15),
    ),
)


class Station:
    """A driver on a port, and all updates it gave."""

    def __init__(self, port: str, simulator=None, settings=QUICK, link=None):
        self.simulator = simulator
        self.updates = []
        self.changed = threading.Condition()
        make = link or (lambda: serial_link(SerialSettings(port)))
        self.driver = PrinterDriver(make, self.on_update, settings=settings)

    def on_update(self, update):
        with self.changed:
            self.updates.append(update)
            self.changed.notify_all()

    def until(self, condition, seconds=PATIENCE):
        with self.changed:
            found = self.changed.wait_for(
                lambda: next(filter(condition, self.updates), None), seconds
            )
        assert found, f"last: {self.updates[-1:]}"
        return found

    def state(self, state):
        return self.until(lambda update: update.state is state)

    def job(self, *states):
        return self.until(lambda update: update.job is not None and update.job.state in states)

    def forget(self):
        with self.changed:
            self.updates.clear()

    def print(self, path: Path, job_id: str = "j1"):
        with path.open("rb") as file:
            facts = scan(file)
        self.driver.print_file(path, job_id, facts)

    def taken(self):
        """The commands of files that the printer took, in their order."""
        return [line for line in self.simulator.transcript() if line not in OWN]


@pytest.fixture
def station():
    """Open a station: `with station("--dialect", "prusa") as one`; it is online unless told not."""

    @contextlib.contextmanager
    def opened(*options, settings=QUICK, online=True, make_link=None, **named):
        with run_simulator(*FAST, *options, **named) as simulator:
            link = None if make_link is None else lambda: make_link(simulator.path)
            one = Station(simulator.path, simulator, settings, link)
            one.driver.start()
            try:
                if online:
                    one.state(DriverState.ONLINE)
                yield one
            finally:
                one.driver.close()
        assert not [t for t in threading.enumerate() if t.name == "printer"]

    return opened


@pytest.fixture
def bench():
    """Start a driver on a port: `bench(path, settings)`; it is closed with the test."""
    made = []

    def start(port, settings=QUICK):
        made.append(Station(port, settings=settings))
        made[-1].driver.start()
        return made[-1]

    yield start
    for one in made:
        one.driver.close()


@pytest.fixture
def gcode(tmp_path):
    """A file of 200 moves that asks for no heat, and its commands."""
    path = tmp_path / "part.gcode"
    moves = (f"G1 X{n % 100}.{n % 10} Y{n % 50} E{n / 100}\n" for n in range(200))
    path.write_text("G28\nG90\nM82\n" + "".join(moves) + "M84 X\n")
    return path


@pytest.fixture
def commands_of():
    """The commands of a file, as the printer should take them."""

    def read(path):
        with path.open("rb") as file:
            return [command.decode() for _, command in commands(file)]

    return read
