"""The driver on a link in memory, with a small firmware at its other end."""

import contextlib
import threading
import time
from collections import deque

import msgspec
import pytest

from gotapi_printer.driver import EMERGENCY, DriverSettings, PrinterDriver
from gotapi_printer.gcode import scan
from gotapi_printer.job import JobError, JobState
from gotapi_printer.link import Link, LinkBusy, LinkError, LinkFacts, LinkGone, LinkMissing
from gotapi_printer.marlin import IdentifyTiming, Limits, Timing
from gotapi_printer.requests import Pause, PrintFile
from gotapi_printer.session import SAFE_END, SessionSettings
from gotapi_printer.updates import DriverState

DEADLINE = 8.0

QUICK = DriverSettings(
    retry=0.02,
    retry_most=0.05,
    retry_stranger=0.05,
    session=SessionSettings(
        tick=0.01,
        sample=0.05,
        boot_wait=0.05,
        halted_wait=0.05,
        identify=IdentifyTiming(deadline=0.5, retry=0.1, boot=0.02),
    ),
)


class Board:
    """A firmware that takes numbered lines; a test changes its answers by `special`."""

    def __init__(self):
        self.capabilities = ["AUTOREPORT_TEMP", "EMERGENCY_PARSER"]
        self.lines = []
        self.raw = b""
        self.special = {}
        self.dead = False

    def take(self, data):
        self.raw += data
        if self.dead:
            return b""
        return b"".join(self.answer(line) for line in data.splitlines() if line)

    def answer(self, line):
        command = line.split(b"*")[0]
        if command.startswith(b"N"):
            command = command.split(b" ", 1)[1]
        self.lines.append(command)
        if command in self.special:
            reply = self.special[command]
            return reply() if callable(reply) else reply
        if command == b"M105":
            return b"ok T:21.5 /0.0 B:22.0 /0.0 @:0 B@:0\n"
        if command == b"M115":
            named = b"FIRMWARE_NAME:Test MACHINE_TYPE:Board UUID:42\n"
            return named + b"".join(b"Cap:%b:1\n" % c.encode() for c in self.capabilities) + b"ok\n"
        return b"ok\n"

    def file_lines(self):
        own = (b"M105", b"M110 N0", b"M115", b"M155 S2", b"M400", b"M108", *SAFE_END)
        return [line for line in self.lines if line not in own]


class MemoryLink(Link):
    """One connection to a board; `pull` takes the cable out."""

    def __init__(self, board, error=None):
        self.board = board
        self.error = error
        self.arrived = deque()
        self.ready = threading.Event()
        self.gone = False
        self.closed = False

    def open(self):
        if self.error is not None:
            raise self.error
        return LinkFacts("memory", manufacturer="Test")

    def push(self, data):
        if data:
            self.arrived.append(data)
            self.ready.set()

    def read(self, timeout):
        self.ready.wait(timeout)
        self.ready.clear()
        data = b""
        with contextlib.suppress(IndexError):
            while True:
                data += self.arrived.popleft()
        if not data and self.gone:
            raise LinkGone("memory is gone; check the cable")
        return data

    def write(self, data):
        if self.gone:
            raise LinkGone("memory is gone; check the cable")
        self.push(self.board.take(data))

    def write_urgent(self, data):
        self.write(data)

    def wake(self):
        self.ready.set()

    def close(self):
        self.closed = True

    def pull(self):
        self.gone = True
        self.ready.set()


class Bench:
    """A driver with its board, its links and all updates it gave."""

    def __init__(self, settings=QUICK):
        self.board = Board()
        self.links = []
        self.errors = []
        self.updates = []
        self.changed = threading.Condition()
        self.driver = PrinterDriver(self.make_link, self.on_update, settings=settings)

    def make_link(self):
        error = self.errors.pop(0) if self.errors else None
        self.links.append(MemoryLink(self.board, error))
        return self.links[-1]

    def on_update(self, update):
        with self.changed:
            self.updates.append(update)
            self.changed.notify_all()

    def until(self, condition):
        with self.changed:
            found = self.changed.wait_for(
                lambda: next(filter(condition, self.updates), None), DEADLINE
            )
            assert found, f"last: {self.updates[-1:]}"
            return found

    def state(self, state):
        return self.until(lambda update: update.state is state)

    def job(self, state):
        return self.until(lambda update: update.job is not None and update.job.state is state)

    def forget(self):
        with self.changed:
            self.updates.clear()

    def online(self):
        self.driver.start()
        return self.state(DriverState.ONLINE)

    def print(self, path, job_id="j1"):
        with path.open("rb") as file:
            facts = scan(file)
        self.driver.print_file(path, job_id, facts)


def wait_for(condition, seconds=DEADLINE):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition did not come true"
        time.sleep(0.002)


@pytest.fixture
def bench():
    made = Bench()
    yield made
    made.driver.close()
    assert not [t for t in threading.enumerate() if t.name == "printer"]


@pytest.fixture
def gcode(tmp_path):
    path = tmp_path / "part.gcode"
    path.write_text("; a part\nG28\n" + "".join(f"G1 X{n}\n" for n in range(300)) + "M84 X\n")
    return path


def holds(bench, command):
    """Make the board keep its answer to a command until `release` is called."""
    reached, link = threading.Event(), bench.links[-1]

    def answer():
        reached.set()
        return b""

    bench.board.special[command] = answer

    def release():
        del bench.board.special[command]
        link.push(b"ok\n")

    return reached, release


# -- connecting -------------------------------------------------------------------------------


def test_a_printer_is_found_and_known(bench):
    update = bench.online()
    assert update.firmware.machine == "Board"
    assert update.link.manufacturer == "Test"
    assert bench.until(lambda u: u.temperatures).temperatures[0].actual == 21.5
    wait_for(lambda: b"M155 S2" in bench.board.lines)
    states = [update.state for update in bench.updates]
    assert states[0] is DriverState.CONNECTING


def test_starting_twice_makes_one_thread(bench):
    bench.online()
    bench.driver.start()
    assert len([t for t in threading.enumerate() if t.name == "printer"]) == 1


def test_a_port_that_is_missing_or_busy_is_tried_until_it_is_there(bench):
    bench.errors = [LinkMissing("there is no port x; plug the printer in"), LinkBusy("x is in use")]
    update = bench.online()
    messages = [update.message for update in bench.updates if update.state is DriverState.OFFLINE]
    assert messages == ["there is no port x; plug the printer in", "x is in use"]
    assert update.state is DriverState.ONLINE
    assert all(link.closed for link in bench.links[:-1])


def test_what_is_not_a_printer_says_what_to_check(bench):
    bench.board.dead = True
    bench.driver.start()
    update = bench.state(DriverState.OFFLINE)
    assert "answers like a printer" in update.message
    assert "baud" in update.message
    bench.board.dead = False
    bench.state(DriverState.ONLINE)


def test_the_driver_outlives_a_mistake_in_its_factory(bench, caplog):
    bench.errors = [RuntimeError("a mistake")]
    bench.driver.start()
    assert "a mistake" in bench.state(DriverState.OFFLINE).message
    bench.state(DriverState.ONLINE)
    assert "printer thread" in caplog.text


def test_the_driver_outlives_a_mistake_of_its_owner(gcode, caplog):
    calls = []

    def on_update(update):
        calls.append(update)
        raise RuntimeError("the loop is closed")

    board = Board()
    driver = PrinterDriver(lambda: MemoryLink(board), on_update, settings=QUICK)
    driver.start()
    try:
        wait_for(lambda: driver.update.state is DriverState.ONLINE)
        with gcode.open("rb") as file:
            driver.print_file(gcode, "j1", scan(file))
        wait_for(lambda: driver.update.job and driver.update.job.state is JobState.DONE)
    finally:
        driver.close()
    assert calls
    assert "did not take its update" in caplog.text


def test_nothing_is_done_before_start():
    driver = PrinterDriver(lambda: MemoryLink(Board()), lambda update: None)
    with pytest.raises(LinkGone, match="power switch"):
        driver.emergency_stop()
    driver.close()
    assert driver.update.state is DriverState.OFFLINE


def test_a_reconnect_closes_and_opens_the_link(bench):
    bench.online()
    bench.forget()
    bench.driver.reconnect()
    bench.state(DriverState.ONLINE)
    assert len(bench.links) == 2
    assert bench.links[0].closed


def test_close_ends_thread_and_link(bench):
    bench.online()
    bench.driver.close()
    assert bench.updates[-1].state is DriverState.CLOSED
    assert bench.links[-1].closed
    assert DriverState.OFFLINE not in [update.state for update in bench.updates]


# -- printing ---------------------------------------------------------------------------------


def test_a_file_is_printed_line_by_line(bench, gcode):
    bench.online()
    bench.print(gcode)
    update = bench.job(JobState.DONE)
    assert bench.board.file_lines() == [b"G28", *[b"G1 X%d" % n for n in range(300)], b"M84 X"]
    done = update.job.progress
    assert (done.line, done.total, done.file_line, done.percent) == (302, 302, 303, 100.0)
    states = [u.job.state for u in bench.updates if u.job]
    assert states[:2] == [JobState.STARTING, JobState.PRINTING]


def test_two_files_one_after_the_other(bench, gcode):
    bench.online()
    for job_id in ("j1", "j2"):
        bench.forget()
        bench.print(gcode, job_id)
        assert bench.job(JobState.DONE).job.id == job_id
    assert len(bench.board.file_lines()) == 604


def test_a_second_file_at_the_same_time_is_refused(bench, gcode):
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.print(gcode)
    with pytest.raises(JobError, match="busy with job j1"):
        bench.print(gcode, "j2")
    assert reached.wait(DEADLINE)
    release()
    bench.job(JobState.DONE)


def test_a_printer_that_is_offline_prints_nothing(bench, gcode):
    with pytest.raises(LinkError, match="offline"):
        bench.print(gcode)


def test_pause_holds_the_file_and_resume_goes_on(bench, gcode):
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.driver.pause()
    assert bench.job(JobState.PAUSED).job.progress.line == 51
    release()
    # While paused, commands go out and file lines do not.
    assert bench.driver.send("M117 hi").result(DEADLINE) == ()
    assert bench.board.file_lines()[-2:] == [b"G1 X50", b"M117 hi"]
    bench.driver.resume()
    bench.job(JobState.DONE)
    assert bench.board.file_lines()[-2:] == [b"G1 X299", b"M84 X"]


def test_pause_resume_and_stop_without_a_job_do_nothing(bench):
    bench.online()
    for ask in (bench.driver.pause, bench.driver.resume, bench.driver.stop):
        ask()
    assert bench.driver.send("M114").result(DEADLINE) == ()
    assert not set(bench.board.lines) & set(SAFE_END)


def test_stop_ends_within_the_lines_in_flight_and_turns_everything_off(bench, gcode):
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.driver.stop("by its user")
    bench.job(JobState.STOPPING)
    release()
    update = bench.job(JobState.STOPPED)
    assert update.job.reason == "by its user"
    assert bench.board.file_lines()[-1] == b"G1 X50"
    after = bench.board.lines[bench.board.lines.index(b"G1 X50") + 1 :]
    assert [line for line in after if line != b"M105"] == [b"M108", *SAFE_END]
    assert bench.driver.send("M114").result(DEADLINE) == ()


def test_stop_twice_is_stop_once(bench, gcode):
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.driver.stop()
    bench.driver.stop()
    bench.job(JobState.STOPPING)
    release()
    bench.job(JobState.STOPPED)
    assert bench.board.lines.count(b"M84") == 1


def test_no_m108_without_an_emergency_parser(bench, gcode):
    bench.board.capabilities = []
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.driver.stop()
    bench.job(JobState.STOPPING)
    release()
    bench.job(JobState.STOPPED)
    assert b"M108" not in bench.board.lines


def test_stop_while_paused(bench, gcode):
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.driver.pause()
    bench.job(JobState.PAUSED)
    bench.driver.stop()
    release()
    bench.job(JobState.STOPPED)


def test_a_file_that_changed_or_went_away_is_not_printed(bench, gcode):
    bench.online()
    with gcode.open("rb") as file:
        facts = scan(file)
    gcode.write_text("G28\n")
    bench.driver.print_file(gcode, "j1", facts)
    assert "changed since it was checked" in bench.job(JobState.FAILED).job.reason
    bench.forget()
    gcode.unlink()
    bench.driver.print_file(gcode, "j2", facts)
    assert "cannot be printed" in bench.job(JobState.FAILED).job.reason
    assert bench.board.file_lines() == []


def test_a_file_that_breaks_in_the_middle_fails_and_turns_the_heaters_off(bench, gcode):
    bench.online()
    with gcode.open("rb") as file:
        facts = scan(file)
    text = gcode.read_bytes()
    gcode.write_bytes(text[:-10] + b"\0" * 10)
    bench.driver.print_file(gcode, "j1", facts)
    update = bench.job(JobState.FAILED)
    assert "no text file" in update.job.reason
    assert update.fault.kind == "file"
    wait_for(lambda: b"M84" in bench.board.lines)
    assert b"M104 S0" in bench.board.lines


# -- faults -----------------------------------------------------------------------------------


def test_a_pulled_cable_interrupts_the_job_with_its_exact_line(bench, gcode):
    bench.online()
    reached, _ = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    pulled = time.monotonic()
    bench.links[-1].pull()
    update = bench.job(JobState.INTERRUPTED)
    assert time.monotonic() - pulled < 1.0
    assert update.job.progress.line == 51
    fault = bench.until(lambda u: u.fault).fault
    assert (fault.kind, fault.job_id, fault.line, fault.file_line) == ("link", "j1", 51, 52)
    assert "cable" in bench.state(DriverState.OFFLINE).message
    del bench.board.special[b"G1 X50"]
    bench.forget()
    bench.state(DriverState.ONLINE)
    wait_for(lambda: b"M84" in bench.board.lines)
    after = bench.board.lines[bench.board.lines.index(b"M104 S0") :]
    assert [line for line in after if line != b"M105"] == list(SAFE_END), "heaters off, and no more"
    assert bench.board.file_lines()[-1] == b"G1 X50", "an interrupted job is not started again"


def test_an_ok_that_arrived_with_the_end_of_the_link_still_counts(bench, gcode):
    bench.online()
    link = bench.links[-1]

    def last_words():
        link.gone = True
        return b"ok\n"

    bench.board.special[b"G1 X50"] = last_words
    bench.print(gcode)
    bench.job(JobState.INTERRUPTED)
    assert bench.until(lambda u: u.fault).fault.line == 52


def test_an_ok_that_arrived_before_a_failing_write_still_counts(gcode):
    session = msgspec.structs.replace(QUICK.session, limits=Limits(window=2))
    bench = Bench(msgspec.structs.replace(QUICK, session=session))
    bench.online()

    def fail():
        bench.links[-1].gone = True
        raise LinkGone("memory is gone; check the cable")

    # Both lines are written in one go: the ok of the first has arrived and was not read yet.
    reached, release = holds(bench, b"G1 X48")
    bench.board.special[b"G1 X49"] = b""
    bench.board.special[b"G1 X51"] = fail
    bench.print(gcode)
    try:
        assert reached.wait(DEADLINE)
        bench.links[-1].push(b"ok\nok\n")
        bench.job(JobState.INTERRUPTED)
        assert bench.until(lambda u: u.fault).fault.line == 52, "G1 X50"
        del release
    finally:
        bench.driver.close()


def test_a_file_given_while_the_printer_is_asked_who_it_is_fails(bench, gcode):
    """`print_file` looks at the state first; the printer may restart right after that."""
    with gcode.open("rb") as file:
        request = PrintFile(gcode, "j1", scan(file))
    bench.board.dead = True
    bench.driver._ask(request)
    bench.driver.start()
    assert "asking" in bench.job(JobState.FAILED).job.reason


def test_a_file_given_while_the_port_is_missing_fails(bench, gcode):
    with gcode.open("rb") as file:
        request = PrintFile(gcode, "j1", scan(file))
    bench.errors = [LinkMissing("there is no port x")] * 500
    bench.driver._ask(request)
    bench.driver._ask(Pause())
    bench.driver.start()
    assert "no port x" in bench.job(JobState.FAILED).job.reason


def test_a_file_that_lost_lines_after_it_was_checked_fails(bench, gcode):
    bench.online()
    with gcode.open("rb") as file:
        facts = scan(file)
    text = gcode.read_bytes()
    gcode.write_bytes(text.replace(b"G1 X299\n", b";G1 X29\n"))
    bench.driver.print_file(gcode, "j1", facts)
    assert "changed while it was printed" in bench.job(JobState.FAILED).job.reason


def test_a_printer_that_waited_for_its_user_prints_again(bench, gcode):
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.board.special[b"G1 X90"] = b""
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.links[-1].push(b"echo:busy: paused for user\n")
    bench.until(lambda u: "paused for user" in u.message)
    bench.forget()
    release()
    bench.until(lambda u: u.message == "printing" and u.job.progress.line == 91)
    bench.links[-1].push(b"ok\n")
    bench.job(JobState.DONE)


def test_close_may_be_called_in_an_update():
    board, closed = Board(), threading.Event()

    def on_update(update):
        if update.state is DriverState.ONLINE:
            driver.close()
        if update.state is DriverState.CLOSED:
            closed.set()

    driver = PrinterDriver(lambda: MemoryLink(board), on_update, settings=QUICK)
    driver.start()
    assert closed.wait(DEADLINE)
    driver.close()


def test_a_device_that_holds_the_thread_is_reported(bench, caplog):
    bench.online()
    gate = threading.Event()
    bench.board.special[b"M117"] = lambda: b"ok\n" if gate.wait(DEADLINE) else b""
    bench.driver._settings = msgspec.structs.replace(QUICK, close_wait=0.01)
    bench.driver.send("M117")
    wait_for(lambda: b"M117" in bench.board.lines)
    bench.driver.close()
    assert "did not end" in caplog.text
    gate.set()
    bench.driver._settings = QUICK


def test_a_firmware_reset_fails_the_job_and_nothing_of_it_follows(bench, gcode):
    bench.online()
    bench.board.special[b"G1 X50"] = b"start\nPowerUp\necho:Marlin\n"
    bench.print(gcode)
    update = bench.job(JobState.FAILED)
    assert "restarted" in update.job.reason
    bench.forget()
    bench.state(DriverState.ONLINE)
    assert bench.board.file_lines()[-1] == b"G1 X50"
    assert b"M104 S0" not in bench.board.lines
    assert len(bench.links) == 1
    assert update.fault.line == 51


def test_a_halted_printer_waits_for_its_user(bench, gcode):
    bench.online()

    def halt():
        bench.board.dead = True
        runaway = b"Error:Thermal Runaway, system stopped! Heater_ID: 0\n"
        return runaway + b"Error:Printer halted. kill() called!\n"

    bench.board.special[b"G1 X50"] = halt
    bench.print(gcode)
    update = bench.state(DriverState.HALTED)
    assert "Thermal Runaway" in update.message
    assert update.job.state is JobState.FAILED
    assert update.fault.kind == "fatal"
    with pytest.raises(LinkError, match="halted"):
        bench.print(gcode, "j2")
    bench.board.dead = False
    bench.forget()
    bench.links[-1].push(b"start\n")
    bench.state(DriverState.ONLINE)
    wait_for(lambda: b"M84" in bench.board.lines)


def test_a_silent_printer_fails_the_job(gcode):
    timing = Timing(reply=0.05, silence=0.3)
    settings = msgspec.structs.replace(
        QUICK, session=msgspec.structs.replace(QUICK.session, timing=timing, limits=Limits())
    )
    bench = Bench(settings)
    bench.online()

    def die():
        bench.board.dead = True
        return b""

    bench.board.special[b"G1 X50"] = die
    bench.print(gcode)
    try:
        update = bench.job(JobState.FAILED)
        assert "stopped answering" in update.job.reason
        assert (update.fault.kind, update.fault.line) == ("silent", 51)
        assert bench.state(DriverState.OFFLINE).fault == update.fault
    finally:
        bench.driver.close()


def test_an_emergency_stop_writes_m112_and_nothing_after_it(bench, gcode):
    bench.online()
    reached, _ = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)

    def halt():
        bench.board.dead = True
        return b"echo:M112 Shutdown\nError:Printer halted. kill() called!\n"

    bench.board.special[b"M112"] = halt
    bench.driver.emergency_stop()
    assert EMERGENCY in bench.board.raw, "written by the calling thread"
    update = bench.until(
        lambda u: u.state is DriverState.HALTED and u.job.state is JobState.STOPPED
    )
    assert update.fault.kind == "emergency"
    assert update.fault.line == 51
    assert b"G1" not in bench.board.raw.split(EMERGENCY)[1]


def test_an_answer_that_is_quicker_than_the_caller_of_an_emergency_stop_is_no_fault(bench, gcode):
    bench.online()
    reached, _ = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.board.special[b"M112"] = b"Error:Printer halted. kill() called!\n"
    link, write = bench.links[-1], bench.links[-1].write

    def slow(data):
        write(data)
        # The caller's thread gets no time before the driver has dealt with the answer.
        bench.state(DriverState.HALTED)

    link.write_urgent = slow
    bench.driver.emergency_stop()
    bench.job(JobState.STOPPED)
    assert not [u for u in bench.updates if u.job and u.job.state is JobState.FAILED]
    assert bench.driver.update.fault.kind == "emergency"


def test_an_emergency_stop_that_cannot_be_written_still_ends_the_job(bench, gcode):
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)

    def full(data):
        raise LinkGone("memory takes no data")

    bench.links[-1].write_urgent = full
    with pytest.raises(LinkGone, match="no data"):
        bench.driver.emergency_stop()
    bench.job(JobState.STOPPED)
    release()
    # It goes on living: what is hot is turned off, and nothing of the file follows.
    bench.forget()
    bench.state(DriverState.ONLINE)
    wait_for(lambda: SAFE_END[0] in bench.board.lines)
    assert b"G1 X51" not in bench.board.lines


def test_an_emergency_stop_without_a_job(bench):
    bench.online()
    bench.driver.emergency_stop()
    update = bench.state(DriverState.HALTED)
    assert update.job is None
    assert update.fault.kind == "emergency"


def test_an_emergency_stop_of_a_job_that_stops(bench, gcode):
    bench.online()
    reached, _ = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.driver.stop()
    bench.job(JobState.STOPPING)
    bench.board.dead = True
    bench.driver.emergency_stop()
    assert bench.state(DriverState.HALTED).job.state is JobState.STOPPED


def test_close_in_the_middle_interrupts_the_job(bench, gcode):
    bench.online()
    reached, _ = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.driver.close()
    assert "closed during the job" in bench.job(JobState.INTERRUPTED).job.reason


# -- what the printer says --------------------------------------------------------------------


def test_the_printer_pauses_and_resumes_itself(bench, gcode):
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.links[-1].push(b"//action:paused\n")
    bench.job(JobState.PAUSED)
    bench.links[-1].push(b"//action:resumed\n")
    bench.until(lambda u: u.message == "printing" and u.job.progress.line == 51)
    release()
    bench.job(JobState.DONE)


def test_the_printer_cancels_itself(bench, gcode):
    bench.online()
    reached, release = holds(bench, b"G1 X50")
    bench.print(gcode)
    assert reached.wait(DEADLINE)
    bench.links[-1].push(b"// action:cancel\n")
    assert bench.job(JobState.STOPPING).job.reason == "cancelled at the printer"
    release()
    bench.job(JobState.STOPPED)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"//action:notification Door open\n", "Door open"),
        (b"//action:out_of_filament\n", "out of filament"),
        (b"//action:prompt_begin Change filament\n", "Change filament"),
        (b"echo:busy: paused for user\n", "paused for user"),
    ],
)
def test_the_printer_has_something_to_say(bench, line, text):
    bench.online()
    bench.links[-1].push(line)
    bench.until(lambda u: text in u.message)


def test_the_printer_may_not_shut_the_computer_down(bench):
    bench.online()
    bench.links[-1].push(b"//action:shutdown\nX:1.0 Y:2.0 Z:3.0 E:0.0\nError:volume.init failed\n")
    assert bench.until(lambda u: u.position).position.axes["Y"] == 2.0
    assert bench.driver.update.state is DriverState.ONLINE


# -- commands of the user ---------------------------------------------------------------------


def test_a_command_gets_its_answer(bench):
    bench.online()
    bench.board.special[b"M503"] = b"echo:; Steps per unit:\necho: M92 X80\nok\n"
    first, second = bench.driver.send("M503"), bench.driver.send("M114")
    assert first.result(DEADLINE) == ("echo:; Steps per unit:", "echo: M92 X80")
    assert second.result(DEADLINE) == ()


@pytest.mark.parametrize("command", ["", "G1\nG2", "X" * 100])
def test_what_is_no_command_is_refused(bench, command):
    bench.online()
    with pytest.raises(ValueError, match="command"):
        bench.driver.send(command).result(DEADLINE)


def test_commands_to_a_printer_that_is_not_there_are_refused(bench):
    bench.errors = [LinkMissing("there is no port x")] * 500
    bench.driver.start()
    bench.state(DriverState.OFFLINE)
    with pytest.raises(LinkGone, match="no port x"):
        bench.driver.send("M114").result(DEADLINE)


def test_commands_while_the_printer_is_asked_who_it_is_are_refused(bench):
    bench.board.dead = True
    bench.driver.start()
    bench.state(DriverState.CONNECTING)
    with pytest.raises(LinkError):
        bench.driver.send("M114").result(DEADLINE)


def test_too_many_commands_are_refused(bench):
    bench.online()
    reached, release = holds(bench, b"M400 X")
    answers = [bench.driver.send("M400 X") for _ in range(70)]
    assert reached.wait(DEADLINE)
    with pytest.raises(LinkError, match="busy"):
        answers[-1].result(DEADLINE)
    release()
    assert answers[0].result(DEADLINE) == ()


def test_a_cancelled_command_is_not_sent(bench):
    answer = bench.driver.send("M117 never")
    assert answer.cancel()
    bench.online()
    assert bench.driver.send("M117 now").result(DEADLINE) == ()
    assert b"M117 never" not in bench.board.lines


def test_a_command_whose_printer_vanishes_fails(bench):
    bench.online()
    reached, _ = holds(bench, b"G28")
    answer = bench.driver.send("G28")
    assert reached.wait(DEADLINE)
    bench.links[-1].pull()
    with pytest.raises(LinkGone, match="before it answered"):
        answer.result(DEADLINE)


# -- prompts ----------------------------------------------------------------------------------

ASKS = (
    b"//action:prompt_end\n//action:prompt_begin Change the spool\n//action:prompt_button Purge\n"
    b"//action:prompt_button Continue\n//action:prompt_show\necho:busy: paused for user\n"
)


def asking(bench, gcode):
    """Print up to a line where the board asks its user; returns the update that shows it."""
    bench.online()
    bench.board.special[b"G1 X50"] = ASKS
    bench.print(gcode)
    return bench.until(lambda u: u.prompt is not None)


def test_a_prompt_is_kept_and_its_answer_goes_out_at_once(bench, gcode):
    bench.board.capabilities.append("PROMPT_SUPPORT")
    prompt = asking(bench, gcode).prompt
    assert (prompt.text, prompt.choices) == ("Change the spool", ("Purge", "Continue"))
    bench.board.special[b"M876 S1"] = b"ok\nok\n"  # that of the line that waited, and its own
    bench.forget()
    bench.driver.answer(prompt.number, 1)
    bench.until(lambda u: u.prompt is None)
    bench.job(JobState.DONE)
    assert b"\nM876 S1\n" in bench.board.raw


def test_a_printer_that_knows_no_choices_is_answered_with_m108(bench, gcode):
    prompt = asking(bench, gcode).prompt
    bench.board.special[b"M108"] = b"ok\nok\n"
    bench.driver.answer(prompt.number, 1)
    bench.job(JobState.DONE)
    assert b"M876" not in bench.board.raw


def test_an_answer_to_another_prompt_is_not_sent(bench, gcode):
    prompt = asking(bench, gcode).prompt
    bench.driver.answer(prompt.number + 1, 0)
    answer = bench.driver.send("M114")
    assert b"M108" not in bench.board.raw
    bench.links[-1].push(b"ok\n")
    answer.result(DEADLINE)
    assert b"M108" not in bench.board.raw


def test_a_prompt_ends_with_the_connection(bench, gcode):
    asking(bench, gcode)
    bench.forget()
    bench.links[-1].pull()
    bench.until(lambda u: u.state is DriverState.OFFLINE and u.prompt is None)
