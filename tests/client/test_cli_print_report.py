"""What the user of `gotapi print` reads."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gotapi_core.cli.print_report import (
    BarReport,
    JsonReport,
    Outcome,
    PlainReport,
    Report,
    layer,
    percent,
    temperatures,
    time_left,
)
from gotapi_core.cli.terminal import clean, clean_lines, duration
from gotapi_core.client import PrinterStatus, PrintJob, Service

PRINTER = Service(id="p1", name="My \x1b[31mprinter")
JOB = PrintJob(
    "j1", state="printing", name="a.gcode", progress=0.256, layer=2, layers=8,
    time_left=3725, time_left_source="file",
)  # fmt: skip
STATUS = PrinterStatus(nozzle_temperature=201.4, nozzle_target=200, bed_temperature=60.2)


@given(st.text())
def test_cleaned_text_commands_no_terminal(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text)) == len(text)
    assert clean_lines(text).count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"),
     (3600, "1 h 00 min"), (90061, "25 h 01 min")],
)  # fmt: skip
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_parts_of_a_line() -> None:
    assert percent(JOB) == "25.6 %"
    assert layer(JOB) == "layer 2 of 8"
    assert layer(PrintJob("j", layer=3)) == "layer 3"
    assert temperatures(STATUS) == "nozzle 201/200 °C, bed 60 °C"
    assert time_left(JOB) == "1 h 02 min left (file)"
    assert time_left(PrintJob("j", time_left=5)) == "5 s left"


def test_what_is_not_known_is_left_out() -> None:
    nothing = PrintJob("j")
    assert (percent(nothing), layer(nothing), time_left(nothing)) == ("", "", "")
    assert temperatures(PrinterStatus()) == ""


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    report = PlainReport(clock)
    report.started(PRINTER, "j1")
    for second in range(21):
        clock.now = 100.0 + second / 2
        report.status(STATUS, JOB)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Printing on My  [31mprinter, job j1"
    assert (
        lines[1:]
        == ["Printing, 25.6 %, layer 2 of 8, nozzle 201/200 °C, bed 60 °C, 1 h 02 min left (file)"]
        * 3
    )


def test_plain_upload_and_end(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    report = PlainReport(clock)
    report.upload(1, 3)
    report.upload(2, 3)
    clock.now += 5
    report.upload(3, 3)
    report.note("a\x07\nb")
    report.ended(Outcome(0, "done", "printed"))
    report.ended(Outcome(1, "failed", "no \x1b[2Jluck"))
    out, err = capsys.readouterr()
    assert out == "Uploading: 33 %\nUploading: 100 %\nprinted\n"
    assert err == "a \nb\nno  [2Jluck\n"


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    report = JsonReport()
    for sent in range(1, 1001):
        report.upload(sent, 1000)
    report.note("hm")
    report.started(PRINTER, "j1")
    report.status(STATUS, JOB)
    report.ended(Outcome(1, "failed", "why"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["sent"] for line in lines[:-4]] == [10 * n for n in range(1, 101)]
    note, started, status, ended = lines[-4:]
    assert note == {"event": "note", "message": "hm"}
    assert started == {"event": "started", "serviceId": "p1", "jobId": "j1"}
    assert (status["nozzleTemperature"], status["job"]["timeLeft"]) == (201.4, 3725)
    assert "printQueue" not in status
    assert ended == {"event": "ended", "state": "failed", "exitCode": 1, "message": "why"}


def screen(work: Any) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=True, width=120, color_system=None)
    with BarReport(console) as report:
        work(report)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", buffer.getvalue())


def test_bar_shows_everything() -> None:
    def work(report: Report) -> None:
        report.upload(500_000, 2_000_000)
        report.started(Service(id="p1", name="[bold]x[/bold]"), "j1")
        report.status(STATUS, JOB)
        report.suspend()
        report.status(STATUS, PrintJob("j1", state="paused", progress=0.5))
        report.resume()
        report.ended(Outcome(0, "done", "a.gcode is printed"))

    text = screen(work)
    for part in ("0.5 of 2.0 MB", "Printing on [bold]x[/bold], job j1", "layer 2 of 8",
                 "1 h 02 min left (file)", "Paused", "a.gcode is printed"):  # fmt: skip
        assert part in text


def test_report_that_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Report() as report:
        report.upload(1, 2)
        report.note("x")
        report.started(PRINTER, "j")
        report.status(STATUS, JOB)
        report.resume()
        report.ended(Outcome(0, "done", "x"))
    assert capsys.readouterr() == ("", "")
