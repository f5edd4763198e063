"""Printers that misbehave, on a real port: what the job becomes, and what the user is told."""

import os
import pty
import threading
import time
import tty

import msgspec
import pytest

from gotapi_printer.driver import DriverSettings
from gotapi_printer.job import JobState
from gotapi_printer.marlin import IdentifyTiming, Limits, Timing
from gotapi_printer.session import SessionSettings
from gotapi_printer.updates import DriverState

HASTY = DriverSettings(
    retry=0.05,
    retry_stranger=0.2,
    session=SessionSettings(
        boot_wait=0.2,
        halted_wait=0.3,
        timing=Timing(reply=0.4, doubtful=0.2, resend_ok=0.2, silence=10.0),
        identify=IdentifyTiming(deadline=2.0, retry=0.3, boot=0.15),
    ),
)


def wait_until(condition):
    until = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


# -- before anything is printed ---------------------------------------------------------------


def offline(one, words):
    return one.until(lambda u: u.state is DriverState.OFFLINE and words in u.message)


def test_a_silent_printer_is_no_printer(station):
    with station("--silent", settings=HASTY, online=False) as one:
        offline(one, "answers like a printer")
        one.forget()
        offline(one, "check the baud rate")


def test_garbage_without_end_is_no_printer(station):
    with station("--babble", settings=HASTY, online=False) as one:
        offline(one, "baud rate")
        # Whatever the garbage looks like, nothing is ever printed on it.
        assert DriverState.ONLINE not in {update.state for update in one.updates}


def test_the_wrong_speed_is_no_printer(station):
    options = ("--baud", "250000", "--no-reset-on-open")
    with station(*options, settings=HASTY, online=False) as one:
        offline(one, "baud rate")


def test_a_printer_that_restarts_again_and_again_is_told_about(station):
    identify = IdentifyTiming(deadline=0.4, retry=0.3, boot=0.15)
    session = msgspec.structs.replace(HASTY.session, identify=identify)
    settings = msgspec.structs.replace(HASTY, session=session)
    with station("--reset-loop", "0.25", settings=settings, online=False) as one:
        update = one.until(lambda u: "again and again" in u.message)
        assert "power supply" in update.message
        assert update.state in (DriverState.CONNECTING, DriverState.OFFLINE)
        one.forget()
        offline(one, "again and again")


class Device:
    """A pseudo terminal whose other end says what a test tells it to."""

    def __init__(self, answer):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.lines = []
        self._answer = answer
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, data):
        os.write(self.master, data)

    def _run(self):
        rest = b""
        while True:
            try:
                data = os.read(self.master, 4096)
            except OSError:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line == b"end":
                    return
                self.lines.append(line)
                self.say(self._answer(line))

    def close(self):
        os.write(self.slave, b"end\n")
        self._thread.join(10.0)
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def device():
    made = []

    def make(answer):
        made.append(Device(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def plain(line):
    """Marlin's answers, without any checking."""
    command = line.partition(b"*")[0].split(b" ", 1)[-1]
    if command == b"M105":
        return b"ok T:20.0 /0.0 B:20.0 /0.0 @:0 B@:0\n"
    if command == b"M115":
        return b"FIRMWARE_NAME:Marlin 2.1\nCap:EMERGENCY_PARSER:1\nok\n"
    return b"ok\n" if line else b""


@pytest.fixture
def driven(device, bench):
    """A driver on a device: `driven(answer)` gives both."""

    def make(answer, settings=HASTY, *, online=True):
        made = device(answer)
        one = bench(made.path, settings)
        if online:
            one.state(DriverState.ONLINE)
        return one, made

    return make


def test_garbage_that_looks_like_a_printer_now_and_then_is_none(driven):
    words = [b"\xff\x00\x81ok\x92\n", b"o\xcb\x8d\n", b"\xb4!!\x9a\n", b"T:\xe2\n", b"Res\xe5: 7\n"]
    count = iter(range(10**9))
    one, _ = driven(lambda line: words[next(count) % len(words)], online=False)
    one.until(lambda u: u.state is DriverState.OFFLINE and "baud rate" in u.message)
    assert DriverState.ONLINE not in {update.state for update in one.updates}


def test_a_printer_that_halted_before_we_came_says_why(driven):
    halted = b"Error:MAXTEMP triggered, system stopped! Heater_ID: 0\n"
    healthy = threading.Event()
    one, _ = driven(lambda line: plain(line) if healthy.is_set() else halted, online=False)
    update = one.state(DriverState.HALTED)
    assert "MAXTEMP" in update.message
    assert update.fault.kind == "fatal"
    healthy.set()
    one.state(DriverState.ONLINE)


def test_a_line_without_end_costs_no_memory(driven):
    one, made = driven(plain)
    for _ in range(64):
        made.say(b"x" * 4096)
    made.say(b"\nok T:33.0 /0.0\n")
    one.until(lambda u: any(heat.actual == 33.0 for heat in u.temperatures))


# -- during a print ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("--maxtemp-at", "MAXTEMP"),
        ("--runaway-at", "Thermal Runaway"),
    ],
)
def test_a_printer_that_stops_itself_fails_the_job_with_its_words(station, gcode, fault, words):
    gcode.write_text("M104 S200\n" + "G1 X1\nG1 X2\n" * 5000)
    with station(fault, "60", settings=HASTY) as one:
        one.print(gcode)
        failed = one.job(JobState.FAILED)
        assert words in failed.job.reason
        assert failed.fault.kind == "fatal"
        one.state(DriverState.HALTED)
        taken = len(one.taken())
        one.forget()
        # Asked again and again whether it is back, and nothing of the file follows.
        wait_until(lambda: one.driver.update.state is DriverState.HALTED)
        assert len(one.taken()) == taken


@pytest.mark.parametrize("dialect", ["marlin", "klipper", "repetier", "smoothie"])
def test_the_families_stop_themselves_in_their_own_words(station, gcode, dialect):
    gcode.write_text("G28\nM104 S200\n" + "G1 X1\nG1 X2\n" * 5000)
    options = ("--dialect", dialect, "--maxtemp-at", "60")
    with station(*options, settings=HASTY) as one:
        one.print(gcode)
        failed = one.job(JobState.FAILED)
        assert failed.job.reason
        one.state(DriverState.HALTED)


def test_a_printer_that_restarts_fails_the_job(station, gcode):
    with station("--reset-at", "60", settings=HASTY) as one:
        one.print(gcode)
        failed = one.job(JobState.FAILED)
        assert "restarted" in failed.job.reason
        assert len(one.taken()) == failed.fault.line + 1, "the last line was not answered any more"
        one.forget()
        one.state(DriverState.ONLINE)


def test_a_printer_that_dies_without_a_word_fails_the_job(station, gcode):
    session = msgspec.structs.replace(HASTY.session, timing=Timing(reply=0.4, silence=2.0))
    settings = msgspec.structs.replace(HASTY, session=session)
    with station("--stall-at", "60", settings=settings) as one:
        one.print(gcode)
        assert "stopped answering" in one.job(JobState.FAILED).job.reason


@pytest.mark.parametrize("window", [0, 1, 3])
@pytest.mark.parametrize(
    "damage",
    [
        ("--lose-ok", "0.02"),
        ("--merge", "0.02"),
        ("--garble", "0.02"),
        ("--corrupt", "0.02", "--lose-ok", "0.01", "--merge", "0.01"),
    ],
    ids=" ".join,
)
def test_no_line_is_lost_or_taken_twice(station, gcode, commands_of, damage, window):
    session = msgspec.structs.replace(
        HASTY.session,
        limits=Limits(window=window),
        timing=Timing(reply=0.25, doubtful=0.1, resend_ok=0.1, silence=60.0),
    )
    settings = msgspec.structs.replace(HASTY, session=session)
    with station("--advanced-ok", *damage, "--seed", "7", settings=settings) as one:
        one.print(gcode)
        ended = one.job(JobState.DONE, JobState.FAILED, JobState.INTERRUPTED)
        assert ended.job.state is JobState.DONE, ended.job.reason
        assert one.taken() == commands_of(gcode)


# -- more or fewer oks than lines -------------------------------------------------------------


def moves(tmp_path, count=300):
    path = tmp_path / "moves.gcode"
    path.write_text("".join(f"G1 X{n}\n" for n in range(count)))
    return path


def file_lines(made):
    return [line.partition(b"*")[0].split(b" ", 1)[1] for line in made.lines if b" G1 " in line]


def test_the_second_ok_after_m108_is_no_credit(driven, tmp_path):
    """Marlin answers a stopped M109 and the M108 itself: two oks for one line."""
    reached = threading.Event()
    state = {"waiting": False}

    def answer(line):
        if b"M109" in line:
            state["waiting"] = True
            reached.set()
            return b"echo:busy: processing\n"
        if line == b"M108":
            state["waiting"] = False
            return b"ok\nok\n"
        return b"" if state["waiting"] else plain(line)

    one, made = driven(answer)
    path = tmp_path / "heat.gcode"
    path.write_text("G28\nM109 S200\n" + "".join(f"G1 X{n}\n" for n in range(300)))
    one.print(path)
    assert reached.wait(30.0)
    one.driver.stop()
    one.job(JobState.STOPPED)
    assert made.lines.count(b"M108") == 1
    assert file_lines(made) == []
    # The extra ok gave no credit: the next job is answered line by line.
    one.forget()
    one.print(moves(tmp_path), "j2")
    one.until(lambda u: u.job and u.job.id == "j2" and u.job.state is JobState.DONE)
    assert file_lines(made) == [b"G1 X%d" % n for n in range(300)]


def test_an_ok_more_for_every_tenth_line_makes_no_difference(driven, tmp_path):
    count = iter(range(10**9))
    one, made = driven(lambda line: plain(line) * (1 + (next(count) % 10 == 9)))
    one.print(moves(tmp_path))
    assert one.job(JobState.DONE).job.progress.line == 300
    assert file_lines(made) == [b"G1 X%d" % n for n in range(300)]


def test_busy_for_longer_than_the_patience_is_no_silence(driven, tmp_path):
    """Ten times the patience for a reply, filled with `busy`, costs nothing."""
    session = msgspec.structs.replace(HASTY.session, timing=Timing(reply=0.3, silence=2.0))
    settings = msgspec.structs.replace(HASTY, session=session)

    def answer(line):
        if b" G28" not in line:
            return plain(line)
        threading.Thread(target=work, daemon=True).start()
        return b""

    def work():
        for _ in range(40):
            made.say(b"echo:busy: processing\n")
            time.sleep(0.1)  # a printer that works
        made.say(b"ok\n")

    one, made = driven(answer, settings)
    path = tmp_path / "home.gcode"
    path.write_text("G28\nG1 X0\nG1 X1\n")
    one.print(path)
    one.job(JobState.DONE)
    assert file_lines(made) == [b"G1 X0", b"G1 X1"]
    assert sum(b" G28" in line for line in made.lines) == 1


def test_a_bare_shout_halts_the_printer(driven, tmp_path):
    one, made = driven(lambda line: b"!!\n" if b"G1 X100" in line else plain(line))
    one.print(moves(tmp_path))
    failed = one.job(JobState.FAILED)
    assert "halted" in failed.job.reason
    assert file_lines(made)[-1] == b"G1 X100"
