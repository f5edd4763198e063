"""What each step calls wrong, on a bench that answers as it is told."""

from dataclasses import dataclass, field

import msgspec
import pytest

from gotapi_printer.hil import steps
from gotapi_printer.hil.bench import StepFailed, StepSkipped
from gotapi_printer.hil.profile import Profile
from gotapi_printer.hil.report import Entry
from gotapi_printer.job import JobState, Progress
from gotapi_printer.link import LinkFacts, LinkGone
from gotapi_printer.marlin import UNKNOWN, Box, Dialect, Firmware, Temperature
from gotapi_printer.updates import DriverState, DriverUpdate, JobReport

BOX = Box((0.0, 0.0, 0.0), (200.0, 200.0, 200.0))
KNOWN = Firmware(name="Marlin 2.1", full_area=BOX)
DONE = JobReport("step-1", JobState.DONE, Progress(line=9))
M114 = ("X:100.00 Y:100.00 Z:10.00 E:0.00 Count X:0", "ok")


class ScriptedDriver:
    """Does nothing when asked; the emergency stop may fail."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[str] = []

    def pause(self) -> None:
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")

    def stop(self) -> None:
        self.asked.append("stop")

    def emergency_stop(self) -> None:
        if self.error is not None:
            raise self.error


@dataclass
class ScriptedTranscript:
    """Has what it was given, whatever is asked for."""

    entries: dict[str, list[str]] = field(default_factory=dict)

    def now(self) -> float:
        return 1.0

    def since(self, at: float, way: str) -> list[Entry]:
        return [Entry(at, way, text) for text in self.entries.get(way, [])]


class ScriptedLink:
    """Damages the line it was told to have damaged."""

    def __init__(self, damaged: str) -> None:
        self.damaged = damaged

    def damage_next_move(self) -> None:
        pass


class ScriptedBench:
    """The newest update is always the one it was given; waits do not wait."""

    def __init__(self, **changes: object) -> None:
        self.profile = Profile()
        self.transcript = ScriptedTranscript()
        self.driver = ScriptedDriver()
        self.link: ScriptedLink | None = ScriptedLink("")
        self.dialect: Dialect = UNKNOWN
        self.answers: dict[str, tuple[str, ...]] = {"M114": M114}
        self.asked: list[str] = []
        self.job: JobReport | None = DONE
        self.resends_after = 0
        online = DriverUpdate(DriverState.ONLINE, firmware=KNOWN)
        self.update = msgspec.structs.replace(online, **changes)

    def connect(self) -> None:
        pass

    def until(self, wanted, seconds: float, expected: str) -> DriverUpdate:
        if not wanted(self.update):
            raise StepFailed(expected)
        return self.update

    def ask(self, command: str, seconds: float = 0.0) -> tuple[str, ...]:
        self.asked.append(command)
        return self.answers.get(command, ("ok",))

    def print(self, moves: list[str]) -> JobReport:
        self.update = msgspec.structs.replace(self.update, resends=self.resends_after)
        return DONE

    def begin(self, moves: list[str]) -> None:
        self.job = JobReport("step-2", JobState.PRINTING, Progress(line=9))

    def job_until(self, wanted, expected: str, seconds: float = 0.0) -> JobReport:
        return self.job or DONE

    def quiet(self, seconds: float) -> None:
        pass


def heats(name: str, actual: float | None, target: float | None = 0.0) -> tuple[Temperature, ...]:
    return (Temperature(name, actual, target),)


def fails(step, bench: ScriptedBench, words: str) -> None:
    with pytest.raises(StepFailed, match=words):
        step(bench)


def skips(step, bench: ScriptedBench, words: str) -> None:
    with pytest.raises(StepSkipped, match=words):
        step(bench)


def test_what_the_usb_descriptor_says_is_told() -> None:
    bench = ScriptedBench(link=LinkFacts("x", manufacturer="wch.cn", product="USB Serial"))
    assert steps.connect(bench)[1] == "port: wch.cn USB Serial"
    assert len(steps.connect(ScriptedBench(link=LinkFacts("x")))) == 1


@pytest.mark.parametrize("firmware", [None, Firmware()])
def test_a_printer_that_does_not_say_what_it_is(firmware: Firmware | None) -> None:
    fails(steps.capabilities, ScriptedBench(firmware=firmware), "FIRMWARE_NAME")


def test_a_printer_that_says_little() -> None:
    facts = steps.capabilities(ScriptedBench(firmware=Firmware(name="X")))
    assert facts[1:] == [
        "machine: not said, tools: 1",
        f"family: {UNKNOWN.title}",
        "can: nothing said",
    ]


@pytest.mark.parametrize("actual", [None, -14.0, 1000.0])
def test_a_sensor_that_is_cut_or_shorted(actual: float | None) -> None:
    fails(steps.temperatures, ScriptedBench(temperatures=heats("T0", actual)), "sensor and cable")


def test_a_heater_that_is_on() -> None:
    bench = ScriptedBench(temperatures=heats("B", 40.0, 60.0))
    fails(steps.temperatures, bench, "B is heated to 60 C")


def test_no_temperatures_at_all() -> None:
    fails(steps.temperatures, ScriptedBench(), "temperatures")
    skips(steps.heat, ScriptedBench(temperatures=heats("B", 20.0)), "temperature of a nozzle")


@pytest.mark.parametrize("actual", [None, 80.0])
def test_a_nozzle_that_is_warm_already(actual: float | None) -> None:
    bench = ScriptedBench(temperatures=heats("T", actual))
    skips(steps.heat, bench, "let it cool")
    assert bench.asked == []


def test_a_nozzle_that_does_not_get_warmer_is_turned_off() -> None:
    bench = ScriptedBench(temperatures=heats("T", 20.0))
    fails(steps.heat, bench, "3 C warmer than 20")
    assert bench.asked == ["M104 S45", "M104 S0"]


def test_a_printer_that_is_gone_is_not_asked_to_turn_off() -> None:
    bench = ScriptedBench(temperatures=heats("T", 20.0), state=DriverState.HALTED)
    fails(steps.heat, bench, "warmer")
    assert bench.asked == ["M104 S45"]


@pytest.mark.parametrize("firmware", [None, Firmware(name="X")])
def test_a_build_volume_that_is_not_known(firmware: Firmware | None) -> None:
    skips(steps.moves, ScriptedBench(firmware=firmware), "--profile")


def test_a_head_that_is_elsewhere() -> None:
    bench = ScriptedBench()
    bench.answers["M114"] = ("X:100.00 Y:87.20 Z:10.00 E:0.00", "ok")
    fails(steps.moves, bench, "Y is 87.2 after the moves; expected 100")


def test_a_firmware_that_does_not_say_where_it_is() -> None:
    bench = ScriptedBench()
    bench.answers["M114"] = ("ok",)
    fails(steps.moves, bench, "M114 was not answered")


def test_a_damaged_line_that_was_taken() -> None:
    bench = ScriptedBench()
    bench.link = ScriptedLink("N4 G1 X1*5")
    fails(steps.resend, bench, "took a line with a wrong checksum without asking again: N4 G1")
    bench.resends_after = 1
    assert steps.resend(bench)[1] == "asked again 1 times"


def test_no_line_that_could_be_damaged() -> None:
    fails(steps.resend, ScriptedBench(), "no numbered G1 was sent")
    bench = ScriptedBench()
    bench.link = None
    fails(steps.resend, bench, "no link")


def test_moves_that_are_sent_in_a_pause() -> None:
    bench = ScriptedBench()
    bench.transcript.entries[">"] = ["N7 M105*1\\n", "N8 G1 X1*5\\n"]
    fails(steps.pause, bench, "1 moves were sent while the file was paused: N8 G1 X1")
    assert bench.driver.asked == ["pause"]


def test_a_stop_that_leaves_a_heater_on() -> None:
    bench = ScriptedBench(temperatures=heats("T0", 180.0, 200.0))
    fails(steps.stop, bench, "T0 is still heated after the stop")
    assert bench.driver.asked == ["stop"]


class TestEmergency:
    def halted(self, **entries: list[str]) -> ScriptedBench:
        bench = ScriptedBench(state=DriverState.HALTED)
        bench.transcript.entries = {{"out": ">", "urgent": "!"}[k]: v for k, v in entries.items()}
        return bench

    def test_one_that_cannot_be_written(self) -> None:
        bench = ScriptedBench()
        bench.driver.error = LinkGone("x is gone")
        fails(steps.emergency, bench, "M112 could not be written: x is gone")

    def test_one_that_was_not_written_past_everything(self) -> None:
        fails(steps.emergency, self.halted(out=["M112\\n"]), "not written past everything")

    def test_moves_after_it(self) -> None:
        bench = self.halted(urgent=["\\nM112\\n"], out=["N9 G1 X1*5\\n"])
        fails(steps.emergency, bench, "1 moves were sent after M112")

    def test_a_printer_that_goes_on(self) -> None:
        fails(steps.emergency, ScriptedBench(), "a halted printer")

    def test_a_printer_that_says_nothing(self) -> None:
        assert "the printer said: nothing" in steps.emergency(self.halted(urgent=["M112"]))
