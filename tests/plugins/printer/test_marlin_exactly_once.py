"""Every line of a job is executed exactly once and in order, whatever the wire does.

A small firmware with Marlin's rules for numbered lines, a wire that damages, loses and repeats
what is on it, and time that passes only when nothing else moves.
"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_printer.marlin import (
    DIALECTS,
    Fault,
    Identify,
    JobDone,
    Limits,
    MarlinHost,
    Timing,
    checksum,
)


class Firmware:
    """Marlin 2.1 as far as line numbers go; `style` is how it asks for a line again."""

    def __init__(self, style="marlin", temperature_in_ok=True):
        self.style = style
        self.temperature_in_ok = temperature_in_ok
        self.rx = b""
        self.last = 500
        self.executed = []

    def hear(self, data):
        self.rx += data

    def busy(self):
        return b"\n" in self.rx

    def step(self):
        """Take one line from the receive buffer; return what goes back."""
        if b"\n" not in self.rx:
            return b""
        raw, _, self.rx = self.rx.partition(b"\n")
        line = raw.strip()[:95]
        if not line:
            return b""
        return self.take(line)

    def take(self, line):
        if not line.startswith(b"N"):
            # A line that lost its N: an unknown command, answered by an ok.
            return b'echo:Unknown command: "' + line + b'"\nok\n'
        number = int((re.match(rb"-?\d{1,9}", line[1:]) or [b"0"])[0])
        body, star, given_sum = line.rpartition(b"*")
        renumbers = b"M110" in line
        if not renumbers and number != self.last + 1:
            if number in (self.last, self.last - 1):
                return b""
            return self.refuse(b"Line Number is not Last Line Number+1")
        if not star:
            return self.refuse(b"No Checksum with line number")
        found = re.match(rb"\d+", given_sum)
        if found is None or int(found[0]) != checksum(body):
            return self.refuse(b"checksum mismatch")
        self.last = number
        return self.execute(body.partition(b" ")[2])

    def execute(self, command):
        self.executed.append(command)
        if command == b"M105" and self.temperature_in_ok:
            return b"ok T:20.0 /0.0 B:20.0 /0.0 @:0 B@:0\n"
        if command == b"M115":
            return b"FIRMWARE_NAME:Reference\nok\n"
        return b"ok\n"

    def refuse(self, why):
        self.rx = b""
        error = b"Error:%b, Last Line: %d\n" % (why, self.last)
        again = b"Resend: %d\n" % (self.last + 1)
        styles = {
            "marlin": error + again + b"ok\n",
            "no ok": error + again,
            "ok first": b"ok\n" + again,
            "teacup": b"rs N%d Expected checksum 67\n" % (self.last + 1),
        }
        return styles[self.style]


class SmallBoard(Firmware):
    """Marlin with ADVANCED_OK on an AVR: 4 command slots and 128 bytes to receive into.

    A line is checked when it gets its slot, and answered when it was carried out, one in a step.
    """

    SLOTS, RX = 4, 128

    def __init__(self, planner=15):
        super().__init__()
        self.planner = planner
        self.queue = []
        self.lost = 0
        self.deepest = 0
        self.read = 0  # bytes of a line without its end that left the receive buffer

    def hear(self, data):
        free = max(0, self.RX - len(self.rx) + self.read)
        self.lost += max(0, len(data) - free)
        self.rx += data[:free]

    def busy(self):
        return bool(self.queue) or b"\n" in self.rx

    def step(self):
        said = b""
        while b"\n" in self.rx and len(self.queue) < self.SLOTS:
            said += super().step()
        self.read = 0 if b"\n" in self.rx else len(self.rx)
        self.deepest = max(self.deepest, len(self.queue) + self.rx.count(b"\n"))
        if not self.queue:
            return said
        number, command = self.queue[0]
        self.executed.append(command)
        ok = b" ".join([b"ok", *self.number(number), *self.room()]) + b"\n"
        self.queue.pop(0)
        if command == b"M105":
            ok = b"ok T:20.0 /0.0 B:20.0 /0.0 @:0 B@:0\n"
        if command == b"M115":
            ok = b"FIRMWARE_NAME:Marlin reference\n" + ok
        return said + ok

    def number(self, number):
        return [] if number is None else [b"N%d" % number]

    def room(self):
        return [b"P%d" % self.planner, b"B%d" % (self.SLOTS - len(self.queue))]

    def take(self, line):
        said = super().take(line)
        if said.startswith(b"echo:"):
            # An unknown command waits for its turn as well.
            self.queue.append((None, line))
            return b""
        return said

    def execute(self, command):
        self.queue.append((self.last, command))
        return b""

    def refuse(self, why):
        said = super().refuse(why).removesuffix(b"ok\n")
        # Marlin names the line in its first slot, whatever that is.
        front = self.number(self.queue[0][0]) if self.queue else []
        return said + b" ".join([b"ok", *front, *self.room()]) + b"\n"


DOWN = ("flip", "lose byte", "lose line", "lose newline", "lose N")
UP = ("lose", "twice", "garble")


def damage_line(line, fault, place):
    place %= max(1, len(line) - 1)
    if fault == "flip":
        return line[:place] + bytes([line[place] ^ (1 << place % 7)]) + line[place + 1 :]
    if fault == "lose byte":
        return line[:place] + line[place + 1 :]
    return {"lose line": b"", "lose newline": line[:-1], "lose N": line[1:]}.get(fault, line)


def damage_reply(reply, fault, place):
    if fault == "twice":
        return reply + reply
    if fault == "garble":
        return damage_line(reply, "flip", place)
    return b"" if fault == "lose" else reply


class Wire:
    """Runs a host against the firmware; faults are used up in turn, one for each line."""

    def __init__(self, host, firmware, down=(), up=(), chunk=1000):
        self.host = host
        self.firmware = firmware
        self.down = list(down)
        self.up = list(up)
        self.chunk = chunk
        self.now = 0.0
        self.faults = False
        self.events = []

    def turn(self, identify=None):
        moved = False
        while (line := self.host.pull(self.now)) is not None:
            moved = True
            # A second fault in one merged line can make its XOR right again by chance: no host
            # can see that, so a line behind a lost newline arrives whole.
            if self.faults and self.down and self.firmware.rx[-1:] in (b"", b"\n"):
                line = damage_line(line, *self.down.pop(0))
            self.firmware.hear(line)
        reply = self.firmware.step()
        for part in reply.splitlines(keepends=True):
            if self.faults and self.up:
                part = damage_reply(part, *self.up.pop(0))
            self.deliver(part, identify)
        if not (moved or reply or self.firmware.busy()):
            self.now += 0.1
            self.look(self.host.tick(self.now), identify)
            if identify is not None:
                identify.tick(self.now)

    def deliver(self, data, identify):
        for start in range(0, len(data), self.chunk):
            found = self.host.receive(data[start : start + self.chunk], self.now)
            self.look(found, identify)

    def look(self, events, identify):
        self.events += events
        for event in events:
            if identify is not None:
                identify.take(event, self.now)

    def identify(self):
        identify = Identify(self.host, self.now)
        while identify.firmware is None:
            assert not identify.failed
            self.turn(identify)

    def ended(self):
        return next((e for e in self.events if isinstance(e, JobDone | Fault)), None)

    def print(self, commands, seconds=1e6):
        # Polls of the host's own would be damaged too, and the faults be others each time.
        self.host.live, self.host.autoreport = True, True
        self.host.start_job(iter(list(enumerate(commands, 1))))
        self.faults = True
        until = self.now + seconds
        while self.ended() is None and self.now < until:
            self.turn()
        return self.ended()

    def settle(self, seconds=100.0):
        until = self.now + seconds
        while self.now < until:
            self.turn()


def fault_list(kinds):
    one = st.tuples(st.sampled_from((None, None, None, *kinds)), st.integers(0, 60))
    return st.lists(one, max_size=40)


JOB = [b"G1 X%d Y%d E%d" % (n, n % 7, n * 3) for n in range(1, 31)]
HOST_COMMANDS = (b"M105", b"M115", b"M110 N0", b"M400")


def file_commands(firmware):
    return [command for command in firmware.executed if command not in HOST_COMMANDS]


@settings(max_examples=300, deadline=None)
@given(
    down=fault_list(DOWN),
    up=fault_list(UP),
    style=st.sampled_from(["marlin", "no ok", "ok first", "teacup"]),
    temperature_in_ok=st.booleans(),
    window=st.integers(1, 4),
    chunk=st.sampled_from([1, 2, 7, 1000]),
)
def test_each_line_is_executed_once_and_in_order(down, up, style, temperature_in_ok, window, chunk):
    firmware = Firmware(style, temperature_in_ok)
    # Whether a printer is dead is not the question here.
    host = MarlinHost(Timing(silence=1e6), Limits(window=window))
    wire = Wire(host, firmware, down, up, chunk)
    wire.identify()
    assert wire.print(JOB) == JobDone()
    if not temperature_in_ok:
        # No reply of this firmware can be told from a repeated one, so the end may be reported
        # while the last lines are on their way; they are repeated like any other.
        wire.settle()
    assert file_commands(firmware) == JOB
    assert host.acked == (len(JOB), len(JOB))


@pytest.mark.parametrize("style", ["marlin", "no ok", "ok first", "teacup"])
@pytest.mark.parametrize("fault", DOWN)
def test_one_damaged_line_is_asked_for_again(style, fault):
    firmware = Firmware(style)
    wire = Wire(MarlinHost(), firmware, down=[(None, 0)] * 4 + [(fault, 3)])
    wire.identify()
    assert wire.print(JOB) == JobDone()
    assert file_commands(firmware) == JOB


def test_the_last_line_is_not_lost_behind_a_false_ok():
    """The last line loses its N, is answered as an unknown command, and comes again."""
    firmware = Firmware()
    wire = Wire(MarlinHost(), firmware, down=[(None, 0)] * 29 + [("lose N", 0)])
    wire.identify()
    assert wire.print(JOB) == JobDone()
    assert file_commands(firmware) == JOB


def test_a_line_that_is_always_damaged_ends_the_job():
    wire = Wire(MarlinHost(), Firmware(), down=[("flip", 5)] * 1000)
    wire.identify()
    ended = wire.print(JOB)
    assert isinstance(ended, Fault)
    assert ended.kind.value == "resends"
    assert "cable" in ended.text


def test_a_printer_that_hears_nothing_ends_the_job():
    wire = Wire(MarlinHost(), Firmware(), down=[("lose line", 0)] * 1000)
    wire.identify()
    ended = wire.print(JOB)
    assert isinstance(ended, Fault)
    assert ended.kind.value == "silent"


# -- more than one line in flight --------------------------------------------------------------

LONG_JOB = [b"G1 X%d.123 Y%d.456 E%d.78901 F1800" % (n, n % 7, n * 3) for n in range(1, 61)]


def test_short_lines_fill_every_slot():
    firmware = SmallBoard()
    wire = Wire(MarlinHost(), firmware)
    wire.identify()
    assert wire.print(JOB) == JobDone()
    assert file_commands(firmware) == JOB
    assert (firmware.deepest, firmware.lost) == (4, 0)


def test_as_many_long_lines_are_in_flight_as_can_be_received():
    firmware = SmallBoard()
    wire = Wire(MarlinHost(), firmware)
    wire.identify()
    assert wire.print(LONG_JOB) == JobDone()
    assert file_commands(firmware) == LONG_JOB
    assert firmware.deepest >= 3
    assert firmware.lost == 0
    assert wire.host.resends == 0


def test_one_line_at_a_time_for_a_firmware_that_is_not_known_to_have_room():
    firmware = SmallBoard()
    firmware.SLOTS = 1
    host = MarlinHost()
    wire = Wire(host, firmware)
    wire.identify()
    host.dialect = DIALECTS["malyan"]
    firmware.deepest = 0
    assert wire.print(LONG_JOB) == JobDone()
    assert firmware.deepest == 1


@settings(max_examples=300, deadline=None)
@given(
    down=fault_list(DOWN),
    up=fault_list(UP),
    window=st.sampled_from([0, 0, 0, 3, 8]),
    planner=st.sampled_from([15, 2]),
    chunk=st.sampled_from([1, 7, 1000]),
)
def test_each_line_is_executed_once_with_several_in_flight(down, up, window, planner, chunk):
    firmware = SmallBoard(planner)
    host = MarlinHost(Timing(silence=1e6), Limits(window=window))
    wire = Wire(host, firmware, down, up, chunk)
    wire.identify()
    assert wire.print(LONG_JOB) == JobDone()
    done = [command for command in file_commands(firmware) if not command.startswith(b"N")]
    assert [command for command in done if command in LONG_JOB] == LONG_JOB
    assert host.acked == (len(LONG_JOB), len(LONG_JOB))


def test_a_printer_that_lacks_the_room_it_promised_gets_one_line_at_a_time():
    firmware = SmallBoard()
    host = MarlinHost()
    wire = Wire(host, firmware)
    wire.identify()
    firmware.RX = 60  # a board that was built with less
    assert wire.print(LONG_JOB) == JobDone()
    assert file_commands(firmware) == LONG_JOB
    assert host._room.window == 1
