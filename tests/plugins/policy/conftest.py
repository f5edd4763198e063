"""A policy in front of a simulated firmware, which says what it executed."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from gotapi_printer.marlin import Box, numbered
from gotapi_printer.policy import FILE, Clamp, Decision, Pass, Policy, PolicyLimits
from gotapi_printer.simulator import firmware as core
from gotapi_printer.simulator.firmware import Firmware
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.texts import ResetCause

AREA = (200.0, 180.0, 150.0)
LIMITS = PolicyLimits(nozzle=230.0, bed=90.0)


@dataclass
class Bench:
    """What the policy lets through goes to the firmware; `executed` are its commands' codes."""

    policy: Policy
    firmware: Firmware
    executed: list[str]
    number: int = 0
    now: float = 1.0
    said: list[str] = field(default_factory=list)

    def give(self, line: bytes, sender=FILE) -> Decision:
        decision = self.policy.judge(line, sender)
        if isinstance(decision, Pass | Clamp):
            self.send(decision.line)
            if self.policy.place.lost:
                self.locate()
        return decision

    def send(self, command: bytes) -> None:
        self.number += 1
        self.now += 1.0
        self.firmware.receive(numbered(self.number, command), self.now)
        # Waits for a user or for seconds end at once.
        while self.firmware.machine.waiting_for_user:
            self.firmware.receive(b"M108\n", self.now)
            self.executed.remove("M108")
        machine = self.firmware.machine
        for reports in (
            machine.temperature_reports, machine.position_reports, machine.card_reports
        ):  # fmt: skip
            reports.every(0, self.now)  # what comes for ever is not waited for
        while (due := self.firmware.next_wakeup()) is not None and due < self.now + 1e6:
            self.now = due
            self.firmware.poll(due)
        self.said = self.firmware.output().decode("latin-1").splitlines()

    def locate(self) -> None:
        """Ask for the position, as the session does where the policy lost it."""
        self.send(b"M114")
        self.executed.pop()
        [line] = [line for line in self.said if line.startswith("X:")]
        self.policy.report(tuple(float(part[2:]) for part in line.split()[:3]))


@pytest.fixture
def make_bench(monkeypatch) -> Callable[[], Bench]:
    def make() -> Bench:
        executed: list[str] = []

        def recorded(code, handler):
            def handle(machine, args):
                executed.append(code)
                return handler(machine, args)

            return handle

        commands = {code: recorded(code, handler) for code, handler in ORIGINAL.items()}
        monkeypatch.setattr(core, "COMMANDS", commands)
        firmware = Firmware(Settings(area=AREA, instant=True))
        firmware.reset(0.0, ResetCause.POWER)
        firmware.output()
        policy = Policy(LIMITS, Box((0.0, 0.0, 0.0), AREA))
        bench = Bench(policy, firmware, executed)
        bench.locate()
        return bench

    return make


ORIGINAL = dict(core.COMMANDS)
