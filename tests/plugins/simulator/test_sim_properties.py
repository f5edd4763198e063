"""Whatever a host sends, however it is cut: the firmware lives, agrees with itself, is bounded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_printer.simulator.dialects import DIALECTS
from gotapi_printer.simulator.firmware import COMMANDS, Firmware
from gotapi_printer.simulator.settings import Settings
from gotapi_printer.simulator.texts import ResetCause

numbers = st.sampled_from(["", "0", "1", "-5", ".5", "60", "1e9", "99999999999999999999", "0.0001"])
words = st.lists(st.tuples(st.sampled_from("XYZEFSPRTIJNA"), numbers), max_size=4).map(
    lambda pairs: " ".join(letter + number for letter, number in pairs)
)
# Without the shutdown, after which nothing is interesting any more.
commands = st.tuples(st.sampled_from(sorted(set(COMMANDS) - {"M112"})), words).map(" ".join)
lines = commands.map(lambda text: text.encode() + b"\n")
noise = st.binary(max_size=30) | st.sampled_from(
    [
        *(b"M23 A.GCO\n", b"M24\n", b"M28 B.GCO\n", b"M29\n", b"M999\n", b"FIRMWARE_RESTART\n"),
        b"N1 G28*18\n",
        b"N9 G28*1\n",
        b"N0 M110 N0*125\n",
        b"M108\n",
    ]
)
streams = st.lists(lines | noise, max_size=25).map(b"".join)
boards = st.builds(
    Settings,
    instant=st.booleans(),
    emergency_parser=st.booleans(),
    advanced_ok=st.booleans(),
    cold_extrusion=st.booleans(),
    dialect=st.sampled_from(sorted(DIALECTS.values(), key=lambda dialect: dialect.name)),
    tools=st.integers(1, 3),
    bed=st.booleans(),
    chamber=st.booleans(),
    purge_prompt=st.booleans(),
    card=st.none() | st.just((("A.GCO", b"G28\nG4 S1\nM105\nG1 X5\n"),)),
)


def started(configuration: Settings) -> Firmware:
    firmware = Firmware(configuration)
    firmware.reset(0.0, ResetCause.POWER)
    firmware.output()
    return firmware


def drain(firmware: Firmware, end: float) -> bytes:
    said = b""
    while (due := firmware.next_wakeup()) is not None and due <= end:
        firmware.poll(due)
        said += firmware.output()
    firmware.poll(end)
    return said + firmware.output()


@settings(deadline=None)  # a firmware that says `wait` each second has long to talk
@given(boards, streams)
def test_it_never_crashes_and_answers_in_lines(configuration: Settings, data: bytes) -> None:
    firmware = started(configuration)
    firmware.receive(data, 1.0)
    said = drain(firmware, 200.0)
    assert said == b"" or said.endswith(b"\n")


@settings(deadline=None)  # a firmware that says `wait` each second has long to talk
@given(boards, streams, st.randoms())
def test_chunking_does_not_matter(configuration: Settings, data: bytes, random) -> None:
    whole, parts = started(configuration), started(configuration)
    whole.receive(data, 1.0)
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(6))
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        parts.receive(data[begin:end], 1.0)
    assert drain(parts, 100.0) == drain(whole, 100.0)
    assert parts.state is whole.state


@settings(deadline=None)  # a firmware that says `wait` each second has long to talk
@given(boards, streams)
def test_how_often_time_is_polled_does_not_matter(configuration: Settings, data: bytes) -> None:
    exact, coarse = started(configuration), started(configuration)
    exact.receive(data, 1.0)
    coarse.receive(data, 1.0)
    fine = drain(exact, 50.0)
    coarse.poll(50.0)
    assert coarse.output() == fine


@settings(deadline=None, max_examples=30)  # hours of simulated time each
@given(boards, st.lists(lines, max_size=20))
def test_every_accepted_line_gets_exactly_one_ok(
    configuration: Settings, sent: list[bytes]
) -> None:
    accepted: list[bytes] = []

    def on_accept(text: bytes, number: int | None) -> bool:
        accepted.append(text)
        return True

    firmware = Firmware(configuration, on_accept)
    firmware.reset(0.0, ResetCause.POWER)
    firmware.output()
    said, now = b"", 1.0
    for line in sent:
        # M0 and its like wait for a user, and moves may last for years.
        firmware.receive(line + b"M108\nM410\n", now)
        now += 3000
        said += drain(firmware, now)
    answers = [line for line in said.split(b"\n") if line.startswith(b"ok")]
    assert len(answers) == len(accepted) - len(firmware._queue)
    assert len(firmware._queue) <= configuration.command_slots


def test_memory_stays_bounded_when_nobody_listens() -> None:
    firmware = started(Settings())
    firmware.receive(b"M155 S1\nG4 S1000000\n", 1.0)
    for index in range(3000):
        firmware.receive(b"M115\nX" * 200, 2.0 + index)
    assert len(firmware._rx) <= 128
    blocked = len(firmware.output())
    assert blocked < 1_000_000
    talker = started(Settings(instant=True))
    for index in range(1000):
        talker.receive(b"M115\n" * 20, 1.0 + index)
    assert 4_000_000 < len(talker.output()) < 4_300_000


def test_a_line_that_never_ends_costs_nothing() -> None:
    firmware = started(Settings())
    for index in range(100):
        firmware.receive(b"G1 X1 " * 10_000, 1.0 + index)
    assert len(firmware._rx) == 0
    firmware.receive(b"\n", 200.0)
    assert firmware.output() == b"ok\n"


def test_a_long_sleep_of_the_owner_is_not_made_up_for() -> None:
    firmware = started(Settings())
    firmware.receive(b"M155 S1\nM109 S100\n", 1.0)
    firmware.output()
    firmware.poll(1e9)  # thirty years later
    assert firmware.output().count(b" T:") <= 3601
    firmware.receive(b"M105\n", 1e9 + 1)
    assert b"ok T:100.00" in firmware.output()
