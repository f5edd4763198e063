"""The first talk with a printer."""

from gotapi_printer.marlin import Identify, IdentifyTiming, MarlinHost

M110 = b"N0 M110 N0*125\n"
MARLIN = b"FIRMWARE_NAME:Marlin 2.1 MACHINE_TYPE:Sim EXTRUDER_COUNT:1\nCap:%b:1\nok\n"


class Talk:
    def __init__(self, timing=None, wait=0.0):
        self.host = MarlinHost()
        self.now = 100.0
        self.identify = Identify(self.host, self.now, timing, wait=wait)

    def sent(self):
        wires = []
        while (wire := self.host.pull(self.now)) is not None:
            wires.append(wire if wire == M110 else wire.split(b"*")[0])
        return wires

    def hear(self, data):
        for event in self.host.receive(data, self.now):
            self.identify.take(event, self.now)

    def wait(self, seconds):
        until = self.now + seconds
        while self.now < until:
            self.now += 0.1
            for event in self.host.tick(self.now):
                self.identify.take(event, self.now)
            self.identify.tick(self.now)


def test_a_marlin_is_asked_and_told_to_report():
    talk = Talk()
    assert talk.sent() == [M110]
    talk.hear(b"ok\n")
    assert talk.sent() == [b"N1 M105"]
    talk.hear(b"ok T:20.0 /0.0 B:20.0 /0.0 @:0 B@:0\n")
    assert talk.sent() == [b"N2 M115"]
    talk.hear(MARLIN % b"AUTOREPORT_TEMP")
    firmware = talk.identify.firmware
    assert firmware is not None
    assert firmware.machine == "Sim"
    assert talk.sent() == [b"N3 M155 S2"]
    assert talk.host.live
    assert talk.host.autoreport


def test_a_printer_without_reports_is_polled():
    talk = Talk()
    for answer in (b"ok\n", b"ok T:20.0 /0.0\n", MARLIN % b"EEPROM"):
        talk.sent()
        talk.hear(answer)
    assert talk.identify.firmware is not None
    assert talk.sent() == []
    assert not talk.host.autoreport


def test_the_answer_may_stand_in_the_ok():
    talk = Talk()
    for answer in (b"ok\n", b"ok T:0\n", b"ok FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.13\n"):
        talk.sent()
        talk.hear(answer)
    assert talk.identify.firmware is not None
    assert talk.identify.firmware.name == "Klipper"


def test_a_printer_that_says_nothing_to_m110():
    talk = Talk()
    assert talk.sent() == [M110]
    talk.wait(2.1)
    assert talk.sent() == [M110, b"N1 M105"]
    talk.hear(b"ok T:20.0 /0.0\n")
    assert talk.sent() == [b"N2 M115"]
    talk.hear(MARLIN % b"EEPROM")
    assert talk.identify.firmware is not None


def test_a_board_that_boots_is_asked_when_its_boot_text_ends():
    talk = Talk()
    talk.sent()
    talk.hear(b"\xff\0start\nPowerUp\nMarlin 2.1\n")
    talk.wait(0.2)
    talk.hear(b"echo: Last Updated\n")
    talk.wait(0.2)
    assert talk.sent() == []
    talk.wait(0.2)
    assert talk.sent() == [M110]
    talk.hear(b"ok\n")
    assert talk.sent() == [b"N1 M105"]


def test_a_slow_boot_gets_more_time():
    talk = Talk()
    talk.sent()
    talk.wait(9.5)
    talk.sent()
    talk.hear(b"start\n")
    talk.wait(1.0)
    assert not talk.identify.failed
    assert talk.sent() == [M110]


def test_nothing_that_answers():
    talk = Talk()
    for _ in range(9):
        talk.sent()
        talk.hear(b"NO CARRIER\r\n> \r\n")
        talk.wait(1.0)
        assert not talk.identify.failed
    talk.wait(1.5)
    assert talk.identify.failed
    talk.wait(1.0)
    assert talk.identify.firmware is None


def test_an_echo_is_no_printer():
    talk = Talk(IdentifyTiming(deadline=3.0))
    for _ in range(40):
        for wire in talk.sent():
            talk.hear(wire + b"\n")
        talk.wait(0.1)
    assert talk.identify.failed


def test_a_printer_that_was_halted_is_asked_later_and_for_ever():
    talk = Talk(IdentifyTiming(deadline=float("inf"), retry=5.0), wait=5.0)
    assert talk.sent() == []
    talk.wait(5.1)
    assert talk.sent() == [M110]
    talk.wait(5.1)
    assert talk.sent() == [M110, b"N1 M105"]
    talk.wait(500.0)
    assert not talk.identify.failed


def test_a_board_that_boots_for_ever_is_no_printer():
    talk = Talk()
    for _ in range(300):
        talk.sent()
        talk.hear(b"start\nMarlin 2.1\n")
        talk.wait(0.5)
        if talk.identify.failed:
            break
    assert talk.identify.failed
    assert "again and again" in talk.identify.unanswered("COM3")
    assert "COM3" in talk.identify.unanswered("COM3")


def test_two_lines_of_one_boot_are_one_restart():
    talk = Talk()
    talk.hear(b"start\nPowerUp\n")
    assert talk.identify.restarts == 1
    talk.wait(1.0)
    talk.hear(b"start\n")
    assert talk.identify.restarts == 2


def test_garbage_is_told_from_silence_and_from_other_devices():
    talk = Talk()
    assert "answers like a printer within 10 s" in talk.identify.unanswered("COM3")
    talk.hear(b"NO CARRIER\n")
    assert talk.identify.garbled == 0
    talk.hear("a few \xe9 strays\n".encode("latin-1"))
    assert talk.identify.garbled == 0
    talk.hear(b"\x01\xf0\x93\x8d\xee\n// \xd0\xd1\xd2\n")
    assert talk.identify.garbled == 2
    assert "no text" in talk.identify.unanswered("COM3")


def test_a_restart_ends_what_was_garbage():
    talk = Talk()
    talk.hear(b"x\xf0\x93\x8d\xee\n")
    talk.hear(b"start\n")
    assert talk.identify.garbled == 0


def test_a_boot_that_begins_late_is_waited_for_once():
    talk = Talk(IdentifyTiming(deadline=1.0))
    for _ in range(20):
        talk.hear(b"start\n")
        talk.wait(0.5)
    assert talk.identify.failed


def test_a_printer_may_say_nothing_but_ok():
    talk = Talk()
    for _ in range(3):
        talk.sent()
        talk.hear(b"ok\n")
    assert talk.identify.firmware is not None


def test_oks_among_garbage_prove_no_printer():
    talk = Talk(IdentifyTiming(deadline=5.0))
    talk.hear(b"\xf0\x93x\x8d\xee\n")
    for _ in range(60):
        for _ in talk.sent():
            talk.hear(b"ok\n")
        talk.wait(0.1)
    assert talk.identify.firmware is None
    assert talk.identify.failed
