"""The programme on a printer that is really there: `pytest -m hil --hil-port=/dev/ttyUSB0`."""

from pathlib import Path

import pytest

from gotapi_printer.hil.bench import on_the_bench
from gotapi_printer.hil.cli import make_report, write_report
from gotapi_printer.hil.profile import Profile, read_profile
from gotapi_printer.hil.programme import Risk
from gotapi_printer.hil.report import Outcome, Result
from gotapi_printer.hil.run import run_programme
from gotapi_printer.link_serial import SerialSettings, serial_link


@pytest.mark.hil
@pytest.mark.timeout(1800)  # homing and heating of a slow printer
def test_the_programme_on_the_named_printer(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    port = pytestconfig.getoption("--hil-port")
    file = pytestconfig.getoption("--hil-profile")
    profile = read_profile(Path(file).read_bytes()) if file else Profile()
    words = {word for word in pytestconfig.getoption("--hil-allow").split(",") if word}
    known = {risk.name.lower(): risk for risk in Risk if risk is not Risk.NOTHING}
    assert words <= set(known), f"--hil-allow knows {', '.join(known)}"
    allowed = {known[word] for word in words}
    results: list[Result] = []
    with on_the_bench(lambda: serial_link(SerialSettings(port, profile.baud)), profile) as bench:
        run_programme(bench, allowed.__contains__, results.append)
        write_report(make_report(bench, port, profile, results), tmp_path / "hil-report")
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    assert not failed, f"see {tmp_path / 'hil-report.html'}"
    assert results[0].outcome is Outcome.PASSED
