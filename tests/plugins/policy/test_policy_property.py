"""No line, however written, makes the simulated firmware pass a limit or run what is refused."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gotapi_printer.policy import Clamp, Pass
from gotapi_printer.policy_rules import FILE_REFUSED, HOLDS, REFUSED

AREA = (200.0, 180.0, 150.0)
CODES = [
    *("G0", "G1", "G2", "G3", "G28", "G90", "G91", "G20", "G21", "G92", "G92.1", "G29", "G4"),
    *("M104", "M109", "M140", "M190", "M220", "M221", "M211", "M302", "M92", "M500", "M501"),
    *("M206", "M851", "M110", "M112", "M117", "M118", "M0", "M84", "M106", "M115", "T0", "M81"),
    *("M82", "M83", "M204", "M301", "M410", "M108", "M400", "M105", "M155"),
    *("m104", "g1", "M0104", "M 104", "G01", "M104.1", "M65640", "M10400", "G001", "N5 M104", "N9"),
    *("SET_HEATER_TEMPERATURE", "SAVE_CONFIG", "M119", "M600", "M145", "X", "~M104", "@M104", ""),
]
NUMBERS = [
    *("0", "1", "5", "100", "179.99", "180", "200", "200.5", "230", "231", "999", "-1", "-250"),
    *("1e3", "+300", ".5", "300.", "00300", "2 60", "٣٠٠", "nan", "inf", "", "99999999999", "0x99"),
]
WORD = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", " ", "  ", "\t", "("]),
        st.sampled_from([*"XYZEFSRPTBIJHxysr", "M", "G", "N"]),
        st.sampled_from(["", "", "", " "]),
        st.sampled_from(NUMBERS),
        st.sampled_from(["", "", "", "", ")", ";", "*", "\0", "\r", "\n", "\x08", "\\"]),
    ),
)
LINE = st.builds(
    lambda code, words, tail: (code + "".join(words) + tail).encode(),
    st.sampled_from(CODES),
    st.lists(WORD, max_size=5),
    st.sampled_from(
        ["", "", "", "*55", " ; S999", " M104 S999", "\rM104 S999", "\nM500", "(S999)"]
    ),
)
ANY = st.one_of(LINE, LINE, LINE, st.binary(max_size=40))

SLOW = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150
)


def check(bench) -> None:
    machine = bench.firmware.machine
    assert machine.nozzle.target <= 230.0
    assert machine.bed.target <= 90.0
    for value, size in zip(machine.place.axes, AREA, strict=False):
        assert -0.01 <= value <= size + 0.01
    assert 10 <= machine.place.feed_percent <= 300
    assert 10 <= machine.place.flow_percent <= 300
    assert machine.place.soft_endstops
    assert not machine.cold_extrusion
    assert machine.limits.steps == [80.0, 80.0, 400.0, 500.0]


@SLOW
@given(lines=st.lists(ANY, min_size=1, max_size=30))
def test_what_the_firmware_does_stays_within_what_the_policy_allows(make_bench, lines) -> None:
    bench = make_bench()
    for line in lines:
        before = len(bench.executed)
        number = bench.number
        decision = bench.give(line)
        executed = bench.executed[before:]
        if not isinstance(decision, Pass | Clamp):
            assert executed == []
            assert bench.number == number
            continue
        # One line is one command, and it is the one that the line begins with.
        code = decision.line.split(b" ")[0].decode()
        assert executed in ([code], [])
        assert code not in REFUSED
        assert code not in FILE_REFUSED
        assert code not in HOLDS or b" " in decision.line
        assert bench.firmware.machine.line_number == bench.number
        check(bench)


@SLOW
@given(st.binary(max_size=120))
def test_any_bytes_get_a_decision_that_is_one_line(make_bench, line) -> None:
    decision = make_bench().policy.judge(line)
    if isinstance(decision, Pass | Clamp):
        assert b"\n" not in decision.line
        assert b"\r" not in decision.line
        assert 0 < len(decision.line) <= 80


@SLOW
@given(LINE)
def test_what_was_passed_is_passed_again_as_it_is(make_bench, line) -> None:
    """Nothing hides in what the policy wrote itself."""
    decision = make_bench().policy.judge(line)
    if isinstance(decision, Pass | Clamp):
        assert make_bench().policy.judge(decision.line) == Pass(decision.line)


@pytest.mark.parametrize("line", [b"M104 S999", b"G1 X500", b"M211 S0", b"M302 P1", b"M92 X8"])
def test_the_check_would_see_a_line_that_got_past(make_bench, line) -> None:
    bench = make_bench()
    bench.send(b"M211 S0")
    bench.send(line)
    with pytest.raises(AssertionError):
        check(bench)


@pytest.mark.parametrize("line", [b"M155 S1", b"M154 S1"])
def test_reports_that_come_for_ever_do_not_hold_the_bench_up(make_bench, line) -> None:
    bench = make_bench()
    bench.send(line)
    assert bench.now < 100.0
