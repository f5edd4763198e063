"""The bench itself: every wait has an end, and says what was expected."""

from concurrent.futures import Future
from pathlib import Path

import pytest

from gotapi_printer.hil.bench import Bench, StepFailed, on_the_bench
from gotapi_printer.hil.profile import Profile
from gotapi_printer.link import Link, LinkError, LinkMissing


def no_link() -> Link:
    raise LinkMissing("there is no port x")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(no_link, Profile(), tmp_path)


def test_a_command_that_is_never_answered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.driver, "send", lambda _: Future())
    with pytest.raises(StepFailed, match=r"M105 was not answered within 0 s"):
        bench.ask("M105", 0.0)


def test_a_command_that_cannot_be_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    broken: Future[tuple[str, ...]] = Future()
    broken.set_exception(LinkError("the printer is gone"))
    monkeypatch.setattr(bench.driver, "send", lambda _: broken)
    with pytest.raises(StepFailed, match="M105 could not be sent: the printer is gone"):
        bench.ask("M105")


def test_a_file_for_a_printer_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(StepFailed, match="no file can be printed now: the printer is offline"):
        bench.begin(["G28"])
    assert bench.job is None


def test_a_wait_that_ends_says_what_was_expected(bench: Bench) -> None:
    with pytest.raises(StepFailed, match=r"expected a miracle within 0 s; the printer is offline"):
        bench.until(lambda _: False, 0.0, "a miracle")


def test_its_files_go_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gotapi_printer.driver.PrinterDriver.print_file", lambda *_: None)
    with on_the_bench(no_link, Profile()) as bench:
        bench.begin(["G28"])
        folder = bench._folder
        assert (folder / "1.gcode").read_bytes() == b"G28\n"
    assert not folder.exists()
