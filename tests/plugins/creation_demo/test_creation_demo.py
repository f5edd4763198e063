"""`gotapi demo` as a newcomer meets it: the whole way, and everything that can be in its way."""

import fcntl
import math
import os
import pty
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gotapi_creation.demo.camera import ANGLE, portrayals
from gotapi_creation.demo.command import demo
from gotapi_creation.demo.figure import SIZE, draw, draw_all
from gotapi_creation.demo.steps import Walk
from gotapi_creation.demo.story import BarStory, Story
from gotapi_creation.engine.order import View

FILES = {
    "front.png", "right.png", "back.png", "model.glb", "model.stl", "model.3mf", "view.png",
    "printed.gcode",
}  # fmt: skip


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder for temporary files of the command, to see what it leaves."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def environment(room: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(room), "TERM": "xterm", "COLUMNS": "140"}


def run(room: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gotapi_core", "demo", *words],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=room.parent,
        env=environment(room),
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.timeout(300)
def test_from_three_pictures_to_a_print_in_one_command(tmp_path: Path, room: Path) -> None:
    done = run(room, "--yes", "--height", "12", "--time-scale", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "gotapi-demo"
    assert {path.name for path in folder.iterdir()} == FILES
    # The operator was asked, with words for each scope, before anything happened.
    assert re.search(r"asks for access, request [A-Z0-9-]+:", done.stderr)
    for scope in ("3dcapi", "3dps", "3dp"):
        assert f"    {scope}: " in done.stderr
    # The picture shows the model, in the colours of the drawings.
    with Image.open(folder / "view.png") as picture:
        colours = picture.convert("RGB").resize((90, 90)).getcolors(9000) or []
    reds = sum(count for count, (red, green, blue) in colours if red > 1.6 * max(green, blue))
    whites = sum(count for count, colour in colours if min(colour) > 250)
    assert reds > 100
    assert 1000 < whites < 8000
    # The printer accepted the whole file, which heats, extrudes and ends.
    printed = (folder / "printed.gcode").read_text()
    assert re.search(r"^M109 ", printed, re.MULTILINE)
    assert len(re.findall(r"^G1 .*E", printed, re.MULTILINE)) > 500
    [commands] = re.findall(r"Printed: (\d+) commands", done.stdout)
    assert len(printed.splitlines()) >= int(commands)
    for name in FILES:
        assert name in done.stdout
    assert list(room.iterdir()) == []  # the hub and its files are gone


class Screen:
    """The command on a terminal of its own."""

    def __init__(self, room: Path, *words: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        child = (
            "import os; os.login_tty(0); from gotapi_creation.demo.command import demo; "
            "demo(prog_name='gotapi demo')"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", child, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=room.parent,
            env=environment(room),
        )
        os.close(slave)
        self.text = ""

    def expect(self, pattern: str, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while re.search(pattern, self.text, re.DOTALL) is None:
            assert self._read(deadline - time.monotonic()), f"no {pattern!r} in {self.text!r}"

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def exit_code(self) -> int:
        while self._read(60):
            continue
        return self.process.wait(60)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self._master)

    def _read(self, seconds: float) -> bool:
        if seconds <= 0 or not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # the command has ended
            return False
        self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", piece.decode("utf-8", "replace"))
        return bool(piece)


@pytest.fixture
def screen(room: Path) -> Iterator[Screen]:
    screen = Screen(room)
    yield screen
    screen.close()


@pytest.mark.timeout(300)
def test_ctrl_c_ends_everything_it_began(screen: Screen, room: Path) -> None:
    screen.expect(r"Allow it\? \[y/N\] ")
    screen.press(b"y\n")
    screen.expect("2/5 Make a model")
    screen.press(b"\x03")
    assert screen.exit_code() == 130
    assert "Given up" in screen.text
    assert list(room.iterdir()) == []


@pytest.mark.timeout(300)
def test_nothing_happens_without_a_yes(screen: Screen, room: Path) -> None:
    screen.expect(r"Allow it\? \[y/N\] ")
    screen.press(b"n\n")
    assert screen.exit_code() == 1
    assert "did not allow" in screen.text
    assert "1/5" not in screen.text
    assert list(room.iterdir()) == []


@pytest.mark.timeout(120)
def test_a_taken_port_is_told_with_what_to_do(tmp_path: Path, room: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = run(room, "--yes", "--port", port, "--home", str(tmp_path / "home"))
    assert refused.returncode == 1
    assert "is taken by" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_wrong_use_is_told_before_anything_begins(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    def told(*words: str) -> str:
        answer = CliRunner().invoke(demo, list(words))
        assert answer.exit_code in (1, 2)
        return answer.output

    assert "--yes allows it" in told()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    assert "is not empty" in told("--yes", "-o", "full")
    assert "Give --front" in told("--yes", "--right", "right.png", "-o", "a")
    assert "No such file" in told("--yes", "--front", "nowhere.png", "-o", "b")
    (tmp_path / "text.png").write_text("no picture")
    assert "text.png" in told("--yes", "--front", "text.png", "-o", "c")
    assert "thesis.txt" in told("--yes", "-o", "full/thesis.txt")
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"


def test_the_drawings_show_one_figure_from_three_sides(tmp_path: Path) -> None:
    boxes = {view: draw(view).getbbox() for view in View}
    tops = {box[1] for box in boxes.values() if box}
    bottoms = {box[3] for box in boxes.values() if box}
    assert max(tops) - min(tops) <= 2
    assert max(bottoms) - min(bottoms) <= 2
    assert boxes[View.FRONT] == boxes[View.BACK]
    for path in draw_all(tmp_path).values():
        with Image.open(path) as image:
            assert image.mode == "RGBA"
            assert image.height * SIZE[0] == image.width * SIZE[1]
            alpha = image.getchannel("A")
            edge = [alpha.getpixel((0, y)) for y in range(image.height)]
            assert set(edge) == {0}  # nothing is cut off


numbers = st.floats(-1e6, 1e6)


@given(st.tuples(numbers, numbers, numbers), st.tuples(*[st.floats(0.001, 1e4)] * 3))
def test_the_camera_sees_the_whole_model(
    low: tuple[float, float, float], size: tuple[float, float, float]
) -> None:
    high = tuple(a + b for a, b in zip(low, size, strict=True))
    text = portrayals(low, high, 64)
    values = re.search(r"Perspective,([^;]+)", text)
    assert values
    numbers = [float(one) for one in values[1].split(",")]
    place, middle = numbers[:3], numbers[3:6]
    assert numbers[9] == ANGLE
    diagonal = math.dist(low, high)
    away = math.dist(place, middle)
    slack = 1e-5 * (away + max(abs(one) for one in (*low, *high)))
    # A sphere round the box fits into the cone of view, and between near and far.
    assert away * math.sin(math.radians(ANGLE / 2)) >= diagonal / 2 - slack
    near, far = numbers[11], numbers[12]
    assert 0 < near <= away - diagonal / 2 + slack
    assert far >= away + diagonal / 2 - slack


@pytest.mark.parametrize("kind", [Story, BarStory])
def test_both_ways_of_telling_say_the_steps(kind, capsys: pytest.CaptureFixture[str]) -> None:
    with kind() as story:
        story.begin("Draw")
        story.progress("half of it", 0.5)
        story.suspend()
        story.note("a \x1b[31mred\x1b[0m word")
        story.resume()
        story.finish("drawn")
        story.ended("All of it", 0)
    said = "".join(capsys.readouterr())
    for words in ("1/5 Draw", "rawn", "All of it", "word"):
        assert words in said
    assert "\x1b[31m" not in said


async def test_it_looks_at_the_model_and_not_at_its_preview(tmp_path: Path) -> None:
    layer = {"crs": "", "lowerCorner": [0, 0, 0], "upperCorner": [9, 9, 9]}
    titles = ["Preview of model 12", "Preview of model 12", "Model 12"]

    class Hub:
        async def get(self, profile: str, attribute: str, service: str) -> dict[str, object]:
            assert (profile, attribute, service) == ("3dps", "layers", "creation-12.portrayal")
            other = {**layer, "serviceId": "town", "title": "Town"}
            mine = {**layer, "serviceId": "creation-12", "title": titles.pop(0)}
            return {"layers": [other, mine]}

    hub: Any = Hub()
    nothing: Any = None
    found = await Walk(nothing, hub, nothing, tmp_path)._whole("creation-12.portrayal")
    assert (found.title, titles) == ("Model 12", [])
