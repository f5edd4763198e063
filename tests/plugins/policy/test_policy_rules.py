"""What the policy makes of single lines: given a line, expect a decision."""

import pytest

from gotapi_printer.marlin import Box
from gotapi_printer.policy import (
    NOTHING,
    Clamp,
    Hold,
    Pass,
    Policy,
    PolicyLimits,
    Refuse,
    Sender,
)

BOX = Box((0.0, 0.0, 0.0), (220.0, 220.0, 250.0))
PERSON = Sender(console=True)
ARMED = Sender(armed=True)


def judge(*lines, box=BOX, sender=None):
    """The decision about the last of these lines."""
    policy = Policy(PolicyLimits(), box)
    for line in lines:
        decision = policy.judge(line, *([sender] if sender else []))
    return decision


@pytest.mark.parametrize(
    "line",
    [
        b"G1 X10 Y20.5 Z.2 E0.01234 F1800",
        b"G0 F9000 X219.99 Y0",
        b"G1 X220",
        b"G1 E-5 F2400",
        b"G28",
        b"G28 X Y",
        b"M104 S260",
        b"M109 R200 T1",
        b"M140 S0",
        b"M220 S10",
        b"M221 S300",
        b"M220 B",
        b"T0",
        b"T?",
        b"Tx",
        b"T-1",
        b'M862.3 P "MK3S"',
        b"M117 100 % (done) *",
        b"M118 A1 action:notification hi",
        b"M900 K0.05",
        b"M0 S10",
        b"M1 P500",
        b"M211 S1",
        b"M211",
        b"M302 P0 S180",
        b"M149 C",
        b"M42 P4 S255",
        b"G10",
        b"G17",
        b"G90",
        b"G92 E0",
        b"G92.1",
        b"M600 X0 Y0 Z30",
        b"START_PRINT BED=60 EXTRUDER=215",
        b"SET_HEATER_TEMPERATURE HEATER=extruder TARGET=215",
        b"SET_GCODE_OFFSET Z=0.05 MOVE=1",
        b"SAVE_GCODE_STATE NAME=x",
        b"EXCLUDE_OBJECT_START NAME=cube",
    ],
)
def test_passed_as_it_is(line):
    assert judge(line) == Pass(line)


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (b"g1x5y6", b"G1 X5 Y6"),
        (b"G01 X5", b"G1 X5"),
        (b"  N12 G1 X5*77  ", b"G1 X5"),
        (b"G1 X5 *7", b"G1 X5"),
        (b"G1\tX5 ; out", b"G1 X5"),
        (b"M104 (S999) S100", b"M104 S100"),
        (b"M106(on)S255", b"M106 S255"),
        (b"M 84", b"M84"),
        (b"M117 a\\b", b"M117 a/b"),
        (b"N3 M117 hi*20", b"M117 hi"),
        # Marlin would take this for a new line number.
        (b"M117 m110 N700", b"M117 M 110 N700"),
        (b"tc", b"Tc"),
        (b"; nothing", NOTHING),
        (b"G91 X10", b"G91"),
        (b"G92.1 X5", b"G92.1"),
        (b"G17 X", b"G17"),
    ],
)
def test_written_so_that_every_firmware_reads_it_alike(line, sent):
    assert judge(line) == Pass(sent)


@pytest.mark.parametrize(
    ("line", "sent", "why"),
    [
        (b"M104S999", b"M104 S260", "nozzle"),
        (b"m109 r 300", b"M109 R260", "nozzle"),
        (b"M104 S-5", b"M104 S0", "nozzle"),
        (b"M104 S200 B290 F1", b"M104 S200 B260 F1", "nozzle"),
        (b"M104.1 S261", b"M104.1 S260", "nozzle"),
        (b"M190 S110.5", b"M190 S110", "bed"),
        (b"M141 S61", b"M141 S60", "chamber"),
        (b"M145 S0 H300 B150", b"M145 S0 H260 B110", "bed"),
        (b"M568 P0 S300 R100", b"M568 P0 S260 R100", "nozzle"),
        (b"M220 S5", b"M220 S10", "10 to 300"),
        (b"M221 S301 T1", b"M221 S300 T1", "10 to 300"),
        (b"G1 X-3 F1000", b"G1 X0 F1000", "build volume"),
        (b"G1 X5 Z300", b"G1 X5 Z250", "build volume"),
        (b"G1 X220.5 E1", b"G1 X220 E1", "build volume"),
        (
            b'set_heater_temperature heater="heater_bed" target=200',
            b"SET_HEATER_TEMPERATURE HEATER=heater_bed TARGET=110",
            "bed",
        ),
        (
            b"SET_HEATER_TEMPERATURE HEATER=chamber_heater TARGET=+70",
            b"SET_HEATER_TEMPERATURE HEATER=chamber_heater TARGET=60",
            "chamber",
        ),
    ],
)
def test_changed_to_the_limit(line, sent, why):
    decision = judge(line)
    assert isinstance(decision, Clamp)
    assert decision.line == sent
    assert why in decision.why


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"M500", "stored"),
        (b"m0502", "stored"),
        (b"SAVE_CONFIG", "stored"),
        (b"save_config", "stored"),
        (b"FIRMWARE_RESTART", "restarts"),
        (b"M92 X80", "steps"),
        (b"M301 P1", "heaters"),
        (b"M851 Z-1", "offsets"),
        (b"M28 x.g", "card"),
        (b"M810 M104 S300", "more than one command"),
        (b"M810", "macro"),
        (b"M81", "power"),
        (b"M112", "operator"),
        (b"M110 N5", "hub's own"),
        (b"M211 S0", "limits of the axes"),
        (b"M302 P1", "cold"),
        (b"M302 S0", "cold"),
        (b"M302 S", "cold"),
        (b"M149 F", "Celsius"),
        (b"G18", "XY plane"),
        (b"G10 L2 X5", "offsets"),
        (b"M42 P4 S255 I", "pin"),
        (b"G1 X230.5 E1", "outside the build volume"),
        (b"G30 X300 Y5", "build volume"),
        (b"M600 X-50", "build volume"),
        (b"G2 X300 I5 J5", "arc"),
        (b"G1 X10 M500", "more than one command"),
        (b"G1 X10 X20", "X more than once"),
        (b"M104 S1 s999", "S more than once"),
        (b"M104 S{200+99}", "cannot be read"),
        (b"M104 S200:300", "cannot be read"),
        (b"M104 S 1 2", "cannot be read"),
        (b"G1 X", "X has no number"),
        (b"G92", "G92"),
        (b"G92.9 X1", "G92"),
        (b"X10", "does not begin"),
        (b"~M104 S10", "does not begin"),
        (b"M65640 S9", "does not begin"),
        (b"N5 N6 M104 S9", "does not begin"),
        ("M104 S٩".encode(), "ASCII"),
        ("START_PRINT BED=٩".encode(), "ASCII"),
        (b"M106 S\\5", "backslash"),
        (b"M106 S5 * 3 S1", "star"),
        (b"M104 S10\0", "control"),
        (b"M104 S10\rM104 S20", "control"),
        (b"M104 (S10", "not closed"),
        (b"M104 S10)", "never opened"),
        (b"G1 X1 Y1." + b"1" * 75, "bytes"),
        (b"SET_HEATER_TEMPERATURE HEATER=extruder TARGET={300}", "no plain number"),
        (b"SET_HEATER_TEMPERATURE TARGET=1 TARGET=300", "TARGET more than once"),
        (b"SET_HEATER_TEMPERATURE HEATER extruder", "cannot be read"),
        (b"SET_GCODE_OFFSET Z=-3", "shifts"),
    ],
)
def test_refused(line, why):
    decision = judge(line)
    assert isinstance(decision, Refuse), decision
    assert why in decision.why


def test_a_person_may_send_what_a_file_may_not():
    for line in (b"M112", b"M108", b"M410", b"M876 S0"):
        assert judge(line, sender=PERSON) == Pass(line)


def test_the_power_goes_off_only_when_everything_is_cool():
    assert isinstance(judge(b"M81", sender=Sender(console=True, hottest=180.0)), Refuse)
    assert isinstance(judge(b"M81", sender=PERSON), Refuse)
    assert judge(b"M81", sender=Sender(console=True, hottest=30.0)) == Pass(b"M81")


def test_an_armed_printer_takes_what_is_refused_but_keeps_its_limits():
    assert judge(b"M500", sender=ARMED) == Pass(b"M500")
    assert judge(b"FORCE_MOVE STEPPER=x", sender=ARMED) == Pass(b"FORCE_MOVE STEPPER=x")
    assert judge(b"M104 S999", sender=ARMED) == Clamp(
        b"M104 S260", "the limit of the nozzle is 0 to 260 degrees"
    )


def test_a_wait_for_the_user_holds_the_job():
    assert judge(b"M0 Insert the nut") == Hold("Insert the nut")
    assert judge(b"M1") == Hold("the file asks for a pause")
    assert isinstance(judge(b"M0", sender=PERSON), Refuse)


# -- moves ----------------------------------------------------------------------------------------


def test_relative_moves_are_followed():
    assert judge(b"G1 X200", b"G91", b"G1 X10") == Pass(b"G1 X10")
    assert judge(b"G1 X200", b"G91", b"G1 X10", b"G1 X15").line == b"G1 X10"
    assert judge(b"G1 X200", b"G91", b"G1 X10", b"G90", b"G1 X215") == Pass(b"G1 X215")


def test_from_an_unknown_place_no_move_is_longer_than_the_axis():
    assert judge(b"G91", b"G1 Z10") == Pass(b"G1 Z10")
    assert judge(b"G91", b"G1 X-221") == Clamp(b"G1 X-220", "it would leave the build volume")
    assert judge(b"G28", b"G91", b"G1 Z-5") == Pass(b"G1 Z-5")


def test_inches():
    assert judge(b"G20", b"G1 X9").line == b"G1 X8.66142"
    assert judge(b"G20", b"G1 X8") == Pass(b"G1 X8")
    assert judge(b"G20", b"G21", b"G1 X9") == Pass(b"G1 X9")
    assert judge(b"G20", b"G1 X8.7 E1").line == b"G1 X8.66142 E1"


def test_g92_moves_the_coordinates_and_the_limits_with_them():
    assert judge(b"G1 X100", b"G92 X0", b"G1 X120") == Pass(b"G1 X120")
    assert judge(b"G1 X100", b"G92 X0", b"G1 X121").line == b"G1 X120"
    assert judge(b"G1 X100", b"G92 X0", b"G28 X", b"G1 X-1").line == b"G1 X0"
    assert judge(b"G1 X100", b"G92 X0", b"G92.1", b"G1 X-1").line == b"G1 X0"
    # Nobody knows what X was.
    assert judge(b"G92 X0", b"G1 X300") == Pass(b"G1 X300")


def test_arcs():
    assert judge(b"G1 X100 Y100", b"G2 X120 Y100 I10 J0") == Pass(b"G2 X120 Y100 I10 J0")
    assert judge(b"G1 X100 Y100", b"G3 I50") == Pass(b"G3 I50")
    assert judge(b"G1 X100 Y100", b"G3 X120 R15") == Pass(b"G3 X120 R15")
    assert judge(b"G1 X100 Y100", b"G3 X120 R-15") == Pass(b"G3 X120 R-15")
    for unheard in (b"G3 X120 R5", b"G3 X120", b"G2 X100 Y100 R5"):
        assert judge(b"G1 X100 Y100", unheard) == Pass(unheard)
    # Both ends are inside, the way between them is not.
    assert isinstance(judge(b"G1 X10 Y100", b"G2 X10 Y110 I-1 J5"), Pass)
    assert isinstance(judge(b"G1 X10 Y90", b"G2 X10 Y110 I0 J10"), Pass)
    assert isinstance(judge(b"G1 X5 Y90", b"G2 X5 Y110 J10"), Refuse)
    assert isinstance(judge(b"G1 X5 Y90", b"G3 X5 Y110 J10"), Pass)
    assert judge(b"G1 Y100", b"G2 X5 Y110 J10") == Pass(b"G2 X5 Y110 J10")
    assert judge(b"G92 X5", b"G1 Y5", b"G2 X5 I300") == Pass(b"G2 X5 I300")
    policy = Policy(PolicyLimits(), BOX)
    policy.report((100.0, 100.0, 0.0))
    policy.judge(b"G92 X0")
    policy.judge(b"G28 X")
    assert policy.judge(b"G2 X5 J300") == Pass(b"G2 X5 J300")


def test_without_a_build_volume_moves_are_not_checked():
    assert judge(b"G1 X9999", box=None) == Pass(b"G1 X9999")
    assert judge(b"G91", b"G1 X-9999", box=None) == Pass(b"G1 X-9999")
    assert judge(b"G2 X5 I900", box=None) == Pass(b"G2 X5 I900")


def test_a_volume_that_does_not_begin_at_zero():
    box = Box((-50.0, -50.0, 5.0), (50.0, 50.0, 100.0))
    assert judge(b"G1 X-50 Z5", box=box) == Pass(b"G1 X-50 Z5")
    assert judge(b"G1 X-51", box=box).line == b"G1 X-50"
    assert judge(b"G1 Z4", box=box).line == b"G1 Z5"


@pytest.mark.parametrize("end", [1, 2, 9, 10, 11, 99, 100, 101, 220, 235, 300, 1000])
def test_the_fast_pattern_takes_exactly_the_numbers_below_the_end(end):
    policy = Policy(PolicyLimits(), Box((0.0,) * 3, (float(end),) * 3))
    taken = [n for n in range(1200) if policy.plain(b"G1 X%d" % n)]
    assert taken == list(range(end))


def test_the_fast_pattern_leaves_to_the_slow_one_what_is_not_absolute():
    policy = Policy(PolicyLimits(), BOX)
    assert policy.plain(b"G1 X5 Y5 Z5")
    policy.judge(b"G91")
    assert not policy.plain(b"G1 X5")
    policy.judge(b"G90")
    assert policy.plain(b"G1 X5")


def test_a_report_counts_where_nothing_is_known():
    policy = Policy(PolicyLimits(), BOX)
    assert policy.place.lost
    policy.judge(b"G1 X100")
    policy.report((1.0, 2.0, 3.0))
    assert policy.place.native == [100.0, 2.0, 3.0]
    assert not policy.place.lost
    policy.judge(b"G29")
    assert policy.place.lost
    policy.judge(b"G91")
    policy.judge(b"G1 Z5")
    # This one may have been said before the move.
    policy.report((1.0, 2.0, 3.0))
    assert policy.place.native == [1.0, 2.0, None]


def test_klipper_keeps_and_restores_the_modes():
    decision = judge(
        b"SAVE_GCODE_STATE NAME=a", b"G91", b"RESTORE_GCODE_STATE NAME=a MOVE=1", b"G1 X-1"
    )
    assert decision == Clamp(b"G1 X0", "it would leave the build volume")


def test_a_move_too_long_to_send_does_not_count_as_sent():
    policy = Policy(PolicyLimits(), BOX)
    policy.report((0.0, 0.0, 0.0))
    policy.judge(b"G91")
    assert isinstance(policy.judge(b"G1X9Y9Z9E1" + b"0" * 67 + b"F9"), Refuse)
    assert policy.place.native == [0.0, 0.0, 0.0]
