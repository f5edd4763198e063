"""The worker process from an order to its results, and every bad order to its message."""

import io
import json
import struct
import zlib

import msgspec
import numpy as np
import pytest
from PIL import Image

from gotapi_creation.engine import worker as worker_module
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.order import MODEL_FILES, SIDES, Order, Progress, Report, Said, View
from gotapi_creation.engine.worker import read_order
from gotapi_meshes.reading import read_model

QUICK = {"grid": 64, "triangles": 2000}
EVERYTHING = sorted(
    [*MODEL_FILES, *(f"preview-{side}.png" for side in SIDES), "preview.glb", "report.json"]
)


def failure(done):
    assert done.code == 1, done.errors
    assert "Traceback" not in done.errors
    return done.lines[-1]["failure"]


def test_three_drawings_become_everything(desk, bear_masks):
    done = desk.run(desk.order(bear_masks, options={**QUICK, "foot": True}))
    assert done.code == 0, done.errors
    assert desk.results == EVERYTHING
    said = [msgspec.convert(line, Said) for line in done.lines]
    steps = [one.progress for one in said if one.progress is not None]
    fractions = [one.fraction for one in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert [one.preview for one in steps if one.preview] == ["preview.glb", "preview-front.png"]
    report = said[-1].done
    assert report == msgspec.json.decode((desk.out / "report.json").read_bytes(), type=Report)
    assert (report.watertight, report.manifold, report.parts) == (True, True, 1)
    assert report.views == tuple(View)
    assert report.size[2] == pytest.approx(100, abs=4)
    for name in MODEL_FILES:
        data = (desk.out / name).read_bytes()
        assert report.files[name] == len(data)
        _, mesh = read_model(io.BytesIO(data))
        assert mesh.size == pytest.approx(report.size, abs=1e-2)
        assert mesh.volume() == pytest.approx(report.volume, rel=1e-3)
    with Image.open(desk.out / "preview-front.png") as image:
        red, green, *_ = np.asarray(image)[150, 192].tolist()
        assert red > green


def test_one_drawing_is_enough_and_warnings_are_told_at_once(desk, bear_masks):
    order = desk.order({View.FRONT: bear_masks[View.FRONT]}, options={**QUICK, "preview": False})
    cut = np.asarray(Image.open(order["pictures"]["front"]["path"]))[:, 60:]
    desk.picture("front.png", cut)
    done = desk.run(order)
    assert done.code == 0, done.errors
    warned = [line["warning"]["code"] for line in done.lines if "warning" in line]
    assert warned == ["border"]
    assert done.lines[-1]["done"]["warnings"][0]["view"] == "front"
    assert "preview.glb" not in desk.results


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(side):
    """A picture of 10 kB that unpacks to hundreds of megabytes."""
    rows = zlib.compress(b"\0" * (side // 8 + 2) * side, 9)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def encoded(pixels, kind="PNG", **how):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **how)
    return file.getvalue()


def flat(colour, mode="RGB", size=(300, 300)):
    return np.asarray(Image.new(mode, size, colour))


def broken_inside():
    data = bytearray(encoded(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)))
    place = data.index(b"IDAT") + 40
    data[place : place + 60] = b"\xff" * 60
    return bytes(data)


def animated():
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    return file.getvalue()


def open_outline():
    pixels = flat("white").copy()
    up, across = np.mgrid[0:300, 0:300] - 150
    far = np.hypot(up, across)
    pixels[(far > 97) & (far < 101) & ~((up < 0) & (abs(across) < 40))] = 20
    return pixels


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (encoded(flat("white")), "shows no figure"),
        (encoded(flat("black")), "shows no figure"),
        (encoded(flat((9, 9, 9, 0), "RGBA")), "wholly transparent"),
        (encoded(flat("white", size=(1, 1))), "only 1 x 1 pixels"),
        (bomb(9000), "9000 x 9000 pixels; at most 4096"),
        (encoded(flat("white"))[:-20], "ends too early"),
        (broken_inside(), "is damaged"),
        (encoded(flat("white"), "GIF"), "is a GIF; PNG, JPEG and WebP are taken"),
        (b"no picture at all", "unknown type"),
        (b"", "empty file"),
        (animated(), "is animated"),
        (encoded(open_outline()), "open outline"),
    ],
    ids=[
        "blank", "black", "transparent", "one pixel", "bomb", "truncated", "broken inside", "gif",
        "text", "empty", "animated", "open outline",
    ],
)  # fmt: skip
def test_bad_pictures_each_have_their_message_and_leave_nothing(desk, picture, words):
    path = desk.picture("front.png", picture)
    done = desk.run({"pictures": {"front": {"path": path}}, "folder": str(desk.out)})
    told = failure(done)
    assert (told["code"], told["view"]) == ("picture", "front")
    assert words in told["message"]
    assert desk.results == []


def test_a_bomb_is_small_and_its_pixels_are_never_made(desk):
    assert len(bomb(9000)) < 20_000


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"pictures": {}}, "order", "given: none"),
        ({"template": "dwarf"}, "template", "no template 'dwarf'"),
        ({"attributes": {"style": 0.9}}, "template", "from 0.08 to 0.5"),
        (
            {"engine": "magic"},
            "engine",
            "no engine 'magic'; there are shape, onnx, command, comfyui",
        ),
        ({"options": {"grid": 5000}}, "order", "grid is from 64 to 384; it is 5000"),
        ({"options": {"triangles": 3}}, "order", "triangles is from 500"),
        ({"options": {"height": 0}}, "order", "height is from 5 to 2000"),
        ({"options": {"profile": "wavy"}}, "order", "the order is wrong"),
        ({"folder": "/nowhere/at/all"}, "disk", "cannot be written"),
    ],
)
def test_bad_orders_each_have_their_message(desk, bear_masks, change, code, words):
    told = failure(desk.run({**desk.order(bear_masks), **change}))
    assert told["code"] == code
    assert words in told["message"]
    assert desk.results == []


def test_orders_that_are_none(desk, tmp_path):
    assert "the order is wrong" in failure(desk.run(b"{"))["message"]
    with pytest.raises(CreationError, match="cannot be read"):
        read_order(tmp_path / "nothing.json")


@pytest.mark.parametrize("views", [[View.RIGHT], [View.FRONT, View.BACK]])
def test_numbers_of_drawings_that_are_none(desk, bear_masks, views):
    told = failure(desk.run(desk.order({view: bear_masks[view] for view in views})))
    assert "one drawing is the front, two are front and right" in told["message"]


def test_a_picture_that_is_not_there(desk):
    order = {"pictures": {"front": {"path": "/nowhere.png"}}, "folder": str(desk.out)}
    assert "cannot be read: No such file" in failure(desk.run(order))["message"]


def test_drawings_of_different_figures_are_refused(desk, bear_masks):
    other = np.zeros((200, 120), bool)
    other[:, 55:65] = True
    told = failure(desk.run(desk.order({**bear_masks, View.BACK: other})))
    assert told["view"] == "back"
    assert "are the pictures in the right order?" in told["message"]


def test_a_full_disk_leaves_no_half_result(desk, bear_masks):
    # A file may have 64 blocks of 512 bytes; writing on ends as on a full disk.
    order = desk.order(bear_masks, options=QUICK)
    done = desk.run(order, limit="trap '' XFSZ; ulimit -f 64")
    assert failure(done)["code"] == "disk"
    assert desk.results == []


def test_too_little_memory_is_told_not_died_of(desk, bear_masks, monkeypatch):
    order = msgspec.convert(desk.order(bear_masks), Order)
    said = []

    def hungry(*_):
        raise MemoryError

    monkeypatch.setattr(worker_module, "make", hungry)
    monkeypatch.setattr(worker_module, "_teller", lambda: said.append)
    path = desk.folder / "order.json"
    path.write_bytes(msgspec.json.encode(order))
    assert worker_module.main([str(path)]) == 1
    assert said[-1].failure.code == "memory"
    assert desk.results == []


def test_what_engines_print_is_no_answer(desk, bear_masks, tmp_path, monkeypatch):
    package = tmp_path / "noisy"
    package.mkdir()
    (package / "noisy_engine.py").write_text(
        "import numpy as np\n"
        "from gotapi_creation.engine.base import Model, hookimpl\n"
        "from gotapi_creation.engine.order import Progress\n"
        "class Noisy:\n"
        "    name = 'noisy'\n"
        "    def make(self, job, say):\n"
        "        print('{\"done\": 1}', flush=True)\n"
        "        say(Progress(5.0, 'too far'))\n"
        "        say(Progress(0.2, 'back'))\n"
        "        return Model(np.full((4, 3), np.nan), np.array([[0, 1, 2], [1, 2, 3]]))\n"
        "@hookimpl\n"
        "def creation_engines():\n"
        "    return {'noisy': lambda settings: Noisy()}\n"
    )
    info = package / "noisy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gotapi.creation_engines]\nnoisy = noisy_engine\n")
    monkeypatch.setenv("PYTHONPATH", str(package))
    done = desk.run(desk.order(bear_masks, engine="noisy", options=QUICK))
    told = failure(done)
    assert told["code"] == "engine"
    assert "4 of the 4 vertices that the engine made are no numbers" in told["message"]
    assert '{"done": 1}' in done.errors
    assert desk.results == []
    fractions = [line["progress"]["fraction"] for line in done.lines if "progress" in line]
    assert fractions == sorted(fractions)


def test_an_engine_that_raises_anything_is_told(desk, bear_masks, monkeypatch, capfd):
    order = msgspec.convert(desk.order(bear_masks), Order)
    said = []

    def broken(*_):
        raise KeyError("card")

    monkeypatch.setattr(worker_module, "make", broken)
    monkeypatch.setattr(worker_module, "_teller", lambda: said.append)
    path = desk.folder / "order.json"
    path.write_bytes(msgspec.json.encode(order))
    assert worker_module.main([str(path)]) == 1
    assert said[-1].failure.message == "the engine broke off: KeyError: 'card'"
    assert "Traceback" in capfd.readouterr().err


def test_progress_never_goes_back_and_nan_is_passed_over():
    said = []
    say = worker_module._monotone(said.append)
    for fraction in (0.2, 0.1, float("nan"), 2.0, 0.5):
        say(Progress(fraction, "x"))
    assert [one.progress.fraction for one in said] == [0.2, 0.2, 0.2, 0.2, 0.5]


def test_words_of_the_protocol_need_no_numpy():
    import subprocess
    import sys

    code = (
        "import sys; import gotapi_creation.engine.order, gotapi_creation.engine.errors, "
        "gotapi_creation.engine.templates, gotapi_creation.pictures; "
        "assert not {'numpy', 'scipy', 'PIL', 'skimage'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=50)


def test_an_order_is_what_the_documentation_says():
    text = json.dumps(
        {
            "pictures": {"front": {"path": "f.png", "paper": "#ffffff", "correction": "c.png"}},
            "folder": "out",
            "template": "212",
            "attributes": {"species": "elf", "gender": "female", "age": 90, "style": 0.2},
            "engine": "command",
            "settings": {"arguments": ["make-model", "{front}"]},
            "options": {
                "height": 80,
                "grid": 128,
                "triangles": 9000,
                "profile": "box",
                "foot": True,
            },
        }
    )
    order = msgspec.json.decode(text, type=Order)
    assert order.options.height == 80
    assert bytes(order.settings["arguments"]) == b'["make-model", "{front}"]'
