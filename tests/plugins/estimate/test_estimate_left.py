"""The time left: which source counts, and what earlier prints teach."""

import msgspec
import pytest

from gotapi_printer.estimate import (
    FACTOR,
    MAX_POINTS,
    Known,
    Learned,
    Timeline,
    TimelineMaker,
    key,
    learn,
    seconds_left,
)
from gotapi_printer.gcode import FileFacts
from gotapi_printer.gcode_notes import ProgressMark
from gotapi_printer.job import Foreseen, JobState, Progress, foreseen, progress
from gotapi_printer.paces import Paces
from gotapi_printer.updates import JobReport

# Ten slow commands, then ninety fast ones.
TIMES = Timeline((0, 10, 100), (0.0, 100.0, 190.0))


def left(**known):
    return seconds_left(Known(**{"line": 0, "percent": 0.0, "elapsed": 0.0, **known}))


def test_the_slicers_minutes_come_first_less_what_was_printed_since():
    everything = {"timeline": TIMES, "slicer_seconds": 400.0, "mark": (10, 120.0)}
    assert left(line=40, percent=40.0, **everything) == (90.0, "m73")
    assert left(line=40, percent=40.0, mark=(10, 120.0)) == (120.0, "m73")
    assert left(line=100, percent=100.0, timeline=TIMES, mark=(10, 60.0)) == (0.0, "m73")


def test_then_the_slicers_total_by_the_share_of_the_model():
    assert left(line=10, percent=10.0, timeline=TIMES, slicer_seconds=380.0) == (180.0, "slicer")
    assert left(line=10, percent=10.0, slicer_seconds=380.0) == (342.0, "slicer")


def test_then_the_model():
    assert left(line=10, percent=10.0, timeline=TIMES) == (90.0, "model")


def test_then_the_time_so_far():
    assert left(line=10, percent=10.0, elapsed=60.0) == (540.0, "elapsed")
    assert left(line=10, percent=10.0, elapsed=60.0, timeline=Timeline()) == (540.0, "elapsed")
    assert left(line=1, percent=0.5, elapsed=60.0) == (None, "")


def test_history_is_a_factor_and_is_named():
    pace = {"model": 1.5, "m73": 0.5, "slicer": 1.01}
    assert left(timeline=TIMES, pace=pace) == (285.0, "model+history")
    assert left(mark=(0, 60.0), pace=pace) == (30.0, "m73+history")
    assert left(slicer_seconds=60.0, pace=pace) == (60.0, "slicer")


def test_a_timeline_between_its_points():
    assert [TIMES.at(n) for n in (0, 5, 10, 55, 100, 500)] == [0, 50, 100, 145, 190, 190]
    assert TIMES.at(-1) == 0.0
    assert Timeline().at(5) == 0.0


def test_a_timeline_is_made_in_bounded_memory():
    maker = TimelineMaker()
    for n in range(10 * MAX_POINTS + 1):
        maker.take(b"G4 P100" if n % 2 else b"G90")
    made = maker.result()
    assert len(made.counts) <= MAX_POINTS + 2
    assert made.counts[0] == 0
    assert made.counts[-1] == 10 * MAX_POINTS + 1
    assert made.total == pytest.approx(MAX_POINTS / 2)
    assert made.at(10 * MAX_POINTS // 2) == pytest.approx(MAX_POINTS / 4, rel=0.01)
    assert TimelineMaker().result() == Timeline()


# -- learning -------------------------------------------------------------------------------------


def test_prints_that_take_longer_make_the_next_estimate_longer():
    learned = learn(Learned("a"), 1000.0, 1200.0)
    assert learned == Learned("a", 1.12, 1)
    for _ in range(20):
        learned = learn(learned, 1000.0, 1200.0)
    assert learned.factor == pytest.approx(1.2, abs=0.01)


def test_a_disturbed_print_is_bounded_and_a_short_one_teaches_nothing():
    far = learned = Learned("a")
    for _ in range(50):
        learned, far = learn(learned, 1000.0, 9e9), learn(far, 1000.0, 61.0)
    assert learned.factor <= FACTOR[1]
    assert far.factor >= FACTOR[0]
    assert learn(Learned("a"), 59.0, 1000.0) == Learned("a")
    assert learn(Learned("a"), 1000.0, 59.0) == Learned("a")


def test_the_version_of_a_slicer_makes_no_difference():
    assert key("p", "PrusaSlicer 2.9.1", "model") == key("p", "PrusaSlicer 2.8", "model")
    assert key("p", "", "model") == "p/unknown/model"


FACTS = FileFacts(commands=100, bytes=1, lines=100, timeline=TIMES, slicer="Cura 5")


def test_what_is_foreseen_for_a_whole_file():
    assert foreseen(FACTS) == Foreseen(190.0, "model", "Cura 5")
    assert foreseen(msgspec.structs.replace(FACTS, pace={"model": 2.0})).seconds == 190.0
    assert foreseen(msgspec.structs.replace(FACTS, seconds=400.0)).source == "slicer"
    marks = (ProgressMark(3, 0.0, None), ProgressMark(10, 0.0, 5))
    marked = msgspec.structs.replace(FACTS, marks=marks)
    assert foreseen(marked) == Foreseen(400.0, "m73", "Cura 5")
    assert foreseen(msgspec.structs.replace(marked, timeline=None)).seconds == 300.0
    assert foreseen(msgspec.structs.replace(FACTS, timeline=None)) is None


def test_progress_names_the_source():
    done = progress(msgspec.structs.replace(FACTS, pace={"model": 2.0}), 10, 10, 1.0)
    assert (done.seconds_left, done.left_source) == (180.0, "model+history")


class Memory:
    """A collection of documents."""

    def __init__(self):
        self.documents = {}

    async def all(self, kind):
        return list(self.documents.values())

    async def put(self, key, document):
        self.documents[key] = document


FORESEEN = Foreseen(190.0, "model", "Cura 5")


def report(elapsed=380.0, paused=0.0, state=JobState.DONE, what=FORESEEN):
    return JobReport("j", state, Progress(), elapsed=elapsed, paused=paused, foreseen=what)


async def test_what_was_learned_is_there_after_a_restart():
    memory = Memory()
    paces = Paces("ender", memory)
    await paces.load()
    assert paces.applied(FACTS).pace["model"] == 1.0
    await paces.take(report())
    assert paces.applied(FACTS).pace["model"] == 1.6
    again, other = Paces("ender", memory), Paces("prusa", memory)
    await again.load()
    await other.load()
    assert again.applied(FACTS).pace["model"] == 1.6
    assert other.applied(FACTS).pace["model"] == 1.0
    assert again.applied(msgspec.structs.replace(FACTS, slicer="X")).pace["model"] == 1.0


@pytest.mark.parametrize(
    "unfit",
    [
        report(state=JobState.STOPPED),
        report(what=None),
        report(elapsed=1000.0, paused=620.0),
        report(elapsed=30.0),
    ],
)
async def test_only_whole_prints_teach(unfit):
    memory = Memory()
    await Paces("ender", memory).take(unfit)
    assert memory.documents == {}


async def test_a_pause_does_not_count():
    paces = Paces("ender", Memory())
    await paces.take(report(elapsed=220.0, paused=30.0))
    assert paces.applied(FACTS).pace["model"] == 1.0
