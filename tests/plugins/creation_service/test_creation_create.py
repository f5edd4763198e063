"""`gotapi create` as a person meets it: every message, with a hub and without one."""

import asyncio
import json
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

from gotapi_core.host.loader import Loaded
from gotapi_core.plugin.manifest import FILE_NAME, parse_manifest
from gotapi_core.protocol.messages import Service
from gotapi_core.testing import live_hub
from gotapi_creation.create import by_hub, direct
from gotapi_creation.create.command import create
from gotapi_creation.create.report import BarReport, Report
from gotapi_creation.create.wish import Unfit, Wish, check
from gotapi_creation.engine.order import View
from gotapi_creation.model import CreationSettings
from gotapi_creation.plugin import CreationPlugin
from gotapi_creation.wire import TemplateEntry

GOOD = """
import json, sys
from pathlib import Path
order = json.loads(Path(sys.argv[1]).read_bytes())
out = Path(order["folder"])
def say(**members): print(json.dumps(members), flush=True)
say(progress={"fraction": 0.5, "stage": "shaping"})
say(warning={"code": "border", "message": "The figure is close to the border", "view": "front"})
for name in ("model.glb", "model.stl", "model.3mf"):
    (out / name).write_text(name + json.dumps(sorted(order["pictures"])))
say(done={"engine": "shape", "template": "human", "views": ["front"], "triangles": 20000,
    "vertices": 3, "size": [53, 16, 100], "volume": 1, "surface": 1, "watertight": True,
    "manifold": True, "parts": 1, "genus": 0, "coloured": True, "agreement": {}, "profiles": {},
    "warnings": [], "files": {}, "seconds": 1.5})
"""
REFUSE = """
import json
print(json.dumps({"failure": {"code": "picture", "message": "the front drawing is blank"}}))
raise SystemExit(1)
"""
CRASH = "print('not one of our words'); raise SystemError('out of ideas')"


@pytest.fixture
def drawings(tmp_path, png) -> Path:
    for name in ("front", "right", "back"):
        (tmp_path / f"{name}.png").write_bytes(png(64, 128))
    return tmp_path


@pytest.fixture
def engine(monkeypatch, tmp_path):
    """Let a program stand in for the worker."""

    def use(program: str) -> None:
        path = tmp_path / "worker.py"
        path.write_text(program)
        monkeypatch.setattr(direct.make, "__defaults__", ((sys.executable, str(path)),))

    return use


def run(folder: Path, *words: str) -> tuple[int, str]:
    """Run the command without a hub; gives exit code and everything it said."""
    front = ("--front", str(folder / "front.png"))
    result = CliRunner().invoke(create, ["--here", *front, *words], catch_exceptions=False)
    return result.exit_code, result.output


def test_a_model_is_made_where_it_is_wanted(drawings, engine) -> None:
    engine(GOOD)
    code, said = run(drawings, "-o", str(drawings / "a.glb"), "-o", str(drawings / "b.STL"))
    assert code == 0
    assert "Shaping: 50%" in said
    assert "Note: The figure is close to the border" in said
    assert "53 x 16 x 100 mm, 20000 triangles, in 1.5 s" in said
    assert (drawings / "a.glb").read_text() == 'model.glb["front"]'
    assert (drawings / "b.STL").read_text() == 'model.stl["front"]'
    assert (drawings / "a.glb").stat().st_mode & 0o777 == 0o644


def test_three_views_are_passed_on(drawings, engine) -> None:
    engine(GOOD)
    more = ["--right", str(drawings / "right.png"), "--back", str(drawings / "back.png")]
    code, _ = run(drawings, *more, "-o", str(drawings / "a.3mf"))
    assert code == 0
    assert json.loads((drawings / "a.3mf").read_text()[9:]) == ["back", "front", "right"]


def test_programs_get_one_object_per_line(drawings, engine) -> None:
    engine(GOOD)
    code, said = run(drawings, "--json", "-o", str(drawings / "a.glb"))
    events = [json.loads(line) for line in said.splitlines()]
    assert {one["event"] for one in events} == {"progress", "note", "ended"}
    assert (events[-1]["event"], events[-1]["exitCode"], code) == ("ended", 0, 0)


@pytest.mark.parametrize(
    ("program", "words"),
    [(REFUSE, "The front drawing is blank"), (CRASH, "it said: SystemError: out of ideas")],
)
def test_a_model_that_cannot_be_made_leaves_nothing(drawings, engine, program, words) -> None:
    engine(program)
    before = sorted(drawings.iterdir())
    code, said = run(drawings, "-o", str(drawings / "a.glb"))
    assert code == 1
    assert words in said
    assert sorted(drawings.iterdir()) == before


def test_a_model_that_is_there_is_not_written_over(drawings, engine) -> None:
    engine(GOOD)
    (drawings / "a.glb").write_text("mine")
    code, said = run(drawings, "-o", str(drawings / "a.glb"))
    assert (code, (drawings / "a.glb").read_text()) == (2, "mine")
    assert "--replace" in said
    assert run(drawings, "-o", str(drawings / "a.glb"), "--replace")[0] == 0
    assert (drawings / "a.glb").read_text() != "mine"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model.obj", "a model ends in .glb, .stl or .3mf"),
        ("model", "a model ends in .glb, .stl or .3mf"),
        ("folder.glb", "is a folder"),
        ("nowhere/model.glb", "there is no folder"),
    ],
)
def test_a_place_where_nothing_can_go_is_refused_at_once(drawings, name, words) -> None:
    (drawings / "folder.glb").mkdir()
    code, said = run(drawings, "-o", str(drawings / name))
    assert code == 2
    assert words in said


def test_one_place_for_two_models_is_refused(drawings) -> None:
    place = ["-o", str(drawings / "a.glb")]
    assert "named twice" in run(drawings, *place, *place)[1]


def bad_pictures(png) -> dict[str, bytes]:
    whole = png(64, 64)
    return {
        "is an empty file": b"",
        "ends too early": whole[:40],
        "is of an unknown type": b"Dear diary",
        "is a GIF": b"GIF89a" + b"\0" * 40,
        "has only 1 x 1 pixels": png(1, 1),
        "is animated": whole[:33] + b"\0\0\0\x08acTL\0\0\0\x05\0\0\0\0\0\0\0\0" + whole[33:],
        "9000 x 9000 pixels": whole[:16] + (9000).to_bytes(4, "big") * 2 + whole[24:],
    }


def test_a_picture_that_is_none_is_named_with_what_to_do(drawings, png) -> None:
    for words, data in bad_pictures(png).items():
        (drawings / "front.png").write_bytes(data)
        code, said = run(drawings, "-o", str(drawings / "a.glb"))
        assert code == 2
        assert words in said, said
        assert "front.png" in said


def test_a_picture_that_is_not_there_is_named(drawings) -> None:
    (drawings / "front.png").unlink()
    code, said = run(drawings, "-o", str(drawings / "a.glb"))
    assert (code, "No such file" in said) == (2, True)
    (drawings / "front.png").mkdir()
    assert "is no file" in run(drawings, "-o", str(drawings / "a.glb"))[1]


def test_a_back_without_a_side_is_refused(drawings) -> None:
    code, said = run(drawings, "--back", str(drawings / "back.png"), "-o", str(drawings / "a.glb"))
    assert code == 2
    assert "--back needs --right too" in said


def test_help_is_for_people_who_never_heard_of_it() -> None:
    said = CliRunner().invoke(create, ["--help"]).output
    assert "3DCAPI" not in said
    assert "One drawing is enough" in said


def test_without_a_hub_it_is_made_here(drawings, engine, monkeypatch, tmp_path) -> None:
    engine(GOOD)
    monkeypatch.setenv("GOTAPI_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr("gotapi_creation.create.command.DEFAULT_URL", "http://127.0.0.1:9")
    out = ["--front", str(drawings / "front.png"), "-o", str(drawings / "a.glb")]
    made = CliRunner().invoke(create, out, env={"GOTAPI_URL": ""}, catch_exceptions=False)
    named = CliRunner().invoke(create, [*out, "--replace", "--url", "http://127.0.0.1:9"])
    assert named.exit_code == 3
    assert "No hub answers" in named.output
    assert made.exit_code in (0, 3, 4)


def test_a_disk_that_is_full_leaves_the_old_model(drawings, monkeypatch) -> None:
    wish = Wish({View.FRONT: drawings / "front.png"}, (drawings / "a.glb",))
    check(wish, replace=False)
    (drawings / "out").mkdir()
    (drawings / "out" / "model.glb").write_text("new")
    (drawings / "a.glb").write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(direct.shutil, "copyfileobj", full)
    with pytest.raises(Unfit, match="cannot be written: No space left"):
        direct._deliver(wish, drawings / "out")
    assert (drawings / "a.glb").read_text() == "old"
    assert not [one for one in drawings.iterdir() if one.name.startswith(".a.glb")]


def service(name: str, *, online: bool = True, scopes: tuple[str, ...] = ("3dcapi",)) -> Service:
    return Service(id=f"{name}.creation", name=name, online=online, scopes=scopes)


def test_the_service_of_this_computer_comes_first() -> None:
    found = [service("far"), service("embedded"), service("printer", scopes=("3dp",))]
    assert by_hub.choose(found, "").name == "embedded"
    assert by_hub.choose(found, "far").name == "far"
    with pytest.raises(Unfit, match="there is: none"):
        by_hub.choose(found, "printer")
    with pytest.raises(Unfit, match=r"there is: far\); --here"):
        by_hub.choose([service("far", online=False)], "")


def test_templates_are_found_by_what_people_call_them() -> None:
    def entry(number: int, species: str, name: str) -> TemplateEntry:
        extra = {"name": name} if name else {}
        return TemplateEntry(number, species, "MALE", 30, 0.1, "", 0, extra)

    known = [
        entry(1, "ELF", "elf-female-child"),
        entry(2, "ELF", "elf-male-adult"),
        entry(3, "ORK", ""),
    ]
    words = ("elf", "1", "Elf-Female-Child", "ork")
    assert [by_hub.find_template(known, one) for one in words] == [2, 1, 1, 3]
    with pytest.raises(Unfit, match="there is: elf-female-child, elf-male-adult, 3"):
        by_hub.find_template(known, "dragon")


def creation_plugin() -> Loaded:
    import gotapi_creation

    manifest = parse_manifest((Path(gotapi_creation.__file__).parent / FILE_NAME).read_bytes())
    return Loaded(
        manifest,
        plugin_type=CreationPlugin,
        profiles=gotapi_creation.gotapi_profiles(),
        settings_type=CreationSettings,
    )


def draw(path: Path, *, side: bool = False) -> None:
    """A figure of a head, a body and legs on nothing."""
    picture = Image.new("RGBA", (300, 500))
    pen = ImageDraw.Draw(picture)
    half = 30 if side else 55
    pen.ellipse((115, 30, 185, 110), fill=(240, 200, 160, 255))
    pen.rectangle((150 - half, 105, 150 + half, 280), fill=(200, 40, 40, 255))
    pen.rectangle((150 - half, 270, 150 + half, 470), fill=(30, 60, 160, 255))
    picture.save(path)


async def test_through_the_hub_with_consent(tmp_path, monkeypatch) -> None:
    """Everything real: hub, consent, embedded service, engine, and the way back."""
    draw(tmp_path / "front.png")
    draw(tmp_path / "right.png", side=True)
    monkeypatch.setenv("GOTAPI_HOME", str(tmp_path / "user"))
    pictures = {View.FRONT: tmp_path / "front.png", View.RIGHT: tmp_path / "right.png"}
    wish = Wish(pictures, (tmp_path / "a.glb", tmp_path / "a.stl"), height=50.0)
    said: list[str] = []

    class Told(Report):
        def note(self, text: str) -> None:
            said.append(text)

        def progress(self, stage: str, fraction: float) -> None:
            said.append(stage)

    blank = tmp_path / "blank.png"
    Image.new("RGB", (64, 64), "white").save(blank)
    failing = Wish({View.FRONT: blank}, (tmp_path / "none.glb",))
    unknown = Wish(pictures, (tmp_path / "none.glb",), template="dragon")
    async with asyncio.timeout(50), live_hub(tmp_path / "home", [creation_plugin()]) as live:
        with click.Context(create):
            making = asyncio.create_task(by_hub.make(wish, Told(), live.url, ""))
            await live.allow()
            message = await making
            with pytest.raises(Unfit, match="The front drawing shows no figure"):
                await by_hub.make(failing, Report(), live.url, "embedded")
            with pytest.raises(Unfit, match="There is no template 'dragon'"):
                await by_hub.make(unknown, Report(), live.url, "")
    assert not (tmp_path / "none.glb").exists()
    assert message.startswith("Made ")
    assert (tmp_path / "a.glb").read_bytes()[:4] == b"glTF"
    assert len((tmp_path / "a.stl").read_bytes()) > 10_000
    assert [one for one in said if "Sending" in one] == ["Sending front.png", "Sending right.png"]
    assert said[-2:] == ["Fetching a.glb", "Fetching a.stl"]
    # Between them there were reports of the engine's own stages.
    assert len(set(said) - {"Sending front.png", "Sending right.png", *said[-2:]}) > 1


def test_a_person_at_a_terminal_sees_a_bar(capsys) -> None:
    with BarReport() as report:
        report.note("Waiting for you\x1b[2J")
        report.progress("shaping", 0.5)
        report.progress("done", 1.0)
        report.ended("Made a.glb", 0)
    said = capsys.readouterr().out
    assert "Waiting for you" in said
    assert "\x1b[2J" not in said
    assert "Made a.glb" in said
