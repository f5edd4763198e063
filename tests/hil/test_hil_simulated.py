"""The programme on simulated printers, healthy and faulty."""

import pytest

from gotapi_printer.hil.profile import Profile
from gotapi_printer.hil.programme import PROGRAMME, Risk
from gotapi_printer.hil.report import Outcome, Result
from gotapi_printer.hil.run import run_programme

STEPS = [step.id.value for step in PROGRAMME]


def everything(_: Risk) -> bool:
    return True


def run(bench, allow=everything) -> dict[str, Result]:
    told: list[Result] = []
    results = run_programme(bench, allow, told.append)
    assert told == results
    assert [result.id for result in results] == STEPS
    return {result.id: result for result in results}


def outcomes(found: dict[str, Result]) -> dict[Outcome, list[str]]:
    return {
        outcome: [name for name, result in found.items() if result.outcome is outcome]
        for outcome in Outcome
    }


def test_a_healthy_printer_passes_everything(put_on_bench) -> None:
    bench = put_on_bench("--machine-type", "Healthy", "--area", "120x110x100")
    found = run(bench)
    assert outcomes(found)[Outcome.PASSED] == STEPS, found
    assert "machine: Healthy, tools: 1" in found["capabilities"].facts
    assert "within X 20 to 100, Y 20 to 90 mm" in found["moves"].facts
    assert found["resend"].facts[0].startswith("damaged: N")
    assert "Resend: " in "".join(entry.text for entry in bench.transcript.entries())
    accepted = bench.simulator.transcript()
    # Nothing was hot but for the one step, nothing was extruded, nothing came after M112.
    assert [line for line in accepted if line.startswith("M104")][:2] == ["M104 S45", "M104 S0"]
    assert not [line for line in accepted if line.startswith(("M109", "M140 S6", "M190"))]
    assert not [line for line in accepted if line.startswith("G1") and "E" in line]
    entries = bench.transcript.entries()
    stopped = next(place for place, entry in enumerate(entries) if entry.way == "!")
    assert not [one for one in entries[stopped:] if one.way == ">" and " G1 " in one.text]


def test_what_is_not_allowed_is_left_out_and_asked_once(put_on_bench) -> None:
    bench, asked = put_on_bench(), []

    def only_moves(risk: Risk) -> bool:
        asked.append(risk)
        return risk is Risk.MOVES

    found = run(bench, only_moves)
    assert outcomes(found)[Outcome.SKIPPED] == ["heat", "emergency"]
    assert asked == [Risk.HEATS, Risk.MOVES, Risk.HALTS]
    assert found["heat"].problem == "it heats, which was not allowed"
    accepted = bench.simulator.transcript()
    assert "M112" not in accepted
    assert not [line for line in accepted if line.startswith("M104 S") and line != "M104 S0"]


def test_with_nothing_allowed_the_printer_stays_still(put_on_bench) -> None:
    bench = put_on_bench()
    found = run(bench, lambda _: False)
    assert outcomes(found)[Outcome.PASSED] == ["connect", "capabilities", "temperatures"]
    bench.driver.close()
    assert not [line for line in bench.simulator.transcript() if line.startswith("G")]


def test_a_silent_printer(put_on_bench) -> None:
    found = run(put_on_bench("--silent", profile=Profile(connect_seconds=2)))
    assert found["connect"].outcome is Outcome.FAILED
    assert "expected a printer within 2 s" in found["connect"].problem
    assert outcomes(found)[Outcome.SKIPPED] == STEPS[1:]
    assert "has not passed" in found["emergency"].problem


def test_garbage_is_no_printer(put_on_bench) -> None:
    found = run(put_on_bench("--babble", profile=Profile(connect_seconds=2)))
    assert found["connect"].outcome is Outcome.FAILED


def test_a_damaged_line_is_no_reason_to_fail(put_on_bench) -> None:
    found = run(put_on_bench("--corrupt", "0.01", "--seed", "4"))
    assert not outcomes(found)[Outcome.FAILED], found


def test_a_heater_that_does_not_heat(put_on_bench) -> None:
    found = run(put_on_bench("--broken-heater", profile=Profile(heat_seconds=1.0)))
    assert outcomes(found)[Outcome.FAILED] == ["heat"], found["emergency"]
    assert "expected the nozzle to get 3 C warmer" in found["heat"].problem
    assert found["moves"].outcome is Outcome.PASSED


def test_an_endstop_that_never_closes(put_on_bench) -> None:
    found = run(put_on_bench("--broken-endstop"))
    assert outcomes(found)[Outcome.FAILED] == ["moves"]
    assert "Homing Failed" in found["moves"].problem or "halted" in found["moves"].problem
    assert outcomes(found)[Outcome.SKIPPED] == ["resend", "pause", "stop", "emergency"]


def test_a_board_that_reboots_in_the_middle(put_on_bench) -> None:
    found = run(put_on_bench("--reset-at", "30"))
    failed = outcomes(found)[Outcome.FAILED]
    assert len(failed) == 1, found["emergency"]
    assert failed[0] in ("moves", "resend")


def test_a_cable_pulled_in_the_middle(put_on_bench) -> None:
    found = run(put_on_bench("--unplug-at", "60"))
    assert outcomes(found)[Outcome.FAILED] == ["resend"]
    assert "gone" in found["resend"].problem or "offline" in found["resend"].problem
    assert "the printer is offline" in found["emergency"].problem


def test_too_hot_in_the_middle(put_on_bench) -> None:
    found = run(put_on_bench("--maxtemp-at", "60"))
    assert outcomes(found)[Outcome.FAILED] == ["resend"]
    assert "MAXTEMP" in found["resend"].problem


@pytest.mark.parametrize("dialect", ["prusa", "reprap", "repetier", "smoothie", "malyan"])
def test_other_families_pass_everything(put_on_bench, dialect: str) -> None:
    bench = put_on_bench("--dialect", dialect, profile=Profile(size=(200, 200, 200)))
    found = run(bench)
    assert outcomes(found)[Outcome.PASSED] == STEPS, found


def test_firmware_that_looks_at_no_checksum(put_on_bench) -> None:
    bench = put_on_bench("--dialect", "klipper", profile=Profile(size=(200, 200, 200)))
    found = run(bench)
    assert outcomes(found)[Outcome.FAILED] == [], found
    assert "does not look at checksums" in found["resend"].problem
    assert outcomes(found)[Outcome.SKIPPED] == ["resend"]


def test_profiles_leave_steps_out(put_on_bench) -> None:
    found = run(put_on_bench(profile=Profile(warm=0, home=False)))
    assert not outcomes(found)[Outcome.FAILED]
    assert found["heat"].problem == "the profile says warm = 0"
    assert "home = false" in found["moves"].problem
    assert found["emergency"].outcome is Outcome.PASSED


def test_a_printer_too_small_for_the_margin(put_on_bench) -> None:
    found = run(put_on_bench("--area", "30x30x30"))
    assert found["moves"].outcome is Outcome.SKIPPED
    assert "--profile" in found["moves"].problem


def test_a_port_that_is_not_there(quick) -> None:
    from gotapi_printer.hil.bench import on_the_bench
    from gotapi_printer.link_serial import SerialSettings, serial_link

    with on_the_bench(lambda: serial_link(SerialSettings("/dev/none")), Profile()) as bench:
        found = run(bench)
    assert "there is no port /dev/none" in found["connect"].problem
    assert found["connect"].seconds < 20  # at once: waiting cannot help
