"""The guard before a printer, and the look at a file before it is printed."""

import io

import pytest

from gotapi_printer.gcode import GcodeError, commands, scan
from gotapi_printer.guard import ARMED_FOR, MOST_NOTES, Guard, GuardSettings
from gotapi_printer.marlin import Box

BOX = Box((0.0, 0.0, 0.0), (220.0, 220.0, 250.0))


def guard(**settings):
    made = Guard(GuardSettings(**settings))
    made.connected(BOX)
    return made


def looked(made, text, now=0.0):
    inspector = made.inspector(now)
    scan(io.BytesIO(text), inspector.see)
    return inspector.notes()


def sent(made, text, *, armed=False, held=None):
    held = [] if held is None else held
    source = commands(io.BytesIO(text))
    return list(made.lines(source, armed=armed, hold=held.append))


def test_a_file_of_plain_moves_goes_through_as_it_is():
    text = b"G28\nG1 X5 Y5 F3000\nG1 X6 E1\n"
    assert looked(guard(), text) == ()
    assert sent(guard(), text) == [(1, b"G28"), (2, b"G1 X5 Y5 F3000"), (3, b"G1 X6 E1")]


def test_what_was_changed_is_told_with_its_line():
    text = b"G28\n\nM104 S300\nG1 X5\n"
    assert looked(guard(), text) == (
        "line 3: M104 S300 becomes M104 S260: the limit of the nozzle is 0 to 260 degrees",
    )
    assert sent(guard(), text)[1] == (3, b"M104 S260")


def test_refused_lines_are_found_before_the_print():
    with pytest.raises(GcodeError) as refused:
        looked(guard(), b"G28\nM500\nG1 X5\nm 502\n")
    text = str(refused.value)
    assert "2 of its lines" in text
    assert "line 2: M500" in text
    assert "line 4: m 502" in text


def test_only_so_many_lines_are_told():
    with pytest.raises(GcodeError) as refused:
        looked(guard(), b"M500\n" * (MOST_NOTES + 5))
    assert str(refused.value).count("line ") == MOST_NOTES
    assert "and 5 more" in str(refused.value)


def test_they_can_be_left_out_and_the_lines_still_count():
    text = b"G28\nM500\nG1 X5\n"
    made = guard(skip=True)
    assert looked(made, text) == ("left out: line 2: M500: it changes what the printer has stored",)
    assert sent(made, text) == [(1, b"G28"), (2, b"M105"), (3, b"G1 X5")]


def test_an_armed_printer_takes_the_file_for_a_minute():
    made = guard()
    made.arm(100.0)
    inspector = made.inspector(100.0 + ARMED_FOR - 1.0)
    assert inspector.armed
    inspector.see(b"M500", 1)
    assert inspector.notes() == ()
    assert not made.inspector(100.0 + ARMED_FOR).armed
    # A file that was looked through in time is sent to its end.
    assert sent(made, b"M500\n", armed=True) == [(1, b"M500")]


def test_what_the_look_did_not_find_stops_the_print():
    with pytest.raises(GcodeError, match="line 2: M500 is refused: it changes"):
        sent(guard(), b"G28\nM500\n")


def test_a_wait_for_the_user_becomes_a_pause():
    held = []
    assert sent(guard(), b"G1 X5\nM0 Nut\nG1 X6\n", held=held)[1] == (2, b"M105")
    assert held == ["Nut"]


def test_everything_passes_where_the_policy_is_off():
    made = guard(safe=False)
    assert made.inspector(0.0) is None
    assert sent(made, b"M500\nM104 S999\n") == [(1, b"M500"), (2, b"M104 S999")]
    assert made.command(b"M500", 0.0, None) == (b"M500", "")
    assert not made.lost
    made.report((0.0, 0.0, 0.0))


def test_commands_of_a_person():
    made = guard()
    assert made.command(b"M105", 0.0, None) == (b"M105", "")
    assert made.command(b"M104 S999", 0.0, None) == (
        b"M104 S260",
        "changed to M104 S260: the limit of the nozzle is 0 to 260 degrees",
    )
    with pytest.raises(ValueError, match="M500 is refused: it changes"):
        made.command(b"M500", 0.0, None)
    with pytest.raises(ValueError, match="pause the job"):
        made.command(b"M0", 0.0, None)
    with pytest.raises(ValueError, match="below 50"):
        made.command(b"M81", 0.0, 180.0)
    made.arm(0.0)
    assert made.command(b"M500", 59.0, None) == (b"M500", "")


def test_the_place_is_that_of_the_connection():
    made = guard()
    assert made.lost
    made.report((200.0, 0.0, 0.0))
    assert not made.lost
    made.command(b"G91", 0.0, None)
    assert made.command(b"G1 X30", 0.0, None)[0] == b"G1 X20"
    made.connected(None)
    assert made.command(b"G1 X999", 0.0, None) == (b"G1 X999", "")


def test_the_settings_know_the_volume_better_than_the_firmware():
    made = guard(box=Box((0.0, 0.0, 0.0), (100.0, 100.0, 100.0)))
    assert made.command(b"G1 X150", 0.0, None)[0] == b"G1 X100"
