"""Each firmware family, as simulated, printed on through a real port."""

import contextlib

import msgspec
import pytest

from gotapi_printer.driver import DriverSettings
from gotapi_printer.job import JobState
from gotapi_printer.link import LinkError
from gotapi_printer.marlin import DIALECTS, IdentifyTiming
from gotapi_printer.session import SessionSettings
from gotapi_printer.simulator.dialects import DIALECTS as SIMULATED
from gotapi_printer.updates import DriverState

QUICK = DriverSettings(session=SessionSettings(identify=IdentifyTiming(retry=0.3)))
# The others do not see by the numbers that a line is missing.
COUNTING = [name for name, dialect in DIALECTS.items() if dialect.counts]


def test_every_family_of_the_table_is_simulated():
    assert SIMULATED.keys() == DIALECTS.keys()


@pytest.mark.parametrize("name", DIALECTS)
def test_each_family_is_known_and_prints_each_line_once(station, gcode, commands_of, name):
    with station("--dialect", name) as one:
        firmware = one.driver.update.firmware
        assert firmware.dialect.name == name
        one.print(gcode)
        one.job(JobState.DONE)
        assert one.taken() == commands_of(gcode)
        one.until(lambda update: update.temperatures)
        assert one.driver.update.resends == 0


@pytest.mark.parametrize("name", COUNTING)
def test_damaged_lines_come_again(station, gcode, commands_of, name):
    with station("--dialect", name, "--corrupt", "0.02", "--seed", "3") as one:
        one.print(gcode)
        ended = one.job(JobState.DONE, JobState.FAILED)
        assert ended.job.state is JobState.DONE, ended.job.reason
        assert one.taken() == commands_of(gcode)


@pytest.mark.parametrize("name", DIALECTS)
def test_each_family_answers_a_command(station, name):
    with station("--dialect", name) as one:
        said = one.driver.send("M105").result(20.0)
        assert any("T" in line for line in said)


@pytest.mark.parametrize("name", DIALECTS)
def test_an_emergency_stop_ends_the_job(station, gcode, name):
    with station("--dialect", name) as one:
        gcode.write_text("G28\n" + "".join(f"G1 X{n % 200} F6000\n" for n in range(50_000)))
        one.print(gcode)
        one.until(lambda update: update.job is not None and update.job.progress.line > 20)
        one.driver.emergency_stop()
        one.job(JobState.STOPPED)
        assert one.driver.update.state is DriverState.HALTED
        assert one.driver.update.fault.kind == "emergency"


@pytest.mark.parametrize(
    ("name", "revive"),
    [("klipper", "FIRMWARE_RESTART"), ("repetier", "M999"), ("smoothie", "M999")],
)
def test_a_halted_firmware_goes_on_after_its_own_command(station, name, revive):
    with station("--dialect", name) as one:
        one.driver.emergency_stop()
        halted = one.state(DriverState.HALTED)
        assert f"send it {revive}" in halted.message
        with pytest.raises(LinkError, match="halted"):
            one.driver.send("G28").result(20.0)
        one.forget()
        # Right behind an M112 that was not read yet, it is thrown away with what waits.
        for _ in range(60):
            one.driver.send(revive)
            with contextlib.suppress(AssertionError):
                one.until(lambda update: update.state is DriverState.ONLINE, seconds=1.0)
                break
        assert one.driver.update.state is DriverState.ONLINE


def test_a_refused_move_fails_the_job_and_not_the_printer(station, gcode):
    gcode.write_text("G28\nG1 X10\nG1 X9000\n" + "G1 X1\nG1 X2\n" * 50_000)
    with station("--dialect", "klipper") as one:
        one.print(gcode)
        failed = one.job(JobState.FAILED)
        assert "refuses a command of the file" in failed.job.reason
        assert one.driver.update.state is DriverState.ONLINE
        one.driver.send("G28").result(20.0)


def test_the_targets_that_repetier_says_apart_are_known(station):
    with station("--dialect", "repetier") as one:
        one.driver.send("M104 S210").result(20.0)
        one.driver.send("M140 S60").result(20.0)

        def targets(update):
            return {heat.name: heat.target for heat in update.temperatures}

        one.until(
            lambda update: targets(update).get("T") == 210.0 and targets(update).get("B") == 60.0
        )


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_the_timer_of_the_printer_is_set_where_it_has_one(station, name):
    session = msgspec.structs.replace(QUICK.session, idle_off=600)
    settings = msgspec.structs.replace(QUICK, session=session)
    with station("--dialect", name, settings=settings) as one:
        one.driver.send("M104 S50").result(20.0)
        asked = any(line.startswith("M85") for line in one.simulator.transcript())
        assert asked is DIALECTS[name].knows("M85")
