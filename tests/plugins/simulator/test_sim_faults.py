"""Noise and counted faults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.simulator.faults import Fault, FaultPlan, Trigger
from gotapi_printer.simulator.noise import LineNoise

LINES = b"".join(b"N%d G1 X%d Y%d*55\n" % (n, n, n) for n in range(2000))


def test_no_noise_passes_everything_at_once() -> None:
    assert LineNoise(0.0, 1).feed(b"N1 G2") == b"N1 G2"


def test_noise_damages_about_its_share_one_byte_each_and_keeps_line_ends() -> None:
    noise = LineNoise(0.05, 7)
    damaged = noise.feed(LINES)
    assert 60 < noise.damaged < 140
    assert damaged != LINES
    assert abs(len(LINES) - len(damaged)) < noise.damaged
    assert damaged.endswith(b"\n")


def test_noise_is_repeatable_and_its_seed_matters() -> None:
    assert LineNoise(0.1, 3).feed(LINES) == LineNoise(0.1, 3).feed(LINES)
    assert LineNoise(0.1, 3).feed(LINES) != LineNoise(0.1, 4).feed(LINES)


def test_certain_noise_damages_every_line_but_not_empty_ones() -> None:
    noise = LineNoise(1.0, 0)
    assert noise.feed(b"\n\n") == b"\n\n"
    assert noise.damaged == 0
    assert all(noise.feed(b"M105\n") != b"M105\n" for _ in range(100))


@given(st.binary(max_size=300), st.integers(0, 300))
def test_noise_does_not_depend_on_chunks(data: bytes, cut: int) -> None:
    data += b"\n"
    whole, parts = LineNoise(0.5, 1), LineNoise(0.5, 1)
    assert parts.feed(data[:cut]) + parts.feed(data[cut:]) == whole.feed(data)


def test_a_line_without_end_is_passed_on_in_pieces() -> None:
    noise = LineNoise(0.5, 1)
    passed = b"".join(noise.feed(b"X" * 1000) for _ in range(100))
    assert 100_000 - 8192 <= len(passed) <= 100_000


def test_faults_fire_once_at_their_line_and_only_file_lines_count() -> None:
    trigger = Trigger(FaultPlan(reset_at=2, stall_at=3, unplug_at=3))
    assert trigger.count(b"M110 N0", 0) == []
    assert trigger.count(b"G28", 1) == []
    assert trigger.count(b"M105", None) == []
    assert trigger.count(b"G1 X1", 2) == [Fault.RESET]
    assert trigger.count(b"G1 X2", 1) == [Fault.STALL, Fault.UNPLUG]
    assert trigger.count(b"G1 X3", 2) == []
    assert trigger.lines == 4


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_says_which_option_makes_it(fault: Fault) -> None:
    assert fault.value.startswith(f"--{fault.name.lower()}-at N")
