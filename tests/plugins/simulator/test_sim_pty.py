"""The simulator as a serial port: a real PTY, opened by a real pyserial."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import serial

from gotapi_printer.simulator.child import SimulatorError, run_in_thread, run_simulator
from gotapi_printer.simulator.faults import FaultPlan
from gotapi_printer.simulator.pty_host import Options, PtyHost
from gotapi_printer.simulator.pty_port import PtyPort, StartError
from gotapi_printer.simulator.pty_watch import Change, OpenWatch
from gotapi_printer.simulator.settings import Settings

DEADLINE = 8.0
FAST = Settings(instant=True)


@contextmanager
def opened(path: str) -> Iterator[serial.Serial]:
    with serial.Serial(path, 115200, timeout=DEADLINE) as port:
        yield port


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.005)


def read_to(port: serial.Serial, wanted: bytes) -> list[bytes]:
    """Read lines up to one that begins with these bytes."""
    lines: list[bytes] = []
    while not lines or not lines[-1].startswith(wanted):
        line = port.readline()
        assert line.endswith(b"\n"), f"no {wanted!r} after {lines}"
        lines.append(line[:-1])
    return lines


def drain(port: serial.Serial) -> None:
    """Read until the port fails, or until nothing comes any more."""
    while port.readline():
        pass


def booted(port: serial.Serial) -> list[bytes]:
    return read_to(port, b"echo:  M204")


@pytest.fixture
def sim():
    with run_in_thread(Options(settings=FAST, boot_delay=0.05)) as (path, _):
        yield path


def test_opening_the_port_boots_the_board_and_m105_is_answered(sim: str) -> None:
    with opened(sim) as port:
        assert booted(port)[:2] == [b"start", b"External Reset"]
        port.write(b"M105\n")
        assert port.readline() == b"ok T:21.00 /0.00 B:21.00 /0.00 @:0 B@:0\n"


def test_opening_again_boots_again_and_nothing_stale_is_read(sim: str) -> None:
    with opened(sim) as port:
        booted(port)
        port.write(b"M155 S1\nM105\n")
        # The answer stays unread; the next host must not find it.
        until(lambda: port.in_waiting > 0, "an answer")
    with opened(sim) as port:
        assert port.readline() == b"start\n"
        booted(port)
        port.write(b"M113\n")
        assert port.readline() == b"echo:M113 S2\n"


def test_bytes_sent_before_the_boot_are_answered_after_it(sim: str) -> None:
    with opened(sim) as port:
        port.write(b"M105\n")
        assert read_to(port, b"ok")[0] == b"start"


def test_the_board_hears_what_was_sent_right_before_closing(tmp_path: Path) -> None:
    transcript = tmp_path / "t.gcode"
    options = Options(settings=FAST, reset_on_open=False, transcript=transcript)
    with run_in_thread(options) as (path, _):
        with opened(path) as port:
            port.write(b"M105\n")
            read_to(port, b"ok")
            port.write(b"M104 S0\n")
        until(lambda: transcript.read_bytes() == b"M105\nM104 S0\n", "the last line")


def test_without_reset_on_open_the_state_survives() -> None:
    with run_in_thread(Options(settings=FAST, reset_on_open=False)) as (path, _):
        with opened(path) as port:
            port.write(b"M113 S7\n")
            assert port.readline() == b"ok\n"
        with opened(path) as port:
            port.write(b"M113\n")
            assert port.readline() == b"echo:M113 S7\n"


def test_a_second_opener_that_leaves_resets_nothing(sim: str) -> None:
    with opened(sim) as port:
        booted(port)
        os.close(os.open(sim, os.O_RDWR | os.O_NOCTTY))
        port.write(b"M118 same board\n")
        assert port.readline() == b"same board\n"


def test_opening_is_noticed_without_inotify_too(monkeypatch, framed) -> None:
    monkeypatch.setattr(OpenWatch, "start", lambda path: None)
    options = Options(settings=FAST, boot_delay=0.05, faults=FaultPlan(unplug_at=1))
    with run_in_thread(options) as (path, host):
        for _ in range(2):
            with opened(path) as port:
                assert booted(port)[0] == b"start"
            until(lambda: not host._host_there, "the closing")
        with opened(path) as port:
            booted(port)
            port.write(framed(1, "G90").encode() + b"\n")
            with pytest.raises(serial.SerialException):
                drain(port)


class TestWatch:
    def test_changes_come_in_order(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.touch()
        watch = OpenWatch.start(str(file))
        assert watch is not None
        assert watch.changes() == []
        descriptor = os.open(file, os.O_RDWR)
        os.close(descriptor)
        assert watch.changes() == [Change.OPENED, Change.CLOSED]
        file.unlink()  # the watch itself ends: neither an opening nor a closing
        assert Change.OPENED not in watch.changes()
        watch.close()

    def test_a_path_that_is_not_there(self, tmp_path: Path) -> None:
        assert OpenWatch.start(str(tmp_path / "nothing")) is None

    @pytest.mark.parametrize(
        "library", [SimpleNamespace(), SimpleNamespace(inotify_init1=lambda f: -1)]
    )
    def test_a_system_without_inotify(self, monkeypatch, library) -> None:
        monkeypatch.setattr("ctypes.CDLL", lambda *args, **options: library)
        assert OpenWatch.start("/") is None


def test_closing_during_the_bootloader_is_noticed() -> None:
    with run_in_thread(Options(settings=FAST, boot_delay=0.3)) as (path, host):
        with opened(path):
            until(lambda: host._host_there, "the opening")
        until(lambda: not host._host_there, "the closing")
        with opened(path) as port:
            assert booted(port)[0] == b"start"


def test_reports_come_by_themselves_in_scaled_time() -> None:
    options = Options(time_scale=50, reset_on_open=False)
    with run_in_thread(options) as (path, _), opened(path) as port:
        port.write(b"M155 S1\n")
        before = time.monotonic()
        assert port.readline() == b"ok\n"
        assert [port.readline()[:3] for _ in range(20)] == [b" T:"] * 20
        assert time.monotonic() - before < 5  # 20 s of the printer's time


def test_a_host_that_does_not_read_does_not_stop_the_printer(tmp_path: Path) -> None:
    transcript = tmp_path / "t.gcode"
    options = Options(settings=FAST, reset_on_open=False, transcript=transcript)
    with run_in_thread(options) as (path, _), opened(path) as port:
        for _ in range(200):
            port.write(b"M115\n")  # each answer is about 1 KB: more than is kept for it
        until(lambda: transcript.read_bytes().count(b"M115") == 200, "all lines accepted")
        port.timeout = 0.2
        text = b"".join(iter(port.readline, b""))
        assert 60 < text.count(b"FIRMWARE_NAME") < 200  # the rest is lost, as on a real line
        port.write(b"M118 done\n")
        port.timeout = DEADLINE
        assert read_to(port, b"done")


class TestLink:
    def test_the_link_leads_to_the_port_and_goes_at_the_end(self, tmp_path: Path) -> None:
        link = tmp_path / "printer"
        link.symlink_to("/nonexistent")  # left behind by a crash
        with run_in_thread(Options(settings=FAST, link=link)) as (path, _):
            assert path == str(link)
            with opened(path) as port:
                assert booted(port)[0] == b"start"
        assert not link.is_symlink()

    def test_a_file_is_never_replaced(self, tmp_path: Path) -> None:
        file = tmp_path / "precious"
        file.write_text("data")
        with pytest.raises(StartError, match="cannot make the link"):
            PtyHost(Options(link=file), print).run()
        assert file.read_text() == "data"

    def test_a_link_that_now_leads_elsewhere_is_left_alone(self, tmp_path: Path) -> None:
        link = tmp_path / "printer"
        port = PtyPort(link)
        link.unlink()
        link.symlink_to("/elsewhere")
        port.close()
        assert os.readlink(link) == "/elsewhere"
        other = PtyPort(link)
        link.unlink()
        other.close()

    def test_a_transcript_that_cannot_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(StartError, match="cannot write the transcript"):
            PtyHost(Options(transcript=tmp_path / "no" / "file"), print).run()


class TestFaults:
    def test_unplug_is_an_error_within_a_second_and_the_link_goes(
        self, tmp_path: Path, framed
    ) -> None:
        link = tmp_path / "printer"
        options = Options(settings=FAST, link=link, faults=FaultPlan(unplug_at=2))
        with run_in_thread(options) as (path, host), opened(path) as port:
            booted(port)
            port.write(framed(1, "G90").encode() + b"\n")
            assert port.readline() == b"ok\n"
            before = time.monotonic()
            port.write(framed(2, "G91").encode() + b"\n")
            with pytest.raises(serial.SerialException):
                drain(port)
            assert time.monotonic() - before < 1
            assert not link.is_symlink()
            assert host.lines == 2

    def test_replug_comes_back_under_the_same_link_and_fires_once(
        self, tmp_path: Path, framed
    ) -> None:
        link = tmp_path / "printer"
        plan = FaultPlan(unplug_at=1, replug_after=0.05)
        options = Options(settings=FAST, link=link, faults=plan, boot_delay=0.05)
        with run_in_thread(options) as (path, _):
            with opened(path) as port:
                booted(port)
                port.write(framed(1, "G90").encode() + b"\n")
                with pytest.raises(serial.SerialException):
                    drain(port)
            until(link.exists, "the port's return")
            with opened(path) as port:
                assert booted(port)[0] == b"start"
                for number in (1, 2, 3):
                    port.write(framed(number, "G90").encode() + b"\n")
                    assert port.readline() == b"ok\n"

    def test_unplug_without_replug_leaves_the_simulator_waiting(self, framed) -> None:
        options = Options(settings=FAST, faults=FaultPlan(unplug_at=1), reset_on_open=False)
        with run_in_thread(options) as (path, host), opened(path) as port:
            port.write(framed(1, "G4 S5").encode() + b"\n")
            until(lambda: host._port is None, "the unplugging")
            with pytest.raises(serial.SerialException):
                drain(port)

    def test_reset_in_the_middle_of_a_job(self, framed) -> None:
        options = Options(settings=FAST, faults=FaultPlan(reset_at=2), reset_on_open=False)
        with run_in_thread(options) as (path, _), opened(path) as port:
            port.write(framed(1, "G90").encode() + b"\n")
            assert port.readline() == b"ok\n"
            port.write(framed(2, "G90").encode() + b"\n")
            assert booted(port)[:2] == [b"start", b"Watchdog Reset"]
            port.write(framed(3, "G90").encode() + b"\n")
            assert read_to(port, b"ok")[1] == b"Resend: 1"

    def test_stall_for_a_while(self, framed) -> None:
        plan = FaultPlan(stall_at=1, stall_for=0.3)
        options = Options(settings=FAST, faults=plan, reset_on_open=False)
        with run_in_thread(options) as (path, _), opened(path) as port:
            before = time.monotonic()
            port.write(framed(1, "G90").encode() + b"\n")
            assert port.readline() == b"ok\n"
            assert time.monotonic() - before >= 0.3

    def test_stall_for_ever(self, framed) -> None:
        options = Options(settings=FAST, faults=FaultPlan(stall_at=1), reset_on_open=False)
        with run_in_thread(options) as (path, host), opened(path) as port:
            port.write(framed(1, "G90").encode() + b"\n")
            until(lambda: host.lines == 1, "the stall")
            port.write(b"M105\nM112\n")
            port.timeout = 0.3
            assert port.readline() == b""


class TestChild:
    def test_a_child_serves_and_ends(self, tmp_path: Path) -> None:
        link = tmp_path / "printer"
        with run_simulator("--time-scale", "0", link=link) as sim:
            assert sim.transcript() == []
            with opened(sim.path) as port:
                booted(port)
                port.write(b"M117 50% \xc2\x85 done\n")
                assert port.readline() == b"ok\n"
            assert sim.transcript() == ["M117 50% \xc2\x85 done"]
        assert sim.process.returncode == 0
        assert not link.is_symlink()
        assert sim.transcript() == []  # the temporary file is gone

    def test_a_child_that_cannot_start(self, tmp_path: Path) -> None:
        with (
            pytest.raises(SimulatorError, match=r"named no port.*exit status"),
            run_simulator("--corrupt", "7"),
        ):
            pass

    def test_a_thread_that_cannot_start(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr("gotapi_printer.simulator.child._START_LIMIT", 0.3)
        monkeypatch.setattr("threading.excepthook", lambda info: None)
        with (
            pytest.raises(SimulatorError, match="made no port"),
            run_in_thread(Options(transcript=tmp_path)),
        ):
            pass
